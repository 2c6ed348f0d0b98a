using System.Globalization;
using System.Text.Json;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Serve;

/// <summary>What was known when: positions of the past, their reasons, and the movements behind them.</summary>
internal sealed class HistoryEndpoints(IHistoryReader history, TimeProvider time, ILogger logger)
{
    private const string Json = "application/json";
    private const int DefaultLimit = 100, MaximumLimit = 1000;

    private const string EventsPrefix = "/v1/events/";

    /// <summary>The longest event_id that a movement may carry, in characters.</summary>
    private const int MaximumEventId = 128;

    private static readonly string[] Times = ["at", "known_at"];
    private static readonly string[] LedgerParameters = ["sku", "location", "from", "to", "known_at", "limit", "cursor"];

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/v1/ledger", ["GET", "HEAD"], LedgerAsync);
        routes.MapMethods(EventsPrefix + "{event_id}/lineage", ["GET", "HEAD"], LineageAsync);
        routes.MapMethods("/v1/quality", ["GET", "HEAD"], QualityAsync);
    }

    /// <summary>Whether the request asks for the past.</summary>
    public static bool IsAsked(HttpContext context) => Times.Any(context.Request.Query.ContainsKey);

    public Task PositionAsync(HttpContext context, string skuId, string locationId) => AnswerAsync(context, async (reader, token) =>
    {
        var asOf = ReadAsOf(context.Request.Query);
        return await reader.PositionAsync(skuId, locationId, asOf, token).ConfigureAwait(false) is { } position
            ? JsonSerializer.SerializeToUtf8Bytes(PositionPayload.Of(position, asOf), ServeJson.Default.PositionPayload)
            : null;
    }, "position-not-found", () => NotFound(skuId, locationId));

    public Task ExplainAsync(HttpContext context, string skuId, string locationId) => AnswerAsync(context, async (reader, token) =>
    {
        RefuseOthers(context.Request.Query, Times);
        var asOf = ReadAsOf(context.Request.Query);
        return await reader.ExplainAsync(skuId, locationId, asOf, token).ConfigureAwait(false) is { } told
            ? JsonSerializer.SerializeToUtf8Bytes(ExplainPayload.Of(told, asOf), ServeJson.Default.ExplainPayload)
            : null;
    }, "position-not-found", () => NotFound(skuId, locationId));

    private Task LedgerAsync(HttpContext context) => AnswerAsync(context, async (reader, token) =>
    {
        var question = ReadQuestion(context.Request.Query);
        var page = await reader.PageAsync(question, token).ConfigureAwait(false);
        return JsonSerializer.SerializeToUtf8Bytes(
            new LedgerPayload(question.SkuId, question.LocationId, PositionPayload.Instant(question.KnownAt), [.. page.Entries.Select(LedgerEntryPayload.Of)],
                page.IsLast ? null : LedgerCursor.Write(page.Entries[^1], question)),
            ServeJson.Default.LedgerPayload);
    });

    private Task LineageAsync(HttpContext context)
    {
        var target = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        var parts = PathSegments.After(EventsPrefix, target);
        var eventId = parts.Length == 2 ? parts[0] : "";
        return eventId.Length is 0 or > MaximumEventId
            ? Problems.WriteAsync(context, 400, "bad-id", $"An event_id has 1 to {MaximumEventId} characters; write a slash within it as %2F.", context.RequestAborted)
            : AnswerAsync(context, async (reader, token) =>
            {
                RefuseOthers(context.Request.Query, []);
                return await reader.LineageAsync(eventId, token).ConfigureAwait(false) is { } told
                    ? JsonSerializer.SerializeToUtf8Bytes(told, ServeJson.Default.EventLineage)
                    : null;
            }, "event-not-found", () => $"No record of event '{eventId}' is in the history. A record that could not be decoded has no event_id; look in the dead letters.");
    }

    private Task QualityAsync(HttpContext context) => AnswerAsync(context, async (reader, token) =>
    {
        RefuseOthers(context.Request.Query, []);
        return JsonSerializer.SerializeToUtf8Bytes(new QualityPayload(await reader.QualityAsync(token).ConfigureAwait(false)), ServeJson.Default.QualityPayload);
    });

    // What is asked gives null where there is no such thing; then the code and the text say so.
    private async Task AnswerAsync(HttpContext context, Func<IHistoryReader, CancellationToken, Task<byte[]?>> ask, string absentCode = "", Func<string>? absent = null)
    {
        var token = context.RequestAborted;
        try
        {
            var body = await ask(history, token).ConfigureAwait(false);
            await (body is null
                ? Problems.WriteAsync(context, 404, absentCode, absent!(), token)
                : Problems.JsonAsync(context, body, Json, token)).ConfigureAwait(false);
        }
        catch (BadParameterException e)
        {
            await Problems.WriteAsync(context, 400, "bad-parameter", e.Message, token).ConfigureAwait(false);
        }
        catch (StoreUnavailableException e)
        {
            logger.HttpStoreUnavailable(e.Message);
            context.Response.Headers.RetryAfter = "5";
            await Problems.WriteAsync(context, 503, "history-unavailable",
                "The history (ClickHouse) does not answer. Live positions do not need it. Try again.", token).ConfigureAwait(false);
        }
    }

    private static string NotFound(string skuId, string locationId) =>
        $"SKU '{skuId}' had no position at location '{locationId}' at that time, as known then.";

    private AsOf ReadAsOf(IQueryCollection query) => new(ReadTime(query, "at") ?? AsOf.Everything, ReadTime(query, "known_at") ?? Now());

    private long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();

    private LedgerPageQuestion ReadQuestion(IQueryCollection query)
    {
        RefuseOthers(query, LedgerParameters);
        var sku = Id(query, "sku") ?? throw new BadParameterException("sku is missing: name the SKU as in /v1/ledger?sku=85123A.");
        var knownAt = ReadTime(query, "known_at");
        var limit = DefaultLimit;
        if (One(query, "limit") is { } text && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is >= 1 and <= MaximumLimit))
        {
            throw new BadParameterException($"limit '{text}' is not a number from 1 to {MaximumLimit}.");
        }

        var question = new LedgerPageQuestion(sku, Id(query, "location"), ReadTime(query, "from") ?? 0, ReadTime(query, "to") ?? AsOf.Everything, knownAt ?? Now(), null, limit);
        if (question.From > question.Until)
        {
            throw new BadParameterException("from is later than to.");
        }

        if (One(query, "cursor") is not { } cursorText)
        {
            return question;
        }

        var cursor = LedgerCursor.Read(cursorText) ?? throw new BadParameterException("cursor is not one that this API gave: take it from 'next'.");
        return cursor.Fits(question) && (knownAt is null || knownAt == cursor.KnownAt)
            ? question with { KnownAt = cursor.KnownAt, After = cursor.Place }
            : throw new BadParameterException("cursor belongs to another question: send the parameters of the first page with it.");
    }

    private static long? ReadTime(IQueryCollection query, string name) => One(query, name) is not { } text
        ? null
        : TimeText.TryRead(text, out var milliseconds, out var problem) ? milliseconds : throw new BadParameterException($"{name} {problem}.");

    private static string? Id(IQueryCollection query, string name) => One(query, name) is not { } id
        ? null
        : id.Length is > 0 and <= Endpoints.MaximumIdLength ? id : throw new BadParameterException($"{name} must have 1 to {Endpoints.MaximumIdLength} characters.");

    private static string? One(IQueryCollection query, string name) => !query.TryGetValue(name, out var values)
        ? null
        : values.Count == 1 ? values[0] : throw new BadParameterException($"{name} stands {values.Count} times.");

    private static void RefuseOthers(IQueryCollection query, string[] known)
    {
        if (query.Keys.FirstOrDefault(key => !known.Contains(key, StringComparer.OrdinalIgnoreCase)) is { } other)
        {
            throw new BadParameterException($"there is no parameter '{(other.Length > 40 ? other[..40] : other)}'{(known.Length > 0 ? ", only " + string.Join(", ", known) : "")}.");
        }
    }

    private sealed class BadParameterException(string message) : Exception(message);
}
