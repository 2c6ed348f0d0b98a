using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Stockflow.Model;

/// <summary>Four inputs of one length at a time, a lane of a vector each: the hash is a chain of steps that wait for each other.</summary>
public static partial class SipHash128
{
    /// <summary>Inputs that <see cref="HashFour"/> takes at a time.</summary>
    public const int Lanes = 4;

    /// <summary>Whether this machine gains by <see cref="HashFour"/>.</summary>
    public static bool HasLanes => Vector256.IsHardwareAccelerated && BitConverter.IsLittleEndian;

    /// <summary>Hashes of the inputs that begin at four places of <paramref name="arena"/>; each as <see cref="Hash(ReadOnlySpan{byte})"/> gives it.</summary>
    /// <param name="arena">What the inputs lie in.</param>
    /// <param name="starts">Their <see cref="Lanes"/> first bytes.</param>
    /// <param name="length">Bytes of each, at least 8.</param>
    /// <param name="hashes">Room for <see cref="Lanes"/> hashes.</param>
    public static void HashFour(ReadOnlySpan<byte> arena, ReadOnlySpan<int> starts, int length, Span<UInt128> hashes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 8);
        ref var a = ref Input(arena, starts[0], length);
        ref var b = ref Input(arena, starts[1], length);
        ref var c = ref Input(arena, starts[2], length);
        ref var d = ref Input(arena, starts[3], length);
        var v0 = Vector256.Create(Key0 ^ 0x736f6d6570736575);
        var v1 = Vector256.Create(Key1 ^ 0x646f72616e646f6d ^ 0xee);
        var v2 = Vector256.Create(Key0 ^ 0x6c7967656e657261);
        var v3 = Vector256.Create(Key1 ^ 0x7465646279746573);
        var i = 0;
        for (; i + 8 <= length; i += 8)
        {
            var m = Words(ref a, ref b, ref c, ref d, i);
            v3 ^= m;
            Round(ref v0, ref v1, ref v2, ref v3);
            Round(ref v0, ref v1, ref v2, ref v3);
            v0 ^= m;
        }

        var last = Vector256.Create((ulong)length << 56);
        if (i < length)
        {
            last |= Words(ref a, ref b, ref c, ref d, length - 8) >> (64 - (8 * (length - i)));
        }

        v3 ^= last;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= last;
        v2 ^= Vector256.Create(0xeeUL);
        Finish(ref v0, ref v1, ref v2, ref v3);
        var low = v0 ^ v1 ^ v2 ^ v3;
        v1 ^= Vector256.Create(0xddUL);
        Finish(ref v0, ref v1, ref v2, ref v3);
        var high = v0 ^ v1 ^ v2 ^ v3;
        for (var lane = 0; lane < Lanes; lane++)
        {
            hashes[lane] = new UInt128(high[lane], low[lane]);
        }
    }

    private static ref byte Input(ReadOnlySpan<byte> arena, int start, int length) => ref MemoryMarshal.GetReference(arena.Slice(start, length));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Words(ref byte a, ref byte b, ref byte c, ref byte d, int at) =>
        Vector256.Create(Word(ref a, at), Word(ref b, at), Word(ref c, at), Word(ref d, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(ref Vector256<ulong> v0, ref Vector256<ulong> v1, ref Vector256<ulong> v2, ref Vector256<ulong> v3)
    {
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref Vector256<ulong> v0, ref Vector256<ulong> v1, ref Vector256<ulong> v2, ref Vector256<ulong> v3)
    {
        v0 += v1;
        v1 = ((v1 << 13) | (v1 >>> 51)) ^ v0;
        v0 = Halves(v0);
        v2 += v3;
        v3 = ((v3 << 16) | (v3 >>> 48)) ^ v2;
        v0 += v3;
        v3 = ((v3 << 21) | (v3 >>> 43)) ^ v0;
        v2 += v1;
        v1 = ((v1 << 17) | (v1 >>> 47)) ^ v2;
        v2 = Halves(v2);
    }

    // By 32 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Halves(Vector256<ulong> v) =>
        Vector256.Shuffle(v.AsUInt32(), Vector256.Create(1u, 0, 3, 2, 5, 4, 7, 6)).AsUInt64();
}
