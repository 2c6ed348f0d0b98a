using System.Globalization;
using System.Text;

namespace Stockflow.Avro;

/// <summary>Parsing Canonical Form and CRC-64-AVRO of the specification's "Schema Fingerprints".</summary>
internal static class AvroCanonicalForm
{
    // The specification's EMPTY constant, both the seed and the polynomial.
    private const ulong Empty = 0xc15d213aa4d7a795UL;
    private static readonly ulong[] s_table = BuildTable();

    public static string Of(AvroSchema schema)
    {
        var text = new StringBuilder();
        Append(text, schema, []);
        return text.ToString();
    }

    public static ulong Fingerprint(string canonicalForm)
    {
        var fingerprint = Empty;
        foreach (var b in Encoding.UTF8.GetBytes(canonicalForm))
        {
            fingerprint = (fingerprint >> 8) ^ s_table[(byte)(fingerprint ^ b)];
        }

        return fingerprint;
    }

    private static ulong[] BuildTable()
    {
        var table = new ulong[256];
        for (var i = 0; i < table.Length; i++)
        {
            var value = (ulong)i;
            for (var bit = 0; bit < 8; bit++)
            {
                value = (value >> 1) ^ ((value & 1) == 0 ? 0 : Empty);
            }

            table[i] = value;
        }

        return table;
    }

    private static void Append(StringBuilder text, AvroSchema schema, HashSet<string> defined)
    {
        if (schema.IsNamed)
        {
            AppendNamed(text, schema, defined);
            return;
        }

        switch (schema.Type)
        {
            case AvroType.Array:
                text.Append("{\"type\":\"array\",\"items\":");
                Append(text, schema.Items!, defined);
                text.Append('}');
                break;
            case AvroType.Map:
                text.Append("{\"type\":\"map\",\"values\":");
                Append(text, schema.Items!, defined);
                text.Append('}');
                break;
            case AvroType.Union:
                text.Append('[');
                for (var i = 0; i < schema.Branches.Count; i++)
                {
                    text.Append(i == 0 ? "" : ",");
                    Append(text, schema.Branches[i], defined);
                }

                text.Append(']');
                break;
            default:
                text.Append('"').Append(schema.TypeName).Append('"');
                break;
        }
    }

    private static void AppendNamed(StringBuilder text, AvroSchema schema, HashSet<string> defined)
    {
        if (!defined.Add(schema.FullName))
        {
            text.Append('"').Append(schema.FullName).Append('"');
            return;
        }

        text.Append("{\"name\":\"").Append(schema.FullName).Append("\",\"type\":\"").Append(schema.TypeName).Append('"');
        switch (schema.Type)
        {
            case AvroType.Record:
                text.Append(",\"fields\":[");
                foreach (var field in schema.Fields)
                {
                    text.Append(field.Index == 0 ? "" : ",").Append("{\"name\":\"").Append(field.Name).Append("\",\"type\":");
                    Append(text, field.Schema, defined);
                    text.Append('}');
                }

                text.Append("]}");
                break;
            case AvroType.Enum:
                text.Append(",\"symbols\":[\"").AppendJoin("\",\"", schema.Symbols).Append("\"]}");
                break;
            default:
                text.Append(",\"size\":").Append(schema.Size.ToString(CultureInfo.InvariantCulture)).Append('}');
                break;
        }
    }
}
