using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Stockflow.Avro;

/// <summary>Writes a schema as JSON; a type that was written once is referred to by its full name.</summary>
internal static class AvroSchemaText
{
    public static string Write(AvroSchema schema, bool indented)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var options = new JsonWriterOptions { Indented = indented, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1000 };
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            Write(json, schema, "", []);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, AvroSchema schema, string enclosing, HashSet<string> defined)
    {
        if (schema.Type == AvroType.Union)
        {
            json.WriteStartArray();
            foreach (var branch in schema.Branches)
            {
                Write(json, branch, enclosing, defined);
            }

            json.WriteEndArray();
            return;
        }

        if (schema.IsNamed && !defined.Add(schema.FullName))
        {
            json.WriteStringValue(schema.Namespace == enclosing ? schema.Name : schema.FullName);
            return;
        }

        var plain = schema.Logical == AvroLogicalType.None && schema.Properties.Count == 0;
        if (plain && !schema.IsNamed && schema.Type is not (AvroType.Array or AvroType.Map))
        {
            json.WriteStringValue(schema.TypeName);
            return;
        }

        json.WriteStartObject();
        json.WriteString("type", schema.TypeName);
        if (schema.IsNamed)
        {
            WriteNames(json, schema, enclosing);
        }

        WriteBody(json, schema, schema.IsNamed ? schema.Namespace : enclosing, defined);
        foreach (var (key, value) in schema.Properties)
        {
            json.WritePropertyName(key);
            value.WriteTo(json);
        }

        json.WriteEndObject();
    }

    private static void WriteNames(Utf8JsonWriter json, AvroSchema schema, string enclosing)
    {
        json.WriteString("name", schema.Name);
        if (schema.Namespace != enclosing)
        {
            json.WriteString("namespace", schema.Namespace);
        }

        if (schema.Doc is not null)
        {
            json.WriteString("doc", schema.Doc);
        }

        WriteStrings(json, "aliases", schema.Aliases);
    }

    private static void WriteBody(Utf8JsonWriter json, AvroSchema schema, string enclosing, HashSet<string> defined)
    {
        switch (schema.Type)
        {
            case AvroType.Record:
                json.WriteStartArray("fields");
                foreach (var field in schema.Fields)
                {
                    WriteField(json, field, enclosing, defined);
                }

                json.WriteEndArray();
                break;
            case AvroType.Enum:
                json.WriteStartArray("symbols");
                foreach (var symbol in schema.Symbols)
                {
                    json.WriteStringValue(symbol);
                }

                json.WriteEndArray();
                if (schema.EnumDefault is not null)
                {
                    json.WriteString("default", schema.EnumDefault);
                }

                break;
            case AvroType.Fixed:
                json.WriteNumber("size", schema.Size);
                break;
            case AvroType.Array or AvroType.Map:
                json.WritePropertyName(schema.Type == AvroType.Array ? "items" : "values");
                Write(json, schema.Items!, enclosing, defined);
                break;
        }

        if (schema.Logical != AvroLogicalType.None)
        {
            json.WriteString("logicalType", AvroLogicalTypes.NameOf(schema.Logical));
        }

        if (schema.Logical == AvroLogicalType.Decimal)
        {
            json.WriteNumber("precision", schema.Precision);
            json.WriteNumber("scale", schema.Scale);
        }
    }

    private static void WriteField(Utf8JsonWriter json, AvroField field, string enclosing, HashSet<string> defined)
    {
        json.WriteStartObject();
        json.WriteString("name", field.Name);
        json.WritePropertyName("type");
        Write(json, field.Schema, enclosing, defined);
        if (field.Doc is not null)
        {
            json.WriteString("doc", field.Doc);
        }

        if (field.Default is { } value)
        {
            json.WritePropertyName("default");
            value.WriteTo(json);
        }

        WriteStrings(json, "aliases", field.Aliases);
        foreach (var (key, property) in field.Properties)
        {
            json.WritePropertyName(key);
            property.WriteTo(json);
        }

        json.WriteEndObject();
    }

    private static void WriteStrings(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
        {
            return;
        }

        json.WriteStartArray(name);
        foreach (var value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }
}
