using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Stockflow.Avro;

/// <summary>Two ways to write values as JSON.</summary>
public enum AvroJsonStyle
{
    /// <summary>For people: unions without a tag, decimals as numbers, times in ISO 8601, bytes in Base64.</summary>
    Plain,

    /// <summary>
    /// The specification's "JSON Encoding": a union's value is an object with the branch's name, bytes and decimals are
    /// strings of code points 0 to 255, logical types are their base types.
    /// </summary>
    Avro,
}

/// <summary>Values of the generic model (see <see cref="GenericReader"/>) as JSON, both ways.</summary>
public static class AvroJson
{
    /// <summary>Writes a value.</summary>
    /// <exception cref="AvroDataException">The value does not fit the schema.</exception>
    public static string Write(AvroSchema schema, object? value, AvroJsonStyle style = AvroJsonStyle.Plain, bool indented = false)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = indented, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            Write(json, schema, value, style);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>Writes a value to a JSON writer.</summary>
    /// <exception cref="AvroDataException">The value does not fit the schema.</exception>
    public static void Write(Utf8JsonWriter json, AvroSchema schema, object? value, AvroJsonStyle style = AvroJsonStyle.Plain)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(schema);
        switch (schema.Type)
        {
            case AvroType.Union:
                var branch = GenericWriter.BranchOf(schema, value);
                if (branch < 0)
                {
                    throw Mismatch(schema, value);
                }

                WriteBranch(json, schema.Branches[branch], value, style);
                break;
            case AvroType.Record when value is IReadOnlyDictionary<string, object?> record:
                json.WriteStartObject();
                foreach (var field in schema.Fields)
                {
                    if (record.TryGetValue(field.Name, out var item))
                    {
                        json.WritePropertyName(field.Name);
                        Write(json, field.Schema, item, style);
                    }
                }

                json.WriteEndObject();
                break;
            case AvroType.Map when value is IReadOnlyDictionary<string, object?> map:
                json.WriteStartObject();
                foreach (var (key, item) in map)
                {
                    json.WritePropertyName(key);
                    Write(json, schema.Items!, item, style);
                }

                json.WriteEndObject();
                break;
            case AvroType.Array when value is System.Collections.IEnumerable items and not (string or byte[]):
                json.WriteStartArray();
                foreach (var item in items)
                {
                    Write(json, schema.Items!, item, style);
                }

                json.WriteEndArray();
                break;
            default:
                WriteScalar(json, schema, value, style);
                break;
        }
    }

    /// <summary>Reads a value from JSON text.</summary>
    /// <exception cref="AvroDataException">The text does not fit the schema; the message names the place.</exception>
    public static object? Read(AvroSchema schema, string json, AvroJsonStyle style = AvroJsonStyle.Plain)
    {
        try
        {
            using var document = JsonDocument.Parse(Encoding.UTF8.GetBytes(json));
            return Read(schema, document.RootElement, style);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new AvroDataException(AvroErrorCode.ValueMismatch, -1, $"Not valid JSON: {error.Message}");
        }
    }

    /// <summary>Reads a value from parsed JSON. Plain style also takes base types (a number for a timestamp).</summary>
    /// <exception cref="AvroDataException">The JSON does not fit the schema; the message names the place.</exception>
    public static object? Read(AvroSchema schema, JsonElement json, AvroJsonStyle style = AvroJsonStyle.Plain)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return AvroJsonReader.TryRead(schema, json, style, schema.FullName, out var value, out var error)
            ? value
            : throw new AvroDataException(AvroErrorCode.ValueMismatch, -1, $"JSON value at {error}.");
    }

    private static AvroDataException Mismatch(AvroSchema schema, object? value) =>
        new(AvroErrorCode.ValueMismatch, -1, $"{(value is null ? "null" : $"A {value.GetType().Name}")} is no {schema.FullName}.");

    private static void WriteBranch(Utf8JsonWriter json, AvroSchema branch, object? value, AvroJsonStyle style)
    {
        if (style == AvroJsonStyle.Plain || branch.Type == AvroType.Null)
        {
            Write(json, branch, value, style);
            return;
        }

        json.WriteStartObject();
        json.WritePropertyName(branch.FullName);
        Write(json, branch, value, style);
        json.WriteEndObject();
    }

    private static void WriteScalar(Utf8JsonWriter json, AvroSchema schema, object? value, AvroJsonStyle style)
    {
        if (style == AvroJsonStyle.Plain && TryWriteLogical(json, value))
        {
            return;
        }

        switch (schema.Type)
        {
            case AvroType.Null when value is null:
                json.WriteNullValue();
                break;
            case AvroType.Boolean when value is bool flag:
                json.WriteBooleanValue(flag);
                break;
            case AvroType.Int or AvroType.Long when GenericScalars.TryLong(schema, value, out var number):
                json.WriteNumberValue(number);
                break;
            case AvroType.Float or AvroType.Double when GenericScalars.TryDouble(value, out var real):
                WriteReal(json, schema, real);
                break;
            case AvroType.String or AvroType.Enum when value is string or Guid:
                json.WriteStringValue(value.ToString());
                break;
            case AvroType.Bytes or AvroType.Fixed when GenericScalars.TryBytes(schema, value, out var bytes):
                json.WriteStringValue(style == AvroJsonStyle.Plain ? Convert.ToBase64String(bytes) : Encoding.Latin1.GetString(bytes));
                break;
            default:
                throw Mismatch(schema, value);
        }
    }

    private static void WriteReal(Utf8JsonWriter json, AvroSchema schema, double real)
    {
        if (!double.IsFinite(real))
        {
            json.WriteStringValue(double.IsNaN(real) ? "NaN" : real > 0 ? "Infinity" : "-Infinity");
        }
        else if (schema.Type == AvroType.Float)
        {
            json.WriteNumberValue((float)real);
        }
        else
        {
            json.WriteNumberValue(real);
        }
    }

    private static bool TryWriteLogical(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case decimal number:
                json.WriteNumberValue(number);
                return true;
            case DateTimeOffset instant:
                json.WriteStringValue(instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'", CultureInfo.InvariantCulture));
                return true;
            case DateTime local:
                json.WriteStringValue(local.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFF", CultureInfo.InvariantCulture));
                return true;
            case DateOnly date:
                json.WriteStringValue(date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
                return true;
            case TimeOnly time:
                json.WriteStringValue(time.ToString("HH:mm:ss.FFFFFF", CultureInfo.InvariantCulture));
                return true;
            default:
                return false;
        }
    }
}
