using System.Buffers.Binary;
using System.Text;

namespace Stockflow.Avro;

/// <summary>
/// Reads Avro binary into plain objects. For tools and imports; the stream uses <see cref="RecordReader"/>.
/// <para>
/// null: null; boolean: bool; int: int; long: long; float: float; double: double; bytes and fixed: byte[];
/// string and enum: string; array: List&lt;object?&gt;; map: Dictionary&lt;string, object?&gt;; record:
/// <see cref="AvroRecord"/>; union: the branch's value. Logical types: decimal: decimal; uuid: Guid; date: DateOnly;
/// time-*: TimeOnly; timestamp-*: DateTimeOffset in UTC; local-timestamp-*: DateTime. A value that the .NET type can
/// not hold (29 digits, the year 10000, a string that is no uuid) comes as its base type.
/// </para>
/// </summary>
public static class GenericReader
{
    /// <summary>Reads one value that fills the input.</summary>
    /// <exception cref="AvroDataException">The bytes are malformed, beyond the limits, or left over.</exception>
    public static object? Read(AvroResolution resolution, ReadOnlySpan<byte> input, AvroLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(resolution);
        var position = 0;
        var value = Read(resolution, input, ref position, limits);
        return position == input.Length ? value : throw Error(AvroErrorCode.TrailingBytes, null, position);
    }

    /// <summary>Reads one value that fills the input; compiles the pair of schemas on each call.</summary>
    /// <exception cref="AvroException">The schemas do not resolve, or the bytes are malformed.</exception>
    public static object? Read(AvroSchema writer, AvroSchema reader, ReadOnlySpan<byte> input, AvroLimits? limits = null) =>
        Read(AvroResolution.Compile(writer, reader), input, limits);

    /// <summary>Reads one value at a position and moves the position behind it.</summary>
    /// <exception cref="AvroDataException">The bytes are malformed or beyond the limits.</exception>
    public static object? Read(AvroResolution resolution, ReadOnlySpan<byte> input, ref int position, AvroLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(resolution);
        return Read(resolution.Root, input, ref position, limits ?? AvroLimits.Default);
    }

    internal static object? Read(ResolvedNode node, ReadOnlySpan<byte> input, ref int position, AvroLimits limits)
    {
        // Checked as a whole first, so that nothing is allocated for hostile counts and lengths.
        var walker = new AvroWalker(input, position, limits, limits.MaxItems);
        if (!walker.Walk(node))
        {
            throw Error(walker.Error, walker.Field, walker.Position);
        }

        if (walker.Position - position > limits.MaxBodyBytes)
        {
            throw Error(AvroErrorCode.BodyTooLarge, null, position);
        }

        return Build(node, input, ref position);
    }

    internal static object FromLong(AvroSchema schema, long value) => schema.Type switch
    {
        AvroType.Enum => schema.Symbols[(int)value],
        AvroType.Int => schema.Logical switch
        {
            AvroLogicalType.Date when AvroTime.ToDate(value) is { } date => date,
            AvroLogicalType.TimeMillis when AvroTime.ToTime(value, TimeSpan.TicksPerMillisecond) is { } time => time,
            _ => (int)value,
        },
        _ => schema.Logical switch
        {
            AvroLogicalType.TimeMicros when AvroTime.ToTime(value, TimeSpan.TicksPerMicrosecond) is { } time => time,
            AvroLogicalType.TimestampMillis or AvroLogicalType.TimestampMicros
                when AvroTime.FromEpoch(value, AvroTime.TicksPerUnit(schema.Logical), DateTimeKind.Utc) is { } utc => new DateTimeOffset(utc),
            AvroLogicalType.LocalTimestampMillis or AvroLogicalType.LocalTimestampMicros
                when AvroTime.FromEpoch(value, AvroTime.TicksPerUnit(schema.Logical), DateTimeKind.Unspecified) is { } local => local,
            _ => value,
        },
    };

    internal static object FromBytes(AvroSchema schema, ReadOnlySpan<byte> bytes)
    {
        switch (schema.Logical)
        {
            case AvroLogicalType.Decimal when AvroDecimal.TryRead(bytes, schema.Scale, out var number):
                return number;
            case AvroLogicalType.Uuid when schema.Type == AvroType.Fixed:
                return new Guid(bytes, bigEndian: true);
            case AvroLogicalType.Uuid when Guid.TryParseExact(Encoding.UTF8.GetString(bytes), "D", out var id):
                return id;
            default:
                return schema.Type == AvroType.String ? Encoding.UTF8.GetString(bytes) : bytes.ToArray();
        }
    }

