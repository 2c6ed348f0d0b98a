using System.Buffers.Binary;
using System.Numerics;

namespace Stockflow.Avro;

/// <summary>
/// Conversions between a decimal's raw bytes (two's complement, big-endian, unscaled) and numbers. None allocates.
/// </summary>
public static class AvroDecimal
{
    private const int MaxScale = 28;

    /// <summary>The unscaled integer of raw bytes; false if it does not fit 128 bits. No bytes mean zero.</summary>
    public static bool TryReadUnscaled(ReadOnlySpan<byte> raw, out Int128 unscaled)
    {
        raw = Shortest(raw);
        unscaled = 0;
        if (raw.Length > 16)
        {
            return false;
        }

        if (raw.Length > 0)
        {
            Span<byte> padded = stackalloc byte[16];
            padded.Fill((raw[0] & 0x80) == 0 ? (byte)0 : (byte)0xFF);
            raw.CopyTo(padded[(16 - raw.Length)..]);
            unscaled = BinaryPrimitives.ReadInt128BigEndian(padded);
        }

        return true;
    }

    /// <summary>The unscaled integer of raw bytes as a long; false if it does not fit.</summary>
    public static bool TryReadInt64(ReadOnlySpan<byte> raw, out long unscaled)
    {
        if (raw.Length <= 8)
        {
            long value = raw.Length > 0 && (raw[0] & 0x80) != 0 ? -1 : 0;
            foreach (var b in raw)
            {
                value = (value << 8) | b;
            }

            unscaled = value;
            return true;
        }

        var fits = TryReadUnscaled(raw, out var wide) && wide >= long.MinValue && wide <= long.MaxValue;
        unscaled = fits ? (long)wide : 0;
        return fits;
    }

    /// <summary>The value of raw bytes at a scale; false if it does not fit <see cref="decimal"/> exactly.</summary>
    public static bool TryRead(ReadOnlySpan<byte> raw, int scale, out decimal value)
    {
        value = 0;
        if (scale is < 0 or > MaxScale || !TryReadUnscaled(raw, out var unscaled))
        {
            return false;
        }

        var magnitude = unscaled < 0 ? (UInt128)(-unscaled) : (UInt128)unscaled;
        if (magnitude >> 96 != 0)
        {
            return false;
        }

        value = new decimal((int)(uint)magnitude, (int)(uint)(magnitude >> 32), (int)(uint)(magnitude >> 64), unscaled < 0, (byte)scale);
        return true;
    }

    /// <summary>The integer value times 10^scale; false if digits would be lost or it does not fit 128 bits.</summary>
    public static bool TryToUnscaled(decimal value, int scale, out Int128 unscaled)
    {
        Span<int> bits = stackalloc int[4];
        decimal.GetBits(value, bits);
        unscaled = (Int128)(((UInt128)(uint)bits[2] << 64) | ((UInt128)(uint)bits[1] << 32) | (uint)bits[0]);
        var shift = scale - ((bits[3] >> 16) & 0xFF);
        for (; shift > 0; shift--)
        {
            if (unscaled > Int128.MaxValue / 10)
            {
                return false;
            }

            unscaled *= 10;
        }

        for (; shift < 0; shift++)
        {
            (unscaled, var rest) = Int128.DivRem(unscaled, 10);
            if (rest != 0)
            {
                return false;
            }
        }

        unscaled = bits[3] < 0 ? -unscaled : unscaled;
        return true;
    }

    /// <summary>The bytes without leading ones that only repeat the sign; at least one byte of those given.</summary>
    public static ReadOnlySpan<byte> Shortest(ReadOnlySpan<byte> raw)
    {
        while (raw.Length > 1 && ((raw[0] == 0 && raw[1] < 0x80) || (raw[0] == 0xFF && raw[1] >= 0x80)))
        {
            raw = raw[1..];
        }

        return raw;
    }

    /// <summary>True if the unscaled integer has at most so many digits.</summary>
    internal static bool Fits(Int128 unscaled, int precision) =>
        precision >= 38 || BigInteger.Abs((BigInteger)unscaled) < BigInteger.Pow(10, precision);
}
