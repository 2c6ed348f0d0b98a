using System.Text.Json.Nodes;

namespace Stockflow.Tests.Serve.Api;

/// <summary>Bodies made from a schema: what is required, what these tests need besides, and some of the rest.</summary>
internal sealed class Sampler(JsonSchema schemas, Random random, string sku, string location, Func<string, string> newId)
{
    /// <summary>Optional by the schema, but wanted where no API keys are in use or to say something at all.</summary>
    private static readonly string[] Wanted = ["performed_by", "counter", "quantity", "expected_date", "location_id"];

    /// <summary>Belongs to other requests than these.</summary>
    private static readonly string[] Unwanted = ["destination_location_id", "close_short", "damaged", "lost", "at", "due_at", "locations"];

    public JsonNode Sample(JsonObject schema) => Sample(schema, "")!;

    private JsonNode? Sample(JsonObject schema, string name)
    {
        schema = schemas.Resolve(schema["anyOf"] is JsonArray several ? several[0]!.AsObject() : schema);
        if (Named(name) is { } named)
        {
            return named;
        }

        if (schema["enum"] is JsonArray values)
        {
            return values[0]!.DeepClone();
        }

        var type = schema["type"] is JsonArray types ? (string)types[0]! : (string)schema["type"]!;
        switch (type)
        {
            case "object":
                var required = (schema["required"]?.AsArray() ?? []).Select(member => (string)member!).ToArray();
                return new JsonObject((schema["properties"]?.AsObject() ?? []).Where(member => required.Contains(member.Key) || Wanted.Contains(member.Key) || (!Unwanted.Contains(member.Key) && random.Next(3) == 0))
                    .Select(member => KeyValuePair.Create(member.Key, Sample(member.Value!.AsObject(), member.Key))));
            case "array":
                return new JsonArray(Sample(schema["items"]!.AsObject(), ""));
            case "integer" or "number":
                return JsonValue.Create(Math.Max(1, (long)(schema["minimum"]?.GetValue<double>() ?? 1)));
            case "boolean":
                return false;
            default:
                return (string?)schema["format"] == "date" ? "2026-03-09" : "x";
        }
    }

    // What a schema can not know.
    private JsonNode? Named(string name) => name switch
    {
        "sku_id" => sku,
        "location_id" or "from_location_id" => location,
        "to_location_id" => ApiHost.Other,
        "line_id" => "1",
        "po_id" or "transfer_id" => newId(name[..1]),
        "currency" => "GBP",
        "counted" => 5,
        "counter" => "bob",
        "performed_by" => "carol",
        _ => null,
    };
}
