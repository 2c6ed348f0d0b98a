using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Stockflow.Tests.Serve.Api;

/// <summary>A request that a test can change before it is sent.</summary>
internal sealed class ApiRequest(SpecOperation operation)
{
    private static int keys;

    public SpecOperation Operation => operation;

    public string Method { get; set; } = operation.Method;

    /// <summary>Values of the path's parameters, unescaped.</summary>
    public Dictionary<string, string> Path { get; } = [];

    /// <summary>Takes the place of the path and its parameters.</summary>
    public string? RawPath { get; set; }

    public List<(string Name, string Value)> Query { get; } = [];

    public Dictionary<string, string> Headers { get; } = [];

    public byte[]? Body { get; set; }

    public string? ContentType { get; set; } = "application/json";

    /// <summary>Nothing can be said of what answers it.</summary>
    public bool IsElsewhere => RawPath is not null || (Method != operation.Method && !(Method == "HEAD" && operation.Method == "GET")) || Path.Values.Any(value => value is "" or "." or ".." || value.Contains('\0'));

    public string Target
    {
        get
        {
            var target = RawPath ?? string.Join('/', operation.Path.Split('/').Select(part => part.StartsWith('{') ? Uri.EscapeDataString(Path[part[1..^1]]) : part));
            return Query.Count == 0 ? target : target + "?" + string.Join('&', Query.Select(pair => $"{Uri.EscapeDataString(pair.Name)}={Uri.EscapeDataString(pair.Value)}"));
        }
    }

    public void SetBody(string text) => Body = Encoding.UTF8.GetBytes(text);

    public ApiRequest WithNewKey()
    {
        Headers["Idempotency-Key"] = $"key-{Interlocked.Increment(ref keys)}";
        return this;
    }

    /// <param name="client">With a base address.</param>
    /// <param name="isStream">Whether only the beginning of the answer is waited for.</param>
    public async Task<ApiAnswer> SendAsync(HttpClient client, bool isStream = false)
    {
        using var request = new HttpRequestMessage(new HttpMethod(Method), new Uri(client.BaseAddress!.GetLeftPart(UriPartial.Authority) + Target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        foreach (var (name, value) in Headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (Body is not null)
        {
            request.Content = new ByteArrayContent(Body);
            if (ContentType is not null)
            {
                request.Content.Headers.TryAddWithoutValidation("Content-Type", ContentType);
            }
        }

        var watch = Stopwatch.StartNew();
        using var response = await client.SendAsync(request, isStream ? HttpCompletionOption.ResponseHeadersRead : HttpCompletionOption.ResponseContentRead);
        var isEndless = isStream && response.Content.Headers.ContentType?.MediaType == "text/event-stream";
        var body = isEndless ? [] : await response.Content.ReadAsByteArrayAsync();
        return new ApiAnswer((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType ?? "", body, response.Headers, watch.Elapsed, Method == "HEAD");
    }

    public override string ToString()
    {
        var body = Body is null ? "" : Encoding.UTF8.GetString(Body);
        return $"{Method} {Short(Target)} {string.Join(' ', Headers.Select(header => $"{header.Key}: {Short(header.Value)}"))} [{ContentType}] {Short(body)}";
    }

    private static string Short(string text) => text.Length > 600 ? $"{text[..600]}... ({text.Length} characters)" : text;
}

/// <summary>An answer.</summary>
internal sealed record ApiAnswer(int Status, string MediaType, byte[] Body, HttpResponseHeaders Headers, TimeSpan Time, bool IsHead)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    /// <summary>Code of a refusal; empty for what is none.</summary>
    public string Code => MediaType == "application/problem+json" && !IsHead ? Json.GetProperty("code").GetString()! : "";

    public override string ToString() => $"{Status} {MediaType} {Encoding.UTF8.GetString(Body)}";
}