    private static AvroDataException Error(AvroErrorCode code, string? field, int position) =>
        new(code, position, "Avro data: " + new AvroReadResult(code, field, position).Message + ".");

    private static object? Build(ResolvedNode node, ReadOnlySpan<byte> input, ref int position)
    {
        switch (node.Kind)
        {
            case ResolvedKind.Null:
                return null;
            case ResolvedKind.Boolean:
                return input[position++] != 0;
            case ResolvedKind.Int or ResolvedKind.Long or ResolvedKind.IntToLong:
                return FromLong(node.Reader, Long(input, ref position));
            case ResolvedKind.MillisToMicros:
                return FromLong(node.Reader, Long(input, ref position) * 1000);
            case ResolvedKind.MicrosToMillis:
                return FromLong(node.Reader, AvroTime.FloorDivide(Long(input, ref position), 1000));
            case ResolvedKind.IntToFloat or ResolvedKind.LongToFloat:
                return (float)Long(input, ref position);
            case ResolvedKind.IntToDouble or ResolvedKind.LongToDouble:
                return (double)Long(input, ref position);
            case ResolvedKind.Float:
                return BinaryPrimitives.ReadSingleLittleEndian(Take(input, ref position, 4));
            case ResolvedKind.FloatToDouble:
                return (double)BinaryPrimitives.ReadSingleLittleEndian(Take(input, ref position, 4));
            case ResolvedKind.Double:
                return BinaryPrimitives.ReadDoubleLittleEndian(Take(input, ref position, 8));
            case ResolvedKind.Bytes or ResolvedKind.String or ResolvedKind.BytesToString or ResolvedKind.StringToBytes:
                return FromBytes(node.Reader, Take(input, ref position, (int)Long(input, ref position)));
            case ResolvedKind.Fixed:
                return FromBytes(node.Reader, Take(input, ref position, node.Writer.Size));
            case ResolvedKind.Enum:
                return node.Reader.Symbols[node.Symbols[(int)Long(input, ref position)]];
            case ResolvedKind.ReaderUnion:
                return Build(node.Children[0], input, ref position);
            case ResolvedKind.WriterUnion:
                return Build(node.Children[(int)Long(input, ref position)], input, ref position);
            case ResolvedKind.Record:
                return BuildRecord(node, input, ref position);
            default:
                return BuildItems(node, input, ref position);
        }
    }

    private static AvroRecord BuildRecord(ResolvedNode node, ReadOnlySpan<byte> input, ref int position)
    {
        var record = new AvroRecord(node.Reader);
        foreach (var field in node.Fields)
        {
            var value = Build(field.Node, input, ref position);
            if (field.ReaderIndex >= 0)
            {
                record[field.ReaderIndex] = value;
            }
        }

        foreach (var (field, encoded, own) in node.Defaults)
        {
            var start = 0;
            record[field.Index] = Build(own, encoded, ref start);
        }

        return record;
    }

    private static object BuildItems(ResolvedNode node, ReadOnlySpan<byte> input, ref int position)
    {
        var list = node.Kind == ResolvedKind.Array ? new List<object?>() : null;
        var map = list is null ? new Dictionary<string, object?>(StringComparer.Ordinal) : null;
        for (var count = Long(input, ref position); count != 0; count = Long(input, ref position))
        {
            if (count < 0)
            {
                count = -count;
                Long(input, ref position);
            }

            for (; count > 0; count--)
            {
                if (list is not null)
                {
                    list.Add(Build(node.Children[0], input, ref position));
                    continue;
                }

                var key = Encoding.UTF8.GetString(Take(input, ref position, (int)Long(input, ref position)));
                map![key] = Build(node.Children[0], input, ref position);
            }
        }

        return list is null ? map! : list;
    }

    private static long Long(ReadOnlySpan<byte> input, ref int position) =>
        AvroVarint.TryRead(input, ref position, out var value) ? value : throw Error(AvroErrorCode.BadVarint, null, position);

    private static ReadOnlySpan<byte> Take(ReadOnlySpan<byte> input, ref int position, int size)
    {
        var bytes = input.Slice(position, size);
        position += size;
        return bytes;
    }
}
