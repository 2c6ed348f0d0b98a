using System.Buffers.Binary;

namespace Stockflow.Avro;

/// <summary>Which .NET values stand for which Avro scalar when writing; every conversion is exact or refused.</summary>
internal static class GenericScalars
{
    public static bool TryLong(AvroSchema schema, object? value, out long number)
    {
        var ticks = AvroTime.TicksPerUnit(schema.Logical);
        long? found = (schema.Logical, value) switch
        {
            (_, int i) => i,
            (_, long l) => l,
            (_, short s) => s,
            (_, byte b) => b,
            (_, uint u) => u,
            (AvroLogicalType.Date, DateOnly date) => AvroTime.FromDate(date),
            (AvroLogicalType.TimeMillis or AvroLogicalType.TimeMicros, TimeOnly time) => time.Ticks / ticks,
            (AvroLogicalType.TimestampMillis or AvroLogicalType.TimestampMicros, DateTimeOffset instant) => AvroTime.ToEpoch(instant.UtcDateTime, ticks),
            (AvroLogicalType.TimestampMillis or AvroLogicalType.TimestampMicros, DateTime { Kind: DateTimeKind.Utc } utc) => AvroTime.ToEpoch(utc, ticks),
            (AvroLogicalType.LocalTimestampMillis or AvroLogicalType.LocalTimestampMicros, DateTime { Kind: DateTimeKind.Unspecified } local) => AvroTime.ToEpoch(local, ticks),
            _ => null,
        };
        number = found ?? 0;
        return found is not null && (schema.Type == AvroType.Long || number == (int)number);
    }

    /// <summary>Floats and integers that a double holds exactly.</summary>
    public static bool TryDouble(object? value, out double number)
    {
        number = value switch { double d => d, float f => f, int i => i, long l => l, short s => s, byte b => b, uint u => u, _ => 0 };
        return value is double or float or int or short or byte or uint || (value is long whole && Math.Abs((double)whole) <= 1L << 53);
    }

    /// <summary>The content of bytes or fixed; for a fixed exactly its size.</summary>
    public static bool TryBytes(AvroSchema schema, object? value, out byte[] bytes)
    {
        bytes = [];
        switch (value)
        {
            case byte[] raw:
                bytes = raw;
                break;
            case ReadOnlyMemory<byte> memory:
                bytes = memory.ToArray();
                break;
            case Guid id when schema is { Logical: AvroLogicalType.Uuid, Type: AvroType.Fixed }:
                bytes = id.ToByteArray(bigEndian: true);
                break;
            case decimal or int or long when schema.Logical == AvroLogicalType.Decimal:
                return TryDecimal(schema, value switch { decimal d => d, int i => i, var other => (long)other }, out bytes);
            default:
                return false;
        }

        return schema.Type == AvroType.Bytes || bytes.Length == schema.Size;
    }

    private static bool TryDecimal(AvroSchema schema, decimal value, out byte[] bytes)
    {
        bytes = [];
        if (!AvroDecimal.TryToUnscaled(value, schema.Scale, out var unscaled) || !AvroDecimal.Fits(unscaled, schema.Precision))
        {
            return false;
        }

        var raw = new byte[16];
        BinaryPrimitives.WriteInt128BigEndian(raw, unscaled);
        var shortest = AvroDecimal.Shortest(raw);
        if (schema.Type == AvroType.Bytes)
        {
            bytes = shortest.ToArray();
            return true;
        }

        if (shortest.Length > schema.Size)
        {
            return false;
        }

        bytes = new byte[schema.Size];
        bytes.AsSpan().Fill(unscaled < 0 ? (byte)0xFF : (byte)0);
        shortest.CopyTo(bytes.AsSpan(schema.Size - shortest.Length));
        return true;
    }
}
