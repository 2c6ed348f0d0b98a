using System.Text.Json.Nodes;

namespace Stockflow.Serve.Description;

/// <summary>One method of one path, as the OpenAPI document tells it.</summary>
/// <param name="Method">In capitals. A GET is answered for HEAD too unless <see cref="HasHead"/> is false.</param>
/// <param name="Path">With its parameters in braces.</param>
/// <param name="Route">Pattern of the endpoint that answers it.</param>
/// <param name="Id">Name for generated clients.</param>
/// <param name="Group">Heading that it stands under.</param>
/// <param name="Summary">What it does.</param>
internal sealed record ApiOperation(string Method, string Path, string Route, string Id, string Group, string Summary)
{
    public string? Text { get; init; }

    public bool HasHead { get; init; }

    public bool NeedsKey { get; init; } = true;

    public IReadOnlyList<ApiParameter> Parameters { get; init; } = [];

    /// <summary>Schema of the body; null where none is read.</summary>
    public JsonObject? Body { get; init; }

    public IReadOnlyList<ApiAnswer> Answers { get; init; } = [];

    /// <summary>Every refusal, as in <c>409 wrong-state</c>.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];
}

/// <param name="Place">path, query or header.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsRequired">Whether it has to be there.</param>
/// <param name="Schema">What it may be.</param>
/// <param name="Text">What it is for.</param>
internal sealed record ApiParameter(string Place, string Name, bool IsRequired, JsonObject Schema, string Text);

/// <summary>An answer that is no refusal.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Text">What it means.</param>
/// <param name="Schema">Of the body; null where there is none.</param>
/// <param name="Headers">Names among <see cref="ApiHeaders"/>.</param>
internal sealed record ApiAnswer(int Status, string Text, JsonObject? Schema, params string[] Headers)
{
    public string MediaType { get; init; } = "application/json";
}

/// <summary>What a value has to be beyond its type.</summary>
internal sealed record ApiRule(string? Text = null)
{
    public bool IsRequired { get; init; }

    public JsonNode? Minimum { get; init; }

    public JsonNode? Maximum { get; init; }

    public int? MinLength { get; init; }

    public int? MaxLength { get; init; }

    public string? Pattern { get; init; }

    public IReadOnlyList<string>? OneOf { get; init; }

    public int? MinItems { get; init; }

    public int? MaxItems { get; init; }

    /// <summary>Most members of an object.</summary>
    public int? MaxProperties { get; init; }

    public JsonObject ApplyTo(JsonObject schema)
    {
        Add(schema, "minimum", Minimum?.DeepClone());
        Add(schema, "maximum", Maximum?.DeepClone());
        Add(schema, "minLength", MinLength);
        Add(schema, "maxLength", MaxLength);
        Add(schema, "pattern", Pattern);
        Add(schema, "minItems", MinItems);
        Add(schema, "maxItems", MaxItems);
        Add(schema, "maxProperties", MaxProperties);
        if (OneOf is not null)
        {
            // An enumeration that may be null has null among its values.
            schema["enum"] = new JsonArray([.. OneOf.Select(value => (JsonNode)value), .. schema["type"] is JsonArray ? [null] : Array.Empty<JsonNode?>()]);
        }

        Add(schema, "description", Text);
        return schema;
    }

    private static void Add(JsonObject schema, string name, JsonNode? value)
    {
        if (value is not null)
        {
            schema[name] = value;
        }
    }
}
