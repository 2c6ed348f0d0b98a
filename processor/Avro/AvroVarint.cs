using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Stockflow.Avro;

/// <summary>
/// Zig-zag variable-length integers of the specification's "Binary Encoding". Reading takes the position by value
/// and returns the next one, so that callers can keep it in a register; a negative result is an error.
/// </summary>
internal static class AvroVarint
{
    public const int Truncated = -1;
    public const int Malformed = -2;
    private const ulong HighBits = 0x8080808080808080UL;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Read(ref byte start, int position, int end, out long value)
    {
        if (position < end)
        {
            uint first = Unsafe.Add(ref start, position);
            if (first < 0x80)
            {
                value = (int)(first >> 1) ^ -(int)(first & 1);
                return position + 1;
            }
        }

        return ReadLonger(ref start, position, end, out value);
    }

    public static AvroErrorCode Error(int next) => next == Truncated ? AvroErrorCode.Truncated : AvroErrorCode.BadVarint;

    /// <summary>Reads from a span; false if it is malformed or truncated.</summary>
    public static bool TryRead(ReadOnlySpan<byte> span, ref int position, out long value)
    {
        var next = Read(ref MemoryMarshal.GetReference(span), position, span.Length, out value);
        position = next < 0 ? position : next;
        return next >= 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ReadLonger(ref byte start, int position, int end, out long value)
    {
        if (end - position >= 8)
        {
            var word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, position));
            word = BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);
            var stop = ~word & HighBits;
            if (stop != 0)
            {
                // Keeps the bytes up to the first without its high bit, then folds eight groups of seven bits.
                word &= stop ^ (stop - 1);
                word = (word & 0x007F007F007F007FUL) | ((word & 0x7F007F007F007F00UL) >> 1);
                word = (word & 0x00003FFF00003FFFUL) | ((word & 0x3FFF00003FFF0000UL) >> 2);
                word = (word & 0x000000000FFFFFFFUL) | ((word & 0x0FFFFFFF00000000UL) >> 4);
                value = (long)(word >> 1) ^ -(long)(word & 1);
                return position + (BitOperations.TrailingZeroCount(stop) >> 3) + 1;
            }
        }

        ulong rest = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (position >= end)
            {
                value = 0;
                return Truncated;
            }

            var b = Unsafe.Add(ref start, position++);
            if (shift == 63 && b > 1)
            {
                break;
            }

            rest |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                value = (long)(rest >> 1) ^ -(long)(rest & 1);
                return position;
            }
        }

        value = 0;
        return Malformed;
    }
}
