using System.Buffers.Binary;
using System.Collections;
using System.Globalization;

namespace Stockflow.Avro;

/// <summary>
/// Writes plain objects as Avro binary. Takes what <see cref="GenericReader"/> gives, the base type of each logical
/// type, any integer type that fits, and for a record also a dictionary by field name; a field that is absent is
/// written as its default. A union takes the first branch that the value fits exactly, else the first that it fits.
/// </summary>
public static class GenericWriter
{
    private const int MaxDepth = 64;

    /// <summary>Writes one value into new bytes.</summary>
    /// <exception cref="AvroDataException">The value does not fit its schema; the message names the field.</exception>
    public static byte[] Write(AvroSchema schema, object? value)
    {
        var encoder = new AvroEncoder();
        Write(encoder, schema, value);
        return encoder.WrittenSpan.ToArray();
    }

    /// <summary>Appends one value. After a failure the encoder holds part of it.</summary>
    /// <exception cref="AvroDataException">The value does not fit its schema; the message names the field.</exception>
    public static void Write(AvroEncoder encoder, AvroSchema schema, object? value)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(schema);
        Write(encoder, schema, value, schema.FullName, 0);
    }

    private static AvroDataException Mismatch(AvroSchema schema, object? value, string path, string? why = null) => new(
        AvroErrorCode.ValueMismatch,
        -1,
        $"Avro value at {path}: {(value is null ? "null" : $"a {value.GetType().Name}")} {why ?? $"is no {Describe(schema)}"}.");

    private static string Describe(AvroSchema schema) =>
        schema.Logical == AvroLogicalType.None ? schema.FullName : $"{schema.FullName} ({AvroLogicalTypes.NameOf(schema.Logical)})";

    private static void Write(AvroEncoder encoder, AvroSchema schema, object? value, string path, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new AvroDataException(AvroErrorCode.TooDeep, -1, $"Avro value at {path}: nested deeper than {MaxDepth}.");
        }

        switch (schema.Type)
        {
            case AvroType.Record:
                WriteRecord(encoder, schema, value as IReadOnlyDictionary<string, object?> ?? throw Mismatch(schema, value, path), path, depth);
                break;
            case AvroType.Union:
                var branch = BranchOf(schema, value);
                if (branch < 0)
                {
                    throw Mismatch(schema, value, path, "fits no branch of the union");
                }

                encoder.WriteUnionIndex(branch);
                Write(encoder, schema.Branches[branch], value, path, depth + 1);
                break;
            case AvroType.Array:
                WriteItems(encoder, schema, value is IEnumerable items and not (string or byte[] or IReadOnlyDictionary<string, object?>) ? items : throw Mismatch(schema, value, path), path, depth);
                break;
            case AvroType.Map:
                WriteEntries(encoder, schema, value as IReadOnlyDictionary<string, object?> ?? throw Mismatch(schema, value, path), path, depth);
                break;
            default:
                if (!TryScalar(encoder, schema, value))
                {
                    throw Mismatch(schema, value, path);
                }

                break;
        }
    }

    private static void WriteRecord(AvroEncoder encoder, AvroSchema schema, IReadOnlyDictionary<string, object?> record, string path, int depth)
    {
        foreach (var field in schema.Fields)
        {
            if (record.TryGetValue(field.Name, out var value))
            {
                Write(encoder, field.Schema, value, $"{path}.{field.Name}", depth + 1);
            }
            else if (field.HasDefault)
            {
                encoder.WriteFixed(AvroDefault.Encode(field));
            }
            else
            {
                throw new AvroDataException(AvroErrorCode.ValueMismatch, -1, $"Avro value at {path}.{field.Name}: the field is missing and has no default.");
            }
        }
    }

    private static void WriteItems(AvroEncoder encoder, AvroSchema schema, IEnumerable items, string path, int depth)
    {
        var all = items as ICollection ?? items.Cast<object?>().ToList();
        if (all.Count > 0)
        {
            encoder.WriteBlockStart(all.Count);
            var index = 0;
            foreach (var item in all)
            {
                Write(encoder, schema.Items!, item, string.Create(CultureInfo.InvariantCulture, $"{path}[{index++}]"), depth + 1);
            }
        }

        encoder.WriteBlockEnd();
    }

    private static void WriteEntries(AvroEncoder encoder, AvroSchema schema, IReadOnlyDictionary<string, object?> map, string path, int depth)
    {
        if (map.Count > 0)
        {
            encoder.WriteBlockStart(map.Count);
            foreach (var (key, value) in map)
            {
                encoder.WriteString(key);
                Write(encoder, schema.Items!, value, $"{path}['{key}']", depth + 1);
            }
        }

        encoder.WriteBlockEnd();
    }

    internal static int BranchOf(AvroSchema union, object? value)
    {
        // Exact: what the reader would give for the branch. Then whatever the branch can hold, such as an int in a long.
        for (var i = 0; i < union.Branches.Count; i++)
        {
            if (IsExact(union.Branches[i], value))
            {
                return i;
            }
        }

        for (var i = 0; i < union.Branches.Count; i++)
        {
            if (Fits(union.Branches[i], value))
            {
                return i;
            }
        }

        return -1;
    }

    private static bool IsExact(AvroSchema schema, object? value) => value switch
    {
        null => schema.Type == AvroType.Null,
        int => schema is { Type: AvroType.Int, Logical: AvroLogicalType.None },
        long => schema is { Type: AvroType.Long, Logical: AvroLogicalType.None },
        float => schema.Type == AvroType.Float,
        double => schema.Type == AvroType.Double,
        string text => schema is { Type: AvroType.String, Logical: AvroLogicalType.None } || (schema.Type == AvroType.Enum && schema.SymbolIndex(text) >= 0),
        byte[] bytes => schema.Logical == AvroLogicalType.None && (schema.Type == AvroType.Bytes || (schema.Type == AvroType.Fixed && schema.Size == bytes.Length)),
        AvroRecord record => ReferenceEquals(record.Schema, schema) || (schema.Type == AvroType.Record && record.Schema.FullName == schema.FullName),
        _ => false,
    };

    private static bool Fits(AvroSchema schema, object? value) => schema.Type switch
    {
        AvroType.Record => value is IReadOnlyDictionary<string, object?> record && schema.Fields.All(field => field.HasDefault || record.ContainsKey(field.Name))
            && (value is AvroRecord || record.Keys.All(key => schema.Field(key) is not null)),
        AvroType.Map => value is IReadOnlyDictionary<string, object?>,
        AvroType.Array => value is IEnumerable and not (string or byte[] or IReadOnlyDictionary<string, object?>),
        _ => TryScalar(new AvroEncoder(16), schema, value),
    };

    private static bool TryScalar(AvroEncoder encoder, AvroSchema schema, object? value)
    {
        switch (schema.Type)
        {
            case AvroType.Null:
                return value is null;
            case AvroType.Boolean:
                encoder.WriteBoolean(value is true);
                return value is bool;
            case AvroType.Int or AvroType.Long:
                return GenericScalars.TryLong(schema, value, out var number) && Put(encoder, number);
            case AvroType.Enum:
                return value is string symbol && schema.SymbolIndex(symbol) is >= 0 and var index && Put(encoder, index);
            case AvroType.Float:
                var single = value is float f ? f : GenericScalars.TryDouble(value, out var wide) ? (float)wide : (float?)null;
                encoder.WriteFloat(single ?? 0);
                return single is not null;
            case AvroType.Double:
                var real = GenericScalars.TryDouble(value, out var d);
                encoder.WriteDouble(d);
                return real;
            case AvroType.String:
                var text = value as string ?? (value is Guid id && schema.Logical == AvroLogicalType.Uuid ? id.ToString("D") : null);
                encoder.WriteString(text);
                return text is not null;
            default:
                return GenericScalars.TryBytes(schema, value, out var bytes) && PutBytes(encoder, schema, bytes);
        }
    }

    private static bool Put(AvroEncoder encoder, long value)
    {
        encoder.WriteLong(value);
        return true;
    }

    private static bool PutBytes(AvroEncoder encoder, AvroSchema schema, byte[] bytes)
    {
        if (schema.Type == AvroType.Bytes)
        {
            encoder.WriteBytes(bytes);
        }
        else
        {
            encoder.WriteFixed(bytes);
        }

        return true;
    }
}
