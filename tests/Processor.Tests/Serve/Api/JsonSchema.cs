using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Stockflow.Tests.Serve.Api;

/// <summary>The keywords of JSON Schema 2020-12 that the document uses; another one is an error, so that none is passed over.</summary>
/// <param name="document">Where references point into.</param>
/// <param name="isClosed">Whether members that a schema does not name are wrong: of answers, where an unnamed one is missing in the document.</param>
internal sealed class JsonSchema(JsonObject document, bool isClosed)
{
    private static readonly ConcurrentDictionary<string, Regex> Patterns = new();

    /// <summary>What is wrong and where; null where it fits.</summary>
    public string? Problem(JsonElement value, JsonObject schema) => Problem(value, schema, "$", isClosed);

    /// <summary>Follows a reference.</summary>
    public JsonObject Resolve(JsonObject schema)
    {
        if (schema["$ref"] is not { } reference)
        {
            return schema;
        }

        JsonNode found = document;
        foreach (var part in reference.GetValue<string>().Split('/').Skip(1))
        {
            found = found[part]!;
        }

        return found.AsObject();
    }

    private string? Problem(JsonElement value, JsonObject schema, string at, bool closed)
    {
        foreach (var (keyword, wanted) in schema)
        {
            var problem = keyword switch
            {
                "$ref" => Problem(value, Resolve(schema), at, closed),
                "type" => Is(value, wanted!) ? null : $"{at} is {value.ValueKind}, not {wanted!.ToJsonString()}",
                "enum" => wanted!.AsArray().Any(one => Equal(value, one)) ? null : $"{at} is {value} and none of {wanted.ToJsonString()}",
                "const" => Equal(value, wanted) ? null : $"{at} is {value}, not {wanted!.ToJsonString()}",
                "anyOf" => wanted!.AsArray().Any(one => Problem(value, one!.AsObject(), at, closed) is null) ? null : $"{at} is none of the alternatives",
                "oneOf" => wanted!.AsArray().Count(one => Problem(value, one!.AsObject(), at, closed) is null) == 1 ? null : $"{at} is not one of the alternatives",
                "properties" or "required" or "additionalProperties" or "maxProperties" when value.ValueKind != JsonValueKind.Object => null,
                "properties" => Members(value, wanted!.AsObject(), at, closed && !schema.ContainsKey("additionalProperties") && !schema.ContainsKey("$ref")),
                "required" => wanted!.AsArray().Select(name => (string)name!).FirstOrDefault(name => !value.TryGetProperty(name, out _)) is { } missing ? $"{at}.{missing} is missing" : null,
                "additionalProperties" => Others(value, schema, wanted!, at, closed),
                "maxProperties" => value.EnumerateObject().Count() > (int)wanted! ? $"{at} has too many members" : null,
                "items" or "minItems" or "maxItems" when value.ValueKind != JsonValueKind.Array => null,
                "items" => value.EnumerateArray().Select((item, i) => Problem(item, wanted!.AsObject(), $"{at}[{i}]", closed)).FirstOrDefault(found => found is not null),
                "minItems" => value.GetArrayLength() < (int)wanted! ? $"{at} has too few items" : null,
                "maxItems" => value.GetArrayLength() > (int)wanted! ? $"{at} has too many items" : null,
                "minimum" => value.ValueKind == JsonValueKind.Number && value.GetDouble() < Number(wanted!) ? $"{at} is {value}, below {wanted}" : null,
                "maximum" => value.ValueKind == JsonValueKind.Number && value.GetDouble() > Number(wanted!) ? $"{at} is {value}, above {wanted}" : null,
                "minLength" => Length(value) < (int)wanted! ? $"{at} is too short" : null,
                "maxLength" => Length(value) > (int)wanted! ? $"{at} is too long" : null,
                "pattern" => Text(value) is { } text && !Pattern((string)wanted!).IsMatch(text) ? $"{at} is not as {wanted}" : null,
                "format" => isClosed ? Format(value, (string)wanted!, at) : null,
                "description" or "default" => null,
                _ => throw new NotSupportedException($"The keyword {keyword} is not known here."),
            };
            if (problem is not null)
            {
                return problem;
            }
        }

        return null;
    }

    private string? Members(JsonElement value, JsonObject members, string at, bool closed)
    {
        foreach (var member in value.EnumerateObject())
        {
            if (members[member.Name] is not { } schema)
            {
                if (closed)
                {
                    return $"{at}.{member.Name} is not described";
                }
            }
            else if (Problem(member.Value, schema.AsObject(), $"{at}.{member.Name}", closed) is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    private string? Others(JsonElement value, JsonObject schema, JsonNode wanted, string at, bool closed)
    {
        foreach (var member in value.EnumerateObject().Where(member => schema["properties"]?[member.Name] is null))
        {
            if (wanted is JsonValue)
            {
                return wanted.GetValue<bool>() ? null : $"{at}.{member.Name} is not known";
            }

            if (Problem(member.Value, wanted.AsObject(), $"{at}.{member.Name}", closed) is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    private static bool Is(JsonElement value, JsonNode types) => types is JsonArray several ? several.Any(type => Is(value, (string)type!)) : Is(value, (string)types!);

    private static bool Is(JsonElement value, string type) => type switch
    {
        "null" => value.ValueKind == JsonValueKind.Null,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "integer" => value.ValueKind == JsonValueKind.Number && Math.Floor(value.GetDouble()) == value.GetDouble(),
        "number" => value.ValueKind == JsonValueKind.Number,
        "string" => Text(value) is not null,
        "array" => value.ValueKind == JsonValueKind.Array,
        "object" => value.ValueKind == JsonValueKind.Object,
        _ => throw new NotSupportedException($"The type {type} is not known here."),
    };

    private static bool Equal(JsonElement value, JsonNode? wanted) => JsonNode.DeepEquals(JsonNode.Parse(value.GetRawText()), wanted);

    private static double Number(JsonNode number) => double.Parse(number.ToJsonString(), CultureInfo.InvariantCulture);

    private static int? Length(JsonElement value) => Text(value)?.EnumerateRunes().Count();

    // Half a surrogate pair is no text.
    private static string? Text(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    // In .NET a dollar also stands before a line feed at the end.
    private static Regex Pattern(string pattern) => Patterns.GetOrAdd(pattern, text => new Regex(text.EndsWith('$') ? text[..^1] + "\\z" : text, RegexOptions.CultureInvariant));

    private static string? Format(JsonElement value, string format, string at) => (format, Text(value)) switch
    {
        ("date-time", { } text) when !Regex.IsMatch(text, @"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\z") || !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out _) => $"{at} is '{text}', no time in UTC",
        ("date", { } text) when !DateOnly.TryParseExact(text, "yyyy-MM-dd", out _) => $"{at} is '{text}', no date",
        ("int32", null) when value.ValueKind == JsonValueKind.Number && !value.TryGetInt32(out _) => $"{at} is no int32",
        ("int64", null) when value.ValueKind == JsonValueKind.Number && !value.TryGetInt64(out _) => $"{at} is no int64",
        _ => null,
    };
}
