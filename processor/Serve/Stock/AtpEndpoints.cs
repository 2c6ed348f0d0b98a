using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Serve.Stock;

/// <summary>What can be promised: of one position, of a SKU everywhere, of many at once.</summary>
internal sealed class AtpEndpoints(CommandHttp http, AtpReader atp, Check check, StockOptions options)
{
    public const string Path = "/v1/atp", BatchPath = Path + "/batch";
    private const string Prefix = Path + "/", Json = "application/json";
    private const int MaximumPairs = 1000, MaximumHorizonDays = 366;
    private static readonly string[] Parameters = ["at", "horizon_days"];

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods(Path + "/{**ids}", ["GET", "HEAD"], context => http.AnswerAsync(context, token => TimedAsync(Kind(context), () => ReadAsync(context, token))));
        routes.MapMethods(BatchPath, ["POST"], context => http.AnswerAsync(context, token => TimedAsync("batch", () => BatchAsync(context, token))));
        http.MapCommand(routes, "/v1/safety-buffers/{sku}/{location}", "buffer", StockJson.Default.BufferRequest, BufferAsync, "PUT");
    }

    private static string Kind(HttpContext context) => context.Request.RouteValues["ids"] is string ids && ids.Contains('/', StringComparison.Ordinal) ? "single" : "sku";

    private static async Task TimedAsync(string kind, Func<Task> read)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            await read().ConfigureAwait(false);
        }
        finally
        {
            Metrics.AtpReads.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, new KeyValuePair<string, object?>("kind", kind));
        }
    }

    private Task<Plan> BufferAsync(CommandRequest<BufferRequest> request, CancellationToken token)
    {
        var values = request.Context.Request.RouteValues;
        string sku = check.Sku("sku", values["sku"] as string), location = check.Location("location", values["location"] as string);
        RefusedCommandException.ThrowIf(request.Body.Units is null, "units", "is missing");
        var buffer = new SafetyBuffer(sku, location, check.Quantity("units", request.Body.Units!.Value, least: 0));
        return Task.FromResult(new Plan(new StockTransaction { Buffers = [buffer] }, 200,
            JsonSerializer.SerializeToUtf8Bytes(new BufferPayload(sku, location, buffer.Units), StockJson.Default.BufferPayload)));
    }

    private async Task ReadAsync(HttpContext context, CancellationToken token)
    {
        var target = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        var ids = PathSegments.After(Prefix, target);
        if (ids.Length is not (1 or 2) || !Array.TrueForAll(ids, id => id.Length is > 0 and <= Endpoints.MaximumIdLength))
        {
            throw new RefusedCommandException(400, "bad-id", $"The path is {Prefix}SKU or {Prefix}SKU/LOCATION with ids of 1 to {Endpoints.MaximumIdLength} characters; write a slash within an id as %2F.");
        }

        var question = Question(context.Request.Query);
        var (nowTs, answers) = await atp.ReadAsync([new PositionKey(ids[0], ids.Length == 2 ? ids[1] : "")], question.IsDated, token).ConfigureAwait(false);
        var answer = answers[0];
        if (answer.States.Count == 0)
        {
            throw new RefusedCommandException(404, "position-not-found", ids.Length == 2 ? $"SKU '{ids[0]}' has no position at location '{ids[1]}'." : $"SKU '{ids[0]}' has no position at any location.");
        }

        // What is dated changes with the clock, and a SKU is of many versions.
        if (!question.IsDated && ids.Length == 2 && Problems.IsUnchanged(context, Tag(answer.States[0])))
        {
            return;
        }

        var buffer = new System.Buffers.ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            var times = question.From(nowTs, options.HorizonDays);
            json.WriteStartObject();
            json.WriteString("sku_id"u8, ids[0]);
            if (ids.Length == 2)
            {
                WriteState(json, answer.States[0], answer.Dated, times);
            }
            else
            {
                json.WriteNumber("available"u8, answer.States.Sum(state => state.Available));
                json.WriteNumber("available_raw"u8, answer.States.Sum(state => state.AvailableRaw));
                json.WriteStartArray("locations"u8);
                foreach (var state in answer.States.OrderBy(state => state.LocationId, StringComparer.Ordinal))
                {
                    json.WriteStartObject();
                    WriteState(json, state, answer.Dated, times);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            WriteTimes(json, times, nowTs, answer.Lane);
            json.WriteEndObject();
        }

        await Problems.JsonAsync(context, buffer.WrittenMemory, Json, token).ConfigureAwait(false);
    }

    private async Task BatchAsync(HttpContext context, CancellationToken token)
    {
        var request = await CommandHttp.BodyAsync(context, StockJson.Default.AtpBatchRequest, token).ConfigureAwait(false);
        Check.Lines("pairs", request.Pairs, MaximumPairs);
        var question = new AtpQuestion(request.At is { } at ? CommandParts.Ts(CommandParts.Utc(at)) : null, request.HorizonDays);
        RefusedCommandException.ThrowIf(question.AtTs > TimeText.Maximum, "at", "must be before 2286-11-20");
        RefusedCommandException.ThrowIf(request.HorizonDays is < 0 or > MaximumHorizonDays, "horizon_days", $"must be from 0 to {MaximumHorizonDays}");
        var keys = new PositionKey[request.Pairs!.Count];
        for (var i = 0; i < keys.Length; i++)
        {
            var pair = request.Pairs[i];
            RefusedCommandException.ThrowIf(pair?.SkuId is not { Length: > 0 and <= Endpoints.MaximumIdLength }, $"pairs[{i}].sku_id", $"must have 1 to {Endpoints.MaximumIdLength} characters");
            RefusedCommandException.ThrowIf(pair!.LocationId is not { Length: > 0 and <= Endpoints.MaximumIdLength }, $"pairs[{i}].location_id", $"must have 1 to {Endpoints.MaximumIdLength} characters");
            keys[i] = new PositionKey(pair.SkuId!, pair.LocationId!);
        }

        var (nowTs, answers) = await atp.ReadAsync(keys, question.IsDated, token).ConfigureAwait(false);
        var times = question.From(nowTs, options.HorizonDays);
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(keys.Length * 180);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
        {
            json.WriteStartObject();
            json.WriteStartArray("items"u8);
            for (var i = 0; i < keys.Length; i++)
            {
                json.WriteStartObject();
                json.WriteString("sku_id"u8, keys[i].SkuId);
                if (answers[i].States is [var state])
                {
                    WriteShort(json, state, answers[i].Dated, times);
                }
                else
                {
                    json.WriteString("location_id"u8, keys[i].LocationId);
                    json.WriteBoolean("known"u8, false);
                    json.WriteNumber("available"u8, 0);
                    json.WriteNumber("available_raw"u8, 0);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            WriteTimes(json, times, nowTs, Oldest(answers));
            json.WriteEndObject();
        }

        await Problems.JsonAsync(context, buffer.WrittenMemory, Json, token).ConfigureAwait(false);
    }

    private static string Tag(AtpState state) =>
        string.Create(CultureInfo.InvariantCulture, $"\"{state.State.Version}-{state.State.OnHand}-{state.Reserved}-{state.AvailableRaw}-{state.SafetyBuffer}\"");

    /// <summary>Everything of one position.</summary>
    private static void WriteState(Utf8JsonWriter json, AtpState state, IReadOnlyList<DatedQuantity> dated, AtpTimes times)
    {
        json.WriteString("location_id"u8, state.LocationId);
        json.WriteNumber("on_hand"u8, state.State.OnHand);
        json.WriteNumber("unsellable"u8, state.State.Unsellable);
        json.WriteNumber("reserved"u8, state.Reserved);
        json.WriteNumber("in_transit_in"u8, state.State.InTransitIn);
        json.WriteNumber("in_transit_out"u8, state.State.InTransitOut);
        WriteFigures(json, state, dated, times);
        if (times.IsDated)
        {
            json.WriteStartArray("dated"u8);
            foreach (var entry in dated.Where(d => d.LocationId == state.LocationId && d.DueTs <= times.HorizonTs).OrderBy(d => d.DueTs))
            {
                json.WriteStartObject();
                json.WriteString("due"u8, PositionPayload.Instant(entry.DueTs));
                json.WriteNumber("quantity"u8, entry.Quantity);
                json.WriteString("source"u8, entry.Source);
                json.WriteBoolean("counted"u8, entry.Quantity < 0 || entry.DueTs >= times.NowTs);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }
    }

    internal static void WriteShort(Utf8JsonWriter json, AtpState state, IReadOnlyList<DatedQuantity> dated, AtpTimes times)
    {
        json.WriteString("location_id"u8, state.LocationId);
        json.WriteNumber("on_hand"u8, state.State.OnHand);
        json.WriteNumber("reserved"u8, state.Reserved);
        WriteFigures(json, state, dated, times);
    }

    private static void WriteFigures(Utf8JsonWriter json, AtpState state, IReadOnlyList<DatedQuantity> dated, AtpTimes times)
    {
        json.WriteNumber("safety_buffer"u8, state.SafetyBuffer);
        json.WriteNumber("available_raw"u8, state.AvailableRaw);
        json.WriteNumber("available"u8, state.Available);
        if (times.IsDated)
        {
            var own = dated.Where(d => d.LocationId == state.LocationId).ToArray();
            json.WriteNumber("atp_raw"u8, AtpReader.Promise(state.Unreserved, own, times.NowTs, times.AtTs, times.HorizonTs));
            json.WriteNumber("atp"u8, AtpReader.Promise(state.Unreserved - state.SafetyBuffer, own, times.NowTs, times.AtTs, times.HorizonTs));
        }
    }

    /// <summary>As of when the figures hold: the store's clock, and how far the stream had come.</summary>
    internal static void WriteTimes(Utf8JsonWriter json, AtpTimes times, long nowTs, AtpLane lane)
    {
        if (times.IsDated)
        {
            json.WriteString("at"u8, PositionPayload.Instant(times.AtTs));
            json.WriteString("horizon"u8, PositionPayload.Instant(times.HorizonTs));
        }

        json.WriteString("as_of"u8, PositionPayload.Instant(nowTs));
        if (lane.AppliedTs > 0)
        {
            json.WriteNumber("freshness_seconds"u8, Math.Max(0, nowTs - lane.AppliedTs) / 1000.0);
        }
        else
        {
            json.WriteNull("freshness_seconds"u8);
        }

        if (lane.WatermarkTs > 0)
        {
            json.WriteString("watermark"u8, PositionPayload.Instant(lane.WatermarkTs));
        }
        else
        {
            json.WriteNull("watermark"u8);
        }
    }

    private static AtpLane Oldest(AtpAnswer[] answers)
    {
        var (applied, watermark) = (long.MaxValue, long.MaxValue);
        foreach (var answer in answers)
        {
            applied = Math.Min(applied, answer.Lane.AppliedTs);
            watermark = Math.Min(watermark, answer.Lane.WatermarkTs);
        }

        return new AtpLane(applied, watermark);
    }

    private static AtpQuestion Question(IQueryCollection query)
    {
        if (query.Count == 0)
        {
            return default;
        }

        CommandHttp.RefuseOthers(query, Parameters);
        long? at = null;
        if (CommandHttp.One(query, "at") is { } text)
        {
            RefusedCommandException.ThrowIf(!TimeText.TryRead(text, out var ts, out var problem), "at", problem ?? "");
            at = ts;
        }

        int? days = null;
        if (CommandHttp.One(query, "horizon_days") is { } number)
        {
            RefusedCommandException.ThrowIf(!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value > MaximumHorizonDays, "horizon_days", $"must be from 0 to {MaximumHorizonDays}");
            days = value;
        }

        return new AtpQuestion(at, days);
    }
}

/// <summary>What is asked about the future; nothing by default.</summary>
internal readonly record struct AtpQuestion(long? AtTs, int? HorizonDays)
{
    public bool IsDated => AtTs is not null || HorizonDays is not null;

    public AtpTimes From(long nowTs, int horizonDays)
    {
        var at = Math.Max(nowTs, AtTs ?? nowTs);
        return new AtpTimes(nowTs, at, at + ((HorizonDays ?? horizonDays) * 86_400_000L), IsDated);
    }
}

/// <summary>The clock, the time of the promise and the last time looked at, in milliseconds since 1970-01-01 UTC.</summary>
internal readonly record struct AtpTimes(long NowTs, long AtTs, long HorizonTs, bool IsDated);
