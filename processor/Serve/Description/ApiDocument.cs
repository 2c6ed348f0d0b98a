using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Stockflow.Serve.Description;

/// <summary>Writes <see cref="ApiDescription"/> as an OpenAPI 3.1 document.</summary>
internal static class ApiDocument
{
    private const string Overview = """
        Stock positions, what can be promised, and commands on stock.

        Quantities are whole units, times UTC. A refusal is application/problem+json (RFC 9457) with a stable code; each operation lists its codes. HEAD is
        answered wherever GET is, except for /v1/atp/changes. A path that is not here is 404 no-such-path, another method 405 method-not-allowed. What is no
        HTTP, such as %00 in a path, a request line above 8 KiB or headers above 16 KiB, the server itself answers with 4xx without a body.

        Commands take an Idempotency-Key: a repetition gets the first answer again and changes nothing. Documents have a revision as their ETag; a command
        with If-Match is done only to that revision. Where http.apiKeyFile is set, /v1 wants a key.
        """;

    private static readonly JsonSerializerOptions Layout = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };

    // Every operation refuses these alike.
    private static readonly Dictionary<string, string> Shared = new(StringComparer.Ordinal)
    {
        ["401 unauthorized"] = "Unauthorized",
        ["408 bad-request"] = "TooSlow",
        ["413 bad-request"] = "TooLarge",
        ["415 unsupported-media-type"] = "NoJson",
        ["429 too-many-requests"] = "TooManyRequests",
    };

    /// <summary>The document as it stands in the repository.</summary>
    public static string Write() => Of(new ApiDescription()).ToJsonString(Layout) + "\n";

    private static JsonObject Of(ApiDescription description)
    {
        var paths = new JsonObject();
        foreach (var operation in description.Operations)
        {
            paths.TryAdd(operation.Path, new JsonObject());
            paths[operation.Path]![operation.Method.ToLowerInvariant()] = Operation(operation);
        }

        return new JsonObject
        {
            ["openapi"] = "3.1.1",
            ["info"] = new JsonObject { ["title"] = "Stockflow", ["version"] = "1", ["description"] = Overview },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/" }),
            ["security"] = new JsonArray(new JsonObject { ["key"] = new JsonArray() }),
            ["tags"] = new JsonArray([.. description.Operations.Select(operation => operation.Group).Distinct().Select(group => new JsonObject { ["name"] = group })]),
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["securitySchemes"] = new JsonObject { ["key"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer", ["description"] = "A key of http.apiKeyFile; without that file none is asked for." } },
                ["headers"] = ApiParts.Headers,
                ["responses"] = new JsonObject(Shared.Select(pair => KeyValuePair.Create(pair.Value, (JsonNode?)Problem([pair.Key])))),
                ["schemas"] = description.Schemas.Components(),
            },
        };
    }

    private static JsonObject Operation(ApiOperation operation)
    {
        var answers = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal);
        foreach (var answer in operation.Answers)
        {
            answers[$"{answer.Status}"] = Answer(answer);
        }

        foreach (var problems in operation.Problems.GroupBy(problem => problem[..3]))
        {
            answers[problems.Key] = Shared.TryGetValue(problems.First(), out var shared)
                ? new JsonObject { ["$ref"] = "#/components/responses/" + shared }
                : Problem([.. problems]);
        }

        var described = new JsonObject { ["operationId"] = operation.Id, ["tags"] = new JsonArray(operation.Group), ["summary"] = operation.Summary };
        if (operation.Text is { } text)
        {
            described["description"] = text;
        }

        if (!operation.NeedsKey)
        {
            described["security"] = new JsonArray();
        }

        if (operation.Parameters.Count > 0)
        {
            described["parameters"] = new JsonArray([.. operation.Parameters.Select(Parameter)]);
        }

        if (operation.Body is { } body)
        {
            described["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content("application/json", body) };
        }

        described["responses"] = new JsonObject(answers);
        return described;
    }

    private static JsonObject Parameter(ApiParameter parameter)
    {
        var described = new JsonObject { ["name"] = parameter.Name, ["in"] = parameter.Place };
        if (parameter.IsRequired)
        {
            described["required"] = true;
        }

        described["description"] = parameter.Text;
        described["schema"] = parameter.Schema.DeepClone();
        return described;
    }

    private static JsonObject Answer(ApiAnswer answer)
    {
        var described = new JsonObject { ["description"] = answer.Text };
        if (answer.Headers.Length > 0)
        {
            described["headers"] = new JsonObject(answer.Headers.Select(header => KeyValuePair.Create(header.TrimEnd('?'), (JsonNode?)HeaderReference(header))));
        }

        if (answer.Schema is { } schema)
        {
            described["content"] = Content(answer.MediaType, schema);
        }

        return described;
    }

    private static JsonObject HeaderReference(string header) => new() { ["$ref"] = "#/components/headers/" + header.TrimEnd('?') };

    private static JsonObject Problem(string[] problems)
    {
        var status = problems[0][..3];
        string[] codes = [.. problems.Select(problem => problem[4..])];
        var schema = ApiSchemas.Reference("Problem");
        schema["properties"] = new JsonObject { ["code"] = new JsonObject { ["enum"] = new JsonArray([.. codes.Select(code => (JsonNode)code)]) } };
        string[] headers = status switch { "401" => ["WWW-Authenticate"], "429" or "503" => ["Retry-After"], _ => [] };
        var described = Answer(new ApiAnswer(int.Parse(status, System.Globalization.CultureInfo.InvariantCulture),
            string.Join('\n', codes.Select(code => $"- `{code}`: {ApiProblems.Meaning(code)}")), schema, headers)
        { MediaType = "application/problem+json" });
        return described;
    }

    private static JsonObject Content(string mediaType, JsonObject schema) => new() { [mediaType] = new JsonObject { ["schema"] = schema.DeepClone() } };
}
