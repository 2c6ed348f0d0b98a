using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Stockflow.Avro;

/// <summary>Turns JSON into values of the generic model, without exceptions so that union branches can be tried.</summary>
internal static class AvroJsonReader
{
    public static bool TryRead(AvroSchema schema, JsonElement json, AvroJsonStyle style, string path, out object? value, out string error)
    {
        value = null;
        error = "";
        switch (schema.Type)
        {
            case AvroType.Null:
                return json.ValueKind == JsonValueKind.Null || Fail(schema, json, path, out error);
            case AvroType.Union:
                return TryUnion(schema, json, style, path, out value, out error);
            case AvroType.Record:
                return TryRecord(schema, json, style, path, out value, out error);
            case AvroType.Array:
                return TryArray(schema, json, style, path, out value, out error);
            case AvroType.Map:
                return TryMap(schema, json, style, path, out value, out error);
            default:
                value = Scalar(schema, json, style);
                return value is not null || Fail(schema, json, path, out error);
        }
    }

    private static bool Fail(AvroSchema schema, JsonElement json, string path, out string error)
    {
        var text = json.GetRawText();
        error = $"{path}: {(text.Length > 60 ? text[..60] + "..." : text)} is no {schema.FullName}{(schema.Logical == AvroLogicalType.None ? "" : $" ({AvroLogicalTypes.NameOf(schema.Logical)})")}";
        return false;
    }

    private static bool TryUnion(AvroSchema schema, JsonElement json, AvroJsonStyle style, string path, out object? value, out string error)
    {
        foreach (var branch in schema.Branches)
        {
            var element = json;
            if (style == AvroJsonStyle.Avro && branch.Type != AvroType.Null)
            {
                if (json.ValueKind != JsonValueKind.Object || json.GetPropertyCount() != 1 || !json.TryGetProperty(branch.FullName, out element))
                {
                    continue;
                }

                return TryRead(branch, element, style, path, out value, out error);
            }

            if (TryRead(branch, element, style, path, out value, out error))
            {
                return true;
            }
        }

        value = null;
        return Fail(schema, json, path, out error);
    }

    private static bool TryRecord(AvroSchema schema, JsonElement json, AvroJsonStyle style, string path, out object? value, out string error)
    {
        value = null;
        if (json.ValueKind != JsonValueKind.Object)
        {
            return Fail(schema, json, path, out error);
        }

        foreach (var property in json.EnumerateObject())
        {
            if (schema.Field(property.Name) is null)
            {
                error = $"{path}: '{property.Name}' is no field of {schema.FullName}";
                return false;
            }
        }

        var record = new AvroRecord(schema);
        foreach (var field in schema.Fields)
        {
            if (json.TryGetProperty(field.Name, out var element))
            {
                if (!TryRead(field.Schema, element, style, $"{path}.{field.Name}", out var item, out error))
                {
                    return false;
                }

                record[field.Index] = item;
            }
            else if (field.HasDefault)
            {
                record[field.Index] = GenericReader.Read(field.Schema, field.Schema, AvroDefault.Encode(field));
            }
            else
            {
                error = $"{path}.{field.Name}: the field is missing and has no default";
                return false;
            }
        }

        (value, error) = (record, "");
        return true;
    }

    private static bool TryArray(AvroSchema schema, JsonElement json, AvroJsonStyle style, string path, out object? value, out string error)
    {
        value = null;
        if (json.ValueKind != JsonValueKind.Array)
        {
            return Fail(schema, json, path, out error);
        }

        var list = new List<object?>(json.GetArrayLength());
        foreach (var element in json.EnumerateArray())
        {
            if (!TryRead(schema.Items!, element, style, $"{path}[{list.Count}]", out var item, out error))
            {
                return false;
            }

            list.Add(item);
        }

        (value, error) = (list, "");
        return true;
    }

    private static bool TryMap(AvroSchema schema, JsonElement json, AvroJsonStyle style, string path, out object? value, out string error)
    {
        value = null;
        if (json.ValueKind != JsonValueKind.Object)
        {
            return Fail(schema, json, path, out error);
        }

        var map = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var property in json.EnumerateObject())
        {
            if (!TryRead(schema.Items!, property.Value, style, $"{path}['{property.Name}']", out var item, out error))
            {
                return false;
            }

            map[property.Name] = item;
        }

        (value, error) = (map, "");
        return true;
    }

    private static object? Scalar(AvroSchema schema, JsonElement json, AvroJsonStyle style)
    {
        var text = json.ValueKind == JsonValueKind.String ? json.GetString() : null;
        switch (schema.Type)
        {
            case AvroType.Boolean:
                return json.ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => null };
            case AvroType.Int or AvroType.Long:
                return json.ValueKind == JsonValueKind.Number && json.TryGetInt64(out var number) && (schema.Type == AvroType.Long || number == (int)number)
                    ? GenericReader.FromLong(schema, number)
                    : style == AvroJsonStyle.Plain && text is not null ? Time(schema.Logical, text) : null;
            case AvroType.Float:
                return AvroDefault.TryNumber(json, out var single) ? (float)single : null;
            case AvroType.Double:
                return AvroDefault.TryNumber(json, out var real) ? real : null;
            case AvroType.String:
                return text is null ? null : GenericReader.FromBytes(schema, Encoding.UTF8.GetBytes(text));
            case AvroType.Enum:
                return text is not null && schema.SymbolIndex(text) >= 0 ? text : null;
            default:
                return Bytes(schema, json, text, style);
        }
    }

    private static object? Bytes(AvroSchema schema, JsonElement json, string? text, AvroJsonStyle style)
    {
        if (style == AvroJsonStyle.Plain && schema.Logical == AvroLogicalType.Decimal)
        {
            var good = json.ValueKind == JsonValueKind.Number
                ? json.TryGetDecimal(out var number)
                : decimal.TryParse(text, NumberStyles.Number & ~NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out number);
            return good && GenericScalars.TryBytes(schema, number, out _) ? number : null;
        }

        byte[] bytes;
        if (style == AvroJsonStyle.Avro)
        {
            if (!AvroDefault.TryBytes(json, out bytes))
            {
                return null;
            }
        }
        else if (schema.Logical == AvroLogicalType.Uuid)
        {
            return Guid.TryParseExact(text, "D", out var id) ? id : null;
        }
        else if (!json.ValueKind.Equals(JsonValueKind.String) || !json.TryGetBytesFromBase64(out bytes!))
        {
            return null;
        }

        return schema.Type == AvroType.Fixed && bytes.Length != schema.Size ? null : GenericReader.FromBytes(schema, bytes);
    }

    private static object? Time(AvroLogicalType logical, string text)
    {
        var culture = CultureInfo.InvariantCulture;
        return logical switch
        {
            AvroLogicalType.Date => DateOnly.TryParseExact(text, "yyyy-MM-dd", culture, DateTimeStyles.None, out var date) ? date : null,
            AvroLogicalType.TimeMillis or AvroLogicalType.TimeMicros => TimeOnly.TryParse(text, culture, out var time) ? time : null,
            AvroLogicalType.TimestampMillis or AvroLogicalType.TimestampMicros =>
                DateTimeOffset.TryParse(text, culture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var instant) ? instant : null,
            AvroLogicalType.LocalTimestampMillis or AvroLogicalType.LocalTimestampMicros =>
                DateTime.TryParse(text, culture, DateTimeStyles.None, out var local) && local.Kind == DateTimeKind.Unspecified ? local : null,
            _ => null,
        };
    }
}
