using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text.Unicode;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>
/// The steps of a <see cref="MovementReader"/>: each reads one value at a position of the arena into a field and returns the position after it.
/// A step reads at most <see cref="Slack"/> bytes from its position without looking where the body ends, and steps over at most as many.
/// What it can not take, or would pass the end with, gives a position behind the end; positions never come back from there, so only the
/// last one has to be looked at.
/// </summary>
internal static class MovementValues
{
    /// <summary>Bytes that a step may read beyond its position unasked: a length or null branch of 2 bytes, and two vectors.</summary>
    public const int Slack = 34;

    /// <summary>Longer texts are left to the <see cref="RecordReader"/>, with its limits.</summary>
    public const int MaximumText = 1024;

    private const ulong HighBits = 0x8080808080808080UL;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Text(ref byte arena, int position, int end, ref Slice target)
    {
        uint first = Unsafe.Add(ref arena, position);
        var start = position + 1;
        var length = (int)(first >> 1);
        if ((first & 0x81) == 0 && start + length <= end && IsAscii(ref Unsafe.Add(ref arena, start), length))
        {
            target = new Slice(start, length);
            return start + length;
        }

        return LongText(ref arena, position, end, ref target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int NullableText(ref byte arena, int position, int end, ref Slice target, int nullBranch)
    {
        int branch = Unsafe.Add(ref arena, position);
        if (branch == nullBranch)
        {
            target = new Slice(-1, 0);
            return position + 1;
        }

        return (branch ^ nullBranch) == 2 && branch <= 2 ? Text(ref arena, position + 1, end, ref target) : end + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Long(ref byte arena, int position, int end, ref long target)
    {
        var word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref arena, position));
        var stop = ~word & HighBits;
        if ((stop & 0x80) != 0)
        {
            word &= 0x7F;
        }
        else if (stop != 0)
        {
            word = Fold(word & (stop ^ (stop - 1)));
        }
        else
        {
            return end + 1;
        }

        target = (long)(word >> 1) ^ -(long)(word & 1);
        return position + (BitOperations.TrailingZeroCount(stop) >> 3) + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int NullableLong(ref byte arena, int position, int end, ref long target, int nullBranch)
    {
        int branch = Unsafe.Add(ref arena, position);
        if (branch == nullBranch)
        {
            target = Movement.Absent;
            return position + 1;
        }

        return (branch ^ nullBranch) == 2 && branch <= 2 ? Long(ref arena, position + 1, end, ref target) : end + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Kind(ref byte arena, int position, int end, ref MovementType target, int[] symbols)
    {
        uint first = Unsafe.Add(ref arena, position);
        var symbol = first >> 1;
        if ((first & 0x81) != 0 || symbol >= (uint)symbols.Length || symbols[symbol] < 0)
        {
            return end + 1;
        }

        target = (MovementType)symbols[symbol];
        return position + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Money(ref byte arena, int position, int end, ref long target)
    {
        uint first = Unsafe.Add(ref arena, position);
        var length = (int)(first >> 1);
        if ((first & 1) != 0 || (uint)(length - 1) >= 8)
        {
            return end + 1;
        }

        var word = Unsafe.ReadUnaligned<long>(ref Unsafe.Add(ref arena, position + 1));
        var value = BinaryPrimitives.ReverseEndianness(word) >> (64 - (length * 8));
        target = value is <= Movement.MaximumMoney and >= -Movement.MaximumMoney ? value : Movement.OutOfRange;
        return position + 1 + length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int NullableMoney(ref byte arena, int position, int end, ref long target, int nullBranch)
    {
        int branch = Unsafe.Add(ref arena, position);
        if (branch == nullBranch)
        {
            target = Movement.Absent;
            return position + 1;
        }

        return (branch ^ nullBranch) == 2 && branch <= 2 ? Money(ref arena, position + 1, end, ref target) : end + 1;
    }

    /// <summary>A map, kept as it is written; most are empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Map(ref byte arena, int position, int end, ref Slice target, ref int itemsLeft, MovementReader reader, int node)
    {
        var after = Unsafe.Add(ref arena, position) == 0 ? position + 1 : reader.Walk(ref arena, position, end, ref itemsLeft, node);
        target = new Slice(position, after - position);
        return after;
    }

    /// <summary>A map of texts as most are written: one block of few entries, or none.</summary>
    public static int TextMap(ref byte arena, int position, int end, ref Slice target, ref int itemsLeft, MovementReader reader, int node)
    {
        uint first = Unsafe.Add(ref arena, position);
        if (first == 0)
        {
            target = new Slice(position, 1);
            return position + 1;
        }

        // An odd count is below zero, and a size follows it.
        if ((first & 0x81) == 0 && first >> 1 <= itemsLeft)
        {
            var at = position + 1;
            Slice ignored = default;
            for (var left = first; left > 0 && at < end; left--)
            {
                // Two steps a count: a key and a value.
                at = Text(ref arena, at, end, ref ignored);
            }

            if (at < end && Unsafe.Add(ref arena, at) == 0)
            {
                itemsLeft -= (int)(first >> 1);
                target = new Slice(position, at + 1 - position);
                return at + 1;
            }
        }

        return Map(ref arena, position, end, ref target, ref itemsLeft, reader, node);
    }

    /// <summary>For a field that the writer lacks.</summary>
    public static void NoText(ref Slice target) => target = new Slice(-1, 0);

    /// <inheritdoc cref="NoText"/>
    public static void NoNumber(ref long target) => target = Movement.Absent;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int LongText(ref byte arena, int position, int end, ref Slice target)
    {
        var next = AvroVarint.Read(ref arena, position, end, out var length);
        if (next < 0 || (ulong)length > (ulong)Math.Min(MaximumText, end - next)
            || !Utf8.IsValid(MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref arena, next), (int)length)))
        {
            return end + 1;
        }

        target = new Slice(next, (int)length);
        return next + (int)length;
    }

    /// <summary>Of at most 63 bytes; where there are fewer than 16, the bytes behind them are read and do not matter.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsAscii(ref byte text, int length)
    {
        var bytes = Vector128.LoadUnsafe(ref text);
        if (length <= 16)
        {
            return (bytes.ExtractMostSignificantBits() & ((1u << length) - 1)) == 0;
        }

        bytes |= Vector128.LoadUnsafe(ref text, (nuint)(length - 16));
        if (length > 32)
        {
            bytes |= Vector128.LoadUnsafe(ref text, 16) | Vector128.LoadUnsafe(ref text, (nuint)(length - 32));
        }

        return bytes.ExtractMostSignificantBits() == 0;
    }

    // Eight groups of seven bits to 56 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Fold(ulong word)
    {
        if (Bmi2.X64.IsSupported)
        {
            return Bmi2.X64.ParallelBitExtract(word, ~HighBits);
        }

        word = (word & 0x007F007F007F007FUL) | ((word & 0x7F007F007F007F00UL) >> 1);
        word = (word & 0x00003FFF00003FFFUL) | ((word & 0x3FFF00003FFF0000UL) >> 2);
        return (word & 0x000000000FFFFFFFUL) | ((word & 0x0FFFFFFF00000000UL) >> 4);
    }
}
