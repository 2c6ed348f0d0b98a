using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>A command's request.</summary>
/// <param name="Context">The HTTP request.</param>
/// <param name="Body">Its body.</param>
/// <param name="Id">The id in its path; empty where it has none.</param>
/// <param name="Caller">Who asks.</param>
/// <param name="NowTs">When it came, in milliseconds.</param>
internal sealed record CommandRequest<T>(HttpContext Context, T Body, string Id, string Caller, long NowTs)
{
    /// <exception cref="RefusedCommandException">If-Match names another revision.</exception>
    public void CheckRevision(long revision)
    {
        var wanted = Context.Request.Headers.IfMatch;
        if (wanted.Count > 0 && !Problems.HasTag(wanted, CommandHttp.Tag(revision), isStrong: true))
        {
            throw new RefusedCommandException(412, "revision-changed", $"The document has revision {revision}; read it again and decide anew.");
        }
    }
}

/// <summary>How commands and their documents stand in HTTP: keys, bodies, ETags, pages, problems.</summary>
internal sealed class CommandHttp(IStockStore? store, CommandRunner runner, TimeProvider time)
{
    private const string Json = "application/json";
    private const int MaximumKey = 128, DefaultLimit = 50, MaximumLimit = 500;

    public static string Tag(long revision) => string.Create(CultureInfo.InvariantCulture, $"\"{revision}\"");

    /// <summary>POST of a command; its route may hold an {id}.</summary>
    public void MapCommand<T>(IEndpointRouteBuilder routes, string pattern, string command, JsonTypeInfo<T> type, Func<CommandRequest<T>, CancellationToken, Task<Plan>> plan, string method = "POST") =>
        routes.MapMethods(pattern, [method], context => RunAsync(context, command, type, plan));

    /// <summary>GET of one document.</summary>
    public void MapDocument<T>(IEndpointRouteBuilder routes, string pattern, DocumentKind<T> kind, Func<T, long, T>? view = null)
        where T : class =>
        routes.MapMethods(pattern, ["GET", "HEAD"], context => AnswerAsync(context, async token =>
        {
            var found = await kind.GetAsync(Store(), Id(context), token).ConfigureAwait(false);
            if (Problems.IsUnchanged(context, Tag(found.Revision)))
            {
                return;
            }

            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            await Problems.JsonAsync(context, kind.Serialize(view is null ? found.Value : view(found.Value, now)), Json, token).ConfigureAwait(false);
        }));

    /// <summary>GET of a page of documents: <c>limit</c>, <c>cursor</c> and one of the filters, each of which names a list.</summary>
    public void MapList<T>(IEndpointRouteBuilder routes, string pattern, DocumentKind<T> kind, string[] filters, Func<T, long, T>? view = null)
        where T : class =>
        routes.MapMethods(pattern, ["GET", "HEAD"], context => AnswerAsync(context, async token =>
        {
            var query = context.Request.Query;
            RefuseOthers(query, ["limit", "cursor", .. filters]);
            var given = filters.Where(query.ContainsKey).ToArray();
            RefusedCommandException.ThrowIf(given.Length > 1, "query", "takes one filter: " + string.Join(" or ", filters));
            var list = given.Length == 0 ? DocumentKind<T>.All : $"{given[0]}:{One(query, given[0])}";
            var limit = DefaultLimit;
            if (One(query, "limit") is { } text)
            {
                RefusedCommandException.ThrowIf(!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaximumLimit, "limit", $"must be a number from 1 to {MaximumLimit}");
            }

            var page = await kind.ListAsync(Store(), list, Cursor(One(query, "cursor")), limit, token).ConfigureAwait(false);
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            var buffer = new System.Buffers.ArrayBufferWriter<byte>(4096);
            using (var json = new Utf8JsonWriter(buffer))
            {
                json.WriteStartObject();
                json.WriteStartArray("items");
                foreach (var item in page.Items)
                {
                    json.WriteRawValue(kind.Serialize(view is null ? item.Value : view(item.Value, now)), skipInputValidation: true);
                }

                json.WriteEndArray();
                json.WriteString("next", Cursors.Write(page.Next));
                json.WriteEndObject();
            }

            await Problems.JsonAsync(context, buffer.WrittenMemory, Json, token).ConfigureAwait(false);
        }));

    /// <summary>Answers a request; refusals become problem details.</summary>
    public async Task AnswerAsync(HttpContext context, Func<CancellationToken, Task> answer)
    {
        var token = context.RequestAborted;
        try
        {
            if (store is null)
            {
                throw new RefusedCommandException(503, "commands-unavailable", "Commands and available-to-promise need Redis; this processor keeps positions in its own memory.");
            }

            await answer(token).ConfigureAwait(false);
        }
        catch (RefusedCommandException e)
        {
            if (e.Status == 503)
            {
                context.Response.Headers.RetryAfter = "1";
            }

            await Problems.WriteAsync(context, e.Status, e.Code, e.Message, token).ConfigureAwait(false);
        }
    }

