using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Stockflow.Serve.Stock;

namespace Stockflow.Serve.Description;

/// <summary>
/// Every operation of the HTTP API: what the OpenAPI document in <c>openapi.json</c> is made from. To add a path: map it, describe it here, and let the tests
/// write the document (<c>STOCKFLOW_WRITE_OPENAPI=1</c>); they fail where a mapped path is not described.
/// </summary>
internal sealed partial class ApiDescription
{
    private readonly List<ApiOperation> operations = [];

    public ApiDescription()
    {
        DescribeProcess();
        DescribePositions();
        DescribeEvents();
        DescribeDeadLetters();
        DescribePromises();
        DescribeReservations();
        DescribeMoving();
        DescribeCounts();
        Schemas.Answer(ServeJson.Default.ProblemPayload);
    }

    public ApiSchemas Schemas { get; } = new();

    public IReadOnlyList<ApiOperation> Operations => operations;

    private void Add(ApiOperation operation, params string[] problems) =>
        operations.Add(operation with { Problems = [.. problems.SelectMany(set => set.Split(", ", StringSplitOptions.RemoveEmptyEntries)).Distinct().Order(StringComparer.Ordinal)] });

    private static ApiOperation Get(string path, string route, string id, string group, string summary, params ApiParameter[] parameters) =>
        new("GET", path, route, id, group, summary) { HasHead = true, Parameters = parameters };

    /// <summary>A command of <see cref="CommandHttp.MapCommand"/>.</summary>
    private void Command<T>(string method, string path, string id, string group, string summary, JsonTypeInfo<T> request, JsonTypeInfo answer, string problems,
        string? route = null, int[]? statuses = null, string? text = null, bool hasRevision = true)
    {
        var parameters = Parameters(path);
        parameters.Add(ApiParts.Key);
        if (problems.Contains("revision-changed", StringComparison.Ordinal))
        {
            parameters.Add(ApiParts.IfMatch);
        }

        Add(new ApiOperation(method, path, route ?? path, id, group, summary)
        {
            Text = text,
            Parameters = parameters,
            Body = Schemas.Request(request),
            Answers = [.. (statuses ?? [200]).Select(status => new ApiAnswer(status, status == 201 ? "Made." : "Done.", Schemas.Answer(answer),
                [.. hasRevision ? ["ETag"] : Array.Empty<string>(), .. status == 201 && hasRevision ? ["Location"] : Array.Empty<string>(), "Idempotency-Replayed", "Stockflow-Durability"]))],
        }, ApiProblems.Guard, ApiProblems.Command, problems);
    }

    /// <summary>A document of <see cref="CommandHttp.MapDocument"/>.</summary>
    private void Document(string path, string id, string group, string summary, JsonTypeInfo type, string problems, string? route = null)
    {
        var parameters = Parameters(path);
        parameters.Add(ApiParts.IfNoneMatch);
        Add(Get(path, route ?? path, id, group, summary) with { Parameters = parameters, Answers = [new(200, "The document.", Schemas.Answer(type), "ETag"), new(304, "It has not changed.", null, "ETag")] },
            ApiProblems.Guard, ApiProblems.Stock, problems);
    }

    /// <summary>A page of <see cref="CommandHttp.MapList"/>.</summary>
    private void Pages(string path, string id, string group, string summary, string name, JsonTypeInfo type, params string[] filters)
    {
        var page = Schemas.Add(name, ApiSchemas.Object("A page, the latest ids first.",
            ("items", new JsonObject { ["type"] = "array", ["items"] = Schemas.Answer(type) }),
            ("next", new JsonObject { ["type"] = new JsonArray("string", "null"), ["description"] = "Cursor of the following page; null on the last one." })));
        Add(Get(path, path, id, group, summary,
            [ApiParts.Limit(500, 50), ApiParts.Cursor, .. filters.Select(filter => ApiParts.Query(filter, new JsonObject { ["type"] = "string" }, filters.Length == 1 ? "Only these." : "Only these; one filter at a time."))])
            with
        { Answers = [new(200, "A page.", page)] }, ApiProblems.Guard, ApiProblems.Stock, "400 bad-value");
    }

    private static List<ApiParameter> Parameters(string path)
    {
        var parameters = new List<ApiParameter>();
        foreach (var name in path.Split('/').Where(part => part.StartsWith('{')))
        {
            parameters.Add(name switch { "{sku}" => ApiParts.SkuPart, "{location}" => ApiParts.LocationPart, _ => ApiParts.DocumentPart });
        }

        return parameters;
    }
}
