using System.Text;
using System.Text.Json;

namespace Stockflow.Avro;

/// <summary>
/// A field's default: checked when the schema is parsed, encoded as Avro binary when a reader needs it.
/// A union's default belongs to the first branch that it fits (1.11: the first branch only; 1.12: any).
/// </summary>
internal static class AvroDefault
{
    // Defaults of nested records with defaults of their own multiply: a bound keeps a hostile schema from filling memory.
    private const int MaxEncodedBytes = 1024 * 1024;
    private const int MaxDepth = 64;

    // Unions within unions are tried branch by branch.
    private const int MaxSteps = 100_000;

    public static void Check(AvroField field, string path)
    {
        var steps = 0;
        var reason = Mismatch(field.Schema, field.Default!.Value, 0, ref steps);
        if (reason is not null)
        {
            throw new AvroSchemaException(path + ".default", $"the default of field '{field.Name}' does not fit its type: {reason}");
        }
    }

    /// <summary>The default in Avro binary, in the field's own schema.</summary>
    public static byte[] Encode(AvroField field)
    {
        var encoder = new AvroEncoder();
        Encode(encoder, field.Schema, field.Default!.Value, field.Name, 0);
        return encoder.WrittenSpan.ToArray();
    }

    private static string? Mismatch(AvroSchema schema, JsonElement value, int depth, ref int steps)
    {
        if (depth > MaxDepth || ++steps > MaxSteps)
        {
            return $"it nests deeper than {MaxDepth} or is too complex to check";
        }

        var fits = schema.Type switch
        {
            AvroType.Null => value.ValueKind == JsonValueKind.Null,
            AvroType.Boolean => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            AvroType.Int => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out _),
            AvroType.Long => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
            AvroType.Float or AvroType.Double => TryNumber(value, out _),
            AvroType.String => value.ValueKind == JsonValueKind.String,
            AvroType.Bytes => TryBytes(value, out _),
            AvroType.Fixed => TryBytes(value, out var bytes) && bytes.Length == schema.Size,
            AvroType.Enum => value.ValueKind == JsonValueKind.String && schema.SymbolIndex(value.GetString()!) >= 0,
            AvroType.Array => value.ValueKind == JsonValueKind.Array,
            AvroType.Map or AvroType.Record => value.ValueKind == JsonValueKind.Object,
            _ => true,
        };
        if (!fits)
        {
            return $"{Shorten(value)} is no {schema.FullName}";
        }