    /// <summary>A parameter that stands once; null where it is absent.</summary>
    /// <exception cref="RefusedCommandException">It stands several times.</exception>
    public static string? One(IQueryCollection query, string name)
    {
        var values = query[name];
        RefusedCommandException.ThrowIf(values.Count > 1, name, $"stands {values.Count} times");
        return values.Count == 0 ? null : values[0];
    }

    /// <exception cref="RefusedCommandException">The query has a parameter that is not known.</exception>
    public static void RefuseOthers(IQueryCollection query, IReadOnlyList<string> known)
    {
        var unknown = query.Keys.FirstOrDefault(name => !known.Contains(name));
        RefusedCommandException.ThrowIf(unknown is not null, "query", $"has no parameter '{(unknown is { Length: > 40 } ? unknown[..40] : unknown)}', only {string.Join(", ", known)}");
    }

    /// <summary>Whether a body may be JSON: it says so, or nothing.</summary>
    public static bool MayBeJson(HttpRequest request) => request.ContentType is not { } type
        || (type.StartsWith(Json, StringComparison.OrdinalIgnoreCase) && (type.Length == Json.Length || type[Json.Length] is ';' or ' '));

    /// <exception cref="RefusedCommandException">The body is not of this shape.</exception>
    public static async Task<T> BodyAsync<T>(HttpContext context, JsonTypeInfo<T> type, CancellationToken token) =>
        Parse(await ReadAsync(context, token).ConfigureAwait(false), type);

    private IStockStore Store() => store!;

    private Task RunAsync<T>(HttpContext context, string command, JsonTypeInfo<T> type, Func<CommandRequest<T>, CancellationToken, Task<Plan>> plan) =>
        AnswerAsync(context, async token =>
        {
            var key = Key(context);
            var bytes = await ReadAsync(context, token).ConfigureAwait(false);
            var body = Parse(bytes, type);
            var caller = Caller.Of(context);
            var request = new CommandRequest<T>(context, body, Id(context), caller, time.GetUtcNow().ToUnixTimeMilliseconds());
            var hash = Convert.ToHexStringLower(SHA256.HashData([.. Encoding.UTF8.GetBytes($"{context.Request.Method} {context.Request.Path}\n"), .. bytes]))[..32];
            var result = await runner.RunAsync(command, caller + ":" + key, hash, stop => plan(request, stop), token).ConfigureAwait(false);
            if (result.IsRefused)
            {
                throw new RefusedCommandException(result.Status, result.Code, result.Detail);
            }

            var headers = context.Response.Headers;
            context.Response.StatusCode = result.Status;
            if (result.Revision > 0)
            {
                headers.ETag = Tag(result.Revision);
            }

            if (result.Location.Length > 0)
            {
                headers.Location = result.Location;
            }

            headers["Idempotency-Replayed"] = result.IsRepeated ? "true" : "false";
            if (result.Durability.Length > 0)
            {
                headers["Stockflow-Durability"] = result.Durability;
            }

            await Problems.JsonAsync(context, result.Body, Json, token).ConfigureAwait(false);
        });

    private static string Id(HttpContext context) => context.Request.RouteValues["id"] as string ?? "";

    private static string Key(HttpContext context) => context.Request.Headers["Idempotency-Key"] is [{ Length: > 0 and <= MaximumKey } key] && !key.AsSpan().ContainsAnyExceptInRange('!', '~')
        ? key
        : throw new RefusedCommandException(400, "idempotency-key-missing", $"Send an Idempotency-Key of 1 to {MaximumKey} visible characters; a repetition with the same key gets the same answer.");

    private static string? Cursor(string? cursor)
    {
        try
        {
            return Cursors.Read(cursor);
        }
        catch (FormatException)
        {
            throw RefusedCommandException.BadValue("cursor", "is not one that this API gave; take it from 'next'");
        }
    }

    private static async Task<byte[]> ReadAsync(HttpContext context, CancellationToken token)
    {
        if (!MayBeJson(context.Request))
        {
            throw new RefusedCommandException(415, "unsupported-media-type", "Send the body as application/json.");
        }

        using var body = new MemoryStream((int)Math.Min(context.Request.ContentLength ?? 512, 1 << 20));
        await context.Request.Body.CopyToAsync(body, token).ConfigureAwait(false);
        return body.ToArray();
    }

    private static T Parse<T>(byte[] bytes, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, type) ?? throw RefusedCommandException.BadValue("The body", "is null");
        }
        catch (JsonException e)
        {
            throw new RefusedCommandException(400, "bad-body", $"The body is not what this path takes, at {e.Path ?? "$"} (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}): {Reason(e)}");
        }
    }

    private static string Reason(JsonException e) =>
        e.Message.Contains("Path:", StringComparison.Ordinal) ? e.Message[..e.Message.IndexOf("Path:", StringComparison.Ordinal)].TrimEnd(' ', '|') : e.Message;
}
