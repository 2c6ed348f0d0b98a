using System.Buffers.Binary;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>
/// A position as the value of a Redis hash field: 56 bytes little-endian, below the 64 up to which Redis keeps small hashes packed.
/// Layout: version 1 byte; on-hand 8; unsellable, reserved, in-transit in, in-transit out 6 each; last event time, last count time 6 each;
/// last counted quantity 6; change number 5. In Lua: <c>struct.unpack("&lt;Bi8i6i6i6i6i6i6i6I5", value)</c>.
/// </summary>
public static class PositionCodec
{
    public const int Size = 1 + 8 + (7 * 6) + 5;
    private const byte Layout = 1;

    /// <summary>Largest magnitude of a 6-byte field, 2^47 - 1.</summary>
    private const long Limit48 = (1L << 47) - 1;

    public static void Write(in PositionState state, Span<byte> target)
    {
        target[0] = Layout;
        BinaryPrimitives.WriteInt64LittleEndian(target[1..], state.OnHand);
        Write48(target[9..], state.Unsellable);
        Write48(target[15..], state.Reserved);
        Write48(target[21..], state.InTransitIn);
        Write48(target[27..], state.InTransitOut);
        Write48(target[33..], state.LastEventTs);
        Write48(target[39..], state.LastCountTs);
        Write48(target[45..], state.LastCountQty);
        BinaryPrimitives.WriteUInt32LittleEndian(target[51..], (uint)state.Version);
        target[55] = (byte)(state.Version >> 32);
    }

    /// <exception cref="FormatException">The value is not a position of a known layout.</exception>
    public static PositionState Read(ReadOnlySpan<byte> source)
    {
        if (source.Length != Size || source[0] != Layout)
        {
            throw new FormatException(
                $"A stored position of {source.Length} bytes is not of layout {Layout}: another version of the processor wrote it. Run one version, or rebuild.");
        }

        return new PositionState
        {
            OnHand = BinaryPrimitives.ReadInt64LittleEndian(source[1..]),
            Unsellable = Read48(source[9..]),
            Reserved = Read48(source[15..]),
            InTransitIn = Read48(source[21..]),
            InTransitOut = Read48(source[27..]),
            LastEventTs = Read48(source[33..]),
            LastCountTs = Read48(source[39..]),
            LastCountQty = Read48(source[45..]),
            Version = BinaryPrimitives.ReadUInt32LittleEndian(source[51..]) | ((long)source[55] << 32),
        };
    }

    private static void Write48(Span<byte> target, long value)
    {
        if (value is > Limit48 or < -Limit48)
        {
            throw new OverflowException($"A position's quantity {value} is beyond 48 bits.");
        }

        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)value);
        BinaryPrimitives.WriteUInt16LittleEndian(target[4..], (ushort)(value >> 32));
    }

    private static long Read48(ReadOnlySpan<byte> source) =>
        (BinaryPrimitives.ReadUInt32LittleEndian(source) | ((long)BinaryPrimitives.ReadInt16LittleEndian(source[4..]) << 32));
}
