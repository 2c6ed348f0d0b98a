using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Stockflow.Tests.Serve.Api;

/// <summary>The served document, as the tests read it: they know nothing of the code that it is made from.</summary>
internal sealed class ApiSpec
{
    private readonly JsonObject document;

    public ApiSpec(string text)
    {
        document = JsonNode.Parse(text)!.AsObject();
        Requests = new JsonSchema(document, isClosed: false);
        Answers = new JsonSchema(document, isClosed: true);
        Operations = [.. document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(method => new SpecOperation(this, path.Key, method.Key.ToUpperInvariant(), method.Value!.AsObject())))];
    }

    public JsonSchema Requests { get; }

    public JsonSchema Answers { get; }

    public IReadOnlyList<SpecOperation> Operations { get; }
}

/// <summary>One operation of the document.</summary>
internal sealed class SpecOperation
{
    private readonly ApiSpec spec;
    private readonly Dictionary<int, JsonObject> answers;

    public SpecOperation(ApiSpec spec, string path, string method, JsonObject description)
    {
        (this.spec, Path, Method) = (spec, path, method);
        Id = (string)description["operationId"]!;
        Body = description["requestBody"]?["content"]!["application/json"]!["schema"]!.AsObject();
        Parameters = [.. (description["parameters"]?.AsArray() ?? []).Select(parameter => parameter!.AsObject())];
        answers = description["responses"]!.AsObject().ToDictionary(pair => int.Parse(pair.Key), pair => spec.Answers.Resolve(pair.Value!.AsObject()));
        Problems = [.. answers.SelectMany(pair => Codes(pair.Value).Select(code => (pair.Key, code)))];
    }

    public string Id { get; }

    public string Path { get; }

    public string Method { get; }

    public JsonObject? Body { get; }

    public IReadOnlyList<JsonObject> Parameters { get; }

    public IReadOnlyList<(int Status, string Code)> Problems { get; }

    public IEnumerable<int> Statuses => answers.Where(pair => Codes(pair.Value).Length == 0).Select(pair => pair.Key);

    public bool NeedsIdempotencyKey => Parameters.Any(parameter => (string)parameter["name"]! == "Idempotency-Key");

    public IEnumerable<string> Headers(int status) => answers[status]["headers"]?.AsObject().Select(header => header.Key) ?? [];

    /// <summary>What is wrong with an answer; null where the document tells of it.</summary>
    public string? Problem(ApiAnswer answer)
    {
        if (!answers.TryGetValue(answer.Status, out var described))
        {
            return $"status {answer.Status} is not described";
        }

        if (described["content"] is not { } contents)
        {
            return answer.Body.Length == 0 ? null : "there is a body, none is described";
        }

        if (answer.IsHead)
        {
            return answer.Body.Length == 0 ? null : "an answer to HEAD has a body";
        }

        if (contents[answer.MediaType] is not { } content)
        {
            return $"the media type is {answer.MediaType}, described is {contents.AsObject().First().Key}";
        }

        return answer.MediaType.EndsWith("json", StringComparison.Ordinal) ? spec.Answers.Problem(answer.Json, content["schema"]!.AsObject()) : null;
    }

    /// <summary>Names of the members that the object at a path of a body, such as <c>$.lines[0]</c>, may have.</summary>
    public IEnumerable<string> Members(string path)
    {
        var schema = spec.Requests.Resolve(Body!);
        foreach (var part in path.Split('.').Skip(1))
        {
            var array = part.IndexOf('[', StringComparison.Ordinal);
            if (schema["properties"]?[array < 0 ? part : part[..array]] is not JsonObject member)
            {
                return [];
            }

            schema = spec.Requests.Resolve(member["anyOf"]?[0]?.AsObject() ?? member);
            schema = array < 0 ? schema : spec.Requests.Resolve(schema["items"]!.AsObject());
        }

        return schema["properties"]?.AsObject().Select(member => member.Key) ?? [];
    }

    /// <summary>What the document says is wrong with a body; null where nothing is.</summary>
    public string? BodyProblem(byte[] body)
    {
        try
        {
            // A mark of the byte order may stand before JSON or be refused, RFC 8259 says.
            using var json = JsonDocument.Parse(body.AsMemory(body.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? 3 : 0), new JsonDocumentOptions { AllowDuplicateProperties = false });
            return spec.Requests.Problem(json.RootElement, Body!);
        }
        catch (JsonException e)
        {
            return e.Message;
        }
    }

    private string[] Codes(JsonObject answer) =>
        [.. (answer["content"]?["application/problem+json"]?["schema"]!["properties"]!["code"]!["enum"]!.AsArray() ?? []).Select(code => (string)code!)];
}
