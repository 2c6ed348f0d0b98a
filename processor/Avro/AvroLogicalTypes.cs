using System.Text.Json;

namespace Stockflow.Avro;

/// <summary>Which logical type is valid on which base type, by the specification's "Logical Types".</summary>
internal static class AvroLogicalTypes
{
    public static string NameOf(AvroLogicalType logical) => logical switch
    {
        AvroLogicalType.Decimal => "decimal",
        AvroLogicalType.Uuid => "uuid",
        AvroLogicalType.Date => "date",
        AvroLogicalType.TimeMillis => "time-millis",
        AvroLogicalType.TimeMicros => "time-micros",
        AvroLogicalType.TimestampMillis => "timestamp-millis",
        AvroLogicalType.TimestampMicros => "timestamp-micros",
        AvroLogicalType.LocalTimestampMillis => "local-timestamp-millis",
        AvroLogicalType.LocalTimestampMicros => "local-timestamp-micros",
        _ => "",
    };

    /// <summary>Sets the logical type if it is known and valid; false leaves the schema its base type.</summary>
    public static bool TryApply(AvroSchema schema, JsonElement attributes)
    {
        if (!attributes.TryGetProperty("logicalType", out var name) || name.ValueKind != JsonValueKind.String)
        {
            return false;
        }

        var logical = (name.GetString(), schema.Type) switch
        {
            ("decimal", AvroType.Bytes or AvroType.Fixed) => AvroLogicalType.Decimal,
            ("uuid", AvroType.String) => AvroLogicalType.Uuid,
            ("uuid", AvroType.Fixed) when schema.Size == 16 => AvroLogicalType.Uuid,
            ("date", AvroType.Int) => AvroLogicalType.Date,
            ("time-millis", AvroType.Int) => AvroLogicalType.TimeMillis,
            ("time-micros", AvroType.Long) => AvroLogicalType.TimeMicros,
            ("timestamp-millis", AvroType.Long) => AvroLogicalType.TimestampMillis,
            ("timestamp-micros", AvroType.Long) => AvroLogicalType.TimestampMicros,
            ("local-timestamp-millis", AvroType.Long) => AvroLogicalType.LocalTimestampMillis,
            ("local-timestamp-micros", AvroType.Long) => AvroLogicalType.LocalTimestampMicros,
            _ => AvroLogicalType.None,
        };
        if (logical == AvroLogicalType.None || (logical == AvroLogicalType.Decimal && !TryApplyDecimal(schema, attributes)))
        {
            return false;
        }

        schema.Logical = logical;
        return true;
    }

    private static bool TryApplyDecimal(AvroSchema schema, JsonElement attributes)
    {
        var scale = 0;
        if (!attributes.TryGetProperty("precision", out var value) || value.ValueKind != JsonValueKind.Number
            || !value.TryGetInt32(out var precision) || precision < 1)
        {
            return false;
        }

        if (attributes.TryGetProperty("scale", out value)
            && (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out scale) || scale < 0 || scale > precision))
        {
            return false;
        }

        // Digits that any value of n bytes can hold: floor(log10(2^(8n-1) - 1)).
        if (schema.Type == AvroType.Fixed && precision > Math.Floor(Math.Log10(2) * ((8.0 * schema.Size) - 1)))
        {
            return false;
        }

        schema.Precision = precision;
        schema.Scale = scale;
        return true;
    }
}
