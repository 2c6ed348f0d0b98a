using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Stockflow.Model;

/// <summary>
/// SipHash-2-4 with a 128-bit result (Aumasson and Bernstein, 2012; the reference code's 128-bit variant). The fingerprint of an event_id:
/// stable for ever, because stored fingerprints outlive a process. The mirror has no System.IO.Hashing, and a keyed hash leaves a producer
/// no easy way to make two ids collide.
/// </summary>
public static partial class SipHash128
{
    private const ulong Key0 = 0x53746F636B666C6F, Key1 = 0x77206576656E7473;

    public static UInt128 Hash(ReadOnlySpan<byte> data) => Hash(data, Key0, Key1);

    public static UInt128 Hash(ReadOnlySpan<byte> data, ulong k0, ulong k1)
    {
        var v0 = k0 ^ 0x736f6d6570736575;
        var v1 = k1 ^ 0x646f72616e646f6d ^ 0xee;
        var v2 = k0 ^ 0x6c7967656e657261;
        var v3 = k1 ^ 0x7465646279746573;
        ref var start = ref MemoryMarshal.GetReference(data);
        var words = data.Length & ~7;
        for (var i = 0; i < words; i += 8)
        {
            var m = Word(ref start, i);
            v3 ^= m;
            Round(ref v0, ref v1, ref v2, ref v3);
            Round(ref v0, ref v1, ref v2, ref v3);
            v0 ^= m;
        }

        var last = ((ulong)data.Length << 56) | Rest(data, words);
        v3 ^= last;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= last;
        v2 ^= 0xee;
        Finish(ref v0, ref v1, ref v2, ref v3);
        var low = v0 ^ v1 ^ v2 ^ v3;
        v1 ^= 0xdd;
        Finish(ref v0, ref v1, ref v2, ref v3);
        return new UInt128(v0 ^ v1 ^ v2 ^ v3, low);
    }

    private static ulong Word(ref byte start, int at)
    {
        var word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, at));
        return BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);
    }

    // The 0 to 7 bytes behind the words: of a longer input, the upper bytes of its last eight.
    private static ulong Rest(ReadOnlySpan<byte> data, int words)
    {
        var count = data.Length - words;
        if (count == 0)
        {
            return 0;
        }

        if (words > 0)
        {
            return Word(ref MemoryMarshal.GetReference(data), data.Length - 8) >> (64 - (8 * count));
        }

        ulong rest = 0;
        for (var i = 0; i < count; i++)
        {
            rest |= (ulong)data[i] << (8 * i);
        }

        return rest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v3;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