        switch (schema.Type)
        {
            case AvroType.Union:
                return BranchOf(schema, value, depth, ref steps) < 0 ? $"{Shorten(value)} fits no branch of the union" : null;
            case AvroType.Array:
                foreach (var item in value.EnumerateArray())
                {
                    if (Mismatch(schema.Items!, item, depth + 1, ref steps) is { } reason)
                    {
                        return reason;
                    }
                }

                return null;
            case AvroType.Map:
                foreach (var entry in value.EnumerateObject())
                {
                    if (Mismatch(schema.Items!, entry.Value, depth + 1, ref steps) is { } reason)
                    {
                        return $"'{entry.Name}': {reason}";
                    }
                }

                return null;
            case AvroType.Record:
                foreach (var field in schema.Fields)
                {
                    var given = value.TryGetProperty(field.Name, out var item);
                    var reason = given ? Mismatch(field.Schema, item, depth + 1, ref steps) : field.HasDefault ? null : "it is missing";
                    if (reason is not null)
                    {
                        return $"'{field.Name}': {reason}";
                    }
                }

                return null;
            default:
                return null;
        }
    }

    private static int BranchOf(AvroSchema union, JsonElement value, int depth, ref int steps)
    {
        for (var i = 0; i < union.Branches.Count; i++)
        {
            if (Mismatch(union.Branches[i], value, depth + 1, ref steps) is null)
            {
                return i;
            }
        }

        return -1;
    }

    private static void Encode(AvroEncoder encoder, AvroSchema schema, JsonElement value, string field, int depth)
    {
        if (encoder.Length > MaxEncodedBytes || depth > MaxDepth || encoder.Steps++ > MaxEncodedBytes)
        {
            throw new AvroSchemaException("$", $"the default of field '{field}' is larger than {MaxEncodedBytes} bytes or nests deeper than {MaxDepth}");
        }

        switch (schema.Type)
        {
            case AvroType.Boolean:
                encoder.WriteBoolean(value.GetBoolean());
                break;
            case AvroType.Int or AvroType.Long:
                encoder.WriteLong(value.GetInt64());
                break;
            case AvroType.Float:
                TryNumber(value, out var single);
                encoder.WriteFloat((float)single);
                break;
            case AvroType.Double:
                TryNumber(value, out var number);
                encoder.WriteDouble(number);
                break;
            case AvroType.String:
                encoder.WriteString(value.GetString());
                break;
            case AvroType.Bytes:
                TryBytes(value, out var bytes);
                encoder.WriteBytes(bytes);
                break;
            case AvroType.Fixed:
                TryBytes(value, out var raw);
                encoder.WriteFixed(raw);
                break;
            case AvroType.Enum:
                encoder.WriteInt(schema.SymbolIndex(value.GetString()!));
                break;
            case AvroType.Union:
                var steps = 0;
                var branch = BranchOf(schema, value, depth, ref steps);
                encoder.WriteInt(branch);
                Encode(encoder, schema.Branches[branch], value, field, depth + 1);
                break;
            case AvroType.Record:
                foreach (var member in schema.Fields)
                {
                    var given = value.TryGetProperty(member.Name, out var item) ? item : member.Default!.Value;
                    Encode(encoder, member.Schema, given, field, depth + 1);
                }

                break;
            case AvroType.Array:
                EncodeItems(encoder, schema, value, field, depth);
                break;
            case AvroType.Map:
                EncodeEntries(encoder, schema, value, field, depth);
                break;
        }
    }

    private static void EncodeItems(AvroEncoder encoder, AvroSchema schema, JsonElement value, string field, int depth)
    {
        if (value.GetArrayLength() > 0)
        {
            encoder.WriteLong(value.GetArrayLength());
            foreach (var item in value.EnumerateArray())
            {
                Encode(encoder, schema.Items!, item, field, depth + 1);
            }
        }

        encoder.WriteLong(0);
    }

    private static void EncodeEntries(AvroEncoder encoder, AvroSchema schema, JsonElement value, string field, int depth)
    {
        var count = value.EnumerateObject().Count();
        if (count > 0)
        {
            encoder.WriteLong(count);
            foreach (var entry in value.EnumerateObject())
            {
                encoder.WriteString(entry.Name);
                Encode(encoder, schema.Items!, entry.Value, field, depth + 1);
            }
        }

        encoder.WriteLong(0);
    }

    internal static bool TryNumber(JsonElement value, out double number)
    {
        number = 0;
        if (value.ValueKind == JsonValueKind.Number)
        {
            return value.TryGetDouble(out number);
        }

        number = value.ValueKind == JsonValueKind.String
            ? value.GetString() switch { "NaN" => double.NaN, "Infinity" => double.PositiveInfinity, "-Infinity" => double.NegativeInfinity, _ => 0 }
            : 0;
        return number != 0;
    }

    /// <summary>Bytes in JSON are a string whose code points 0 to 255 are the bytes.</summary>
    internal static bool TryBytes(JsonElement value, out byte[] bytes)
    {
        bytes = [];
        if (value.ValueKind != JsonValueKind.String)
        {
            return false;
        }

        var text = value.GetString()!;
        foreach (var c in text)
        {
            if (c > 255)
            {
                return false;
            }
        }

        bytes = Encoding.Latin1.GetBytes(text);
        return true;
    }

    private static string Shorten(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length <= 60 ? text : text[..60] + "...";
    }
}
