using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Stockflow.Tests.Serve.Api;

/// <summary>How each documented refusal is brought about, by its code.</summary>
internal static class Provokers
{
    private const string Absent = "none", Two = "B";

    /// <summary>Codes that need a server of their own; see <see cref="ApiProblemTests"/>.</summary>
    public static readonly string[] Elsewhere = ["unauthorized", "too-many-requests", "timeout", "commands-unavailable", "reference-loading", "too-many-followers"];

    public static async Task<ApiAnswer> ProvokeAsync(ApiHost host, SpecOperation operation, int status, string code)
    {
        var request = await host.HappyAsync(operation, code is "insufficient-stock" or "positions-behind" ? Two : ApiHost.Sku);
        return code switch
        {
            "bad-request" => status == 413 ? await LargeAsync(host, request) : await RawRequests.BrokenAsync(host, request),
            "bad-body" => await host.SendAsync(With(request, "{")),
            "unsupported-media-type" => await MediaTypeAsync(host, request),
            "bad-value" => await BadValueAsync(host, request),
            "bad-id" => operation.Id == "getLineage" ? await PathAsync(host, request, "event_id", new string('e', 129)) : await PathAsync(host, request, "sku", new string('x', 65)),
            "bad-time" => await QueryAsync(host, request, "at", "5"),
            "bad-parameter" => await BadParameterAsync(host, request),
            "idempotency-key-missing" => await HeaderAsync(host, request, "Idempotency-Key", null),
            "idempotency-key-reused" => await ReusedAsync(host, request),
            "revision-changed" => await HeaderAsync(host, request, "If-Match", "\"999\""),
            "conflict" => await StoreAsync(host, request, Fault.Conflicts),
            "store-unavailable" => await StoreAsync(host, request, Fault.Away),
            "history-unavailable" => await HistoryAsync(host, request),
            "dead-letters-unavailable" => await LettersAsync(host, request),
            "positions-behind" => await BehindAsync(host, request),
            "no-such-path" => await PathAsync(host, request, "partition", "x"),
            "event-not-found" => await PathAsync(host, request, "event_id", Absent),
            "dead-letter-not-found" => await PathAsync(host, request, "offset", "999999999"),
            "dead-letter-not-replayable" => await ObstacleAsync(host, request),
            "unknown-location" => await host.SendAsync(Edit(request, body => body["locations"] = new JsonArray(new JsonObject { ["location_id"] = Absent }))),
            "same-person" => await host.SendAsync(Edit(request, body => body["performed_by"] = "bob")),
            "wrong-state" => await WrongStateAsync(host, request),
            "insufficient-stock" => await ShortAsync(host, request),
            "transfer-exists" => await TwiceAsync(host, Edit(request, body => body["transfer_id"] = host.NewId("t"))),
            "purchase-order-exists" => await TwiceAsync(host, request),
            "over-receipt" => await host.SendAsync(Edit(request, body => body["lines"]![0]!["quantity"] = 1000)),
            "under-receipt" => await host.SendAsync(Edit(request, body => body["lines"]![0] = new JsonObject { ["line_id"] = "1", ["quantity"] = 0, ["close_short"] = true })),
            _ when code.EndsWith("-not-found", StringComparison.Ordinal) => await PathAsync(host, request, request.Path.ContainsKey("id") ? "id" : "sku", Absent),
            _ => throw new NotSupportedException($"Nothing brings about {status} {code}; say how in Provokers.cs."),
        };
    }

    public static ApiRequest Edit(ApiRequest request, Action<JsonObject> change)
    {
        var body = JsonNode.Parse(request.Body)!.AsObject();
        change(body);
        return With(request, body.ToJsonString());
    }

    private static ApiRequest With(ApiRequest request, string body)
    {
        request.SetBody(body);
        return request;
    }

    private static Task<ApiAnswer> PathAsync(ApiHost host, ApiRequest request, string name, string value)
    {
        request.Path[name] = value;
        return host.SendAsync(request);
    }

    private static Task<ApiAnswer> QueryAsync(ApiHost host, ApiRequest request, string name, string value)
    {
        request.Query.Add((name, value));
        return host.SendAsync(request);
    }

    private static Task<ApiAnswer> HeaderAsync(ApiHost host, ApiRequest request, string name, string? value)
    {
        request.Headers.Remove(name);
        if (value is not null)
        {
            request.Headers[name] = value;
        }

        return host.SendAsync(request);
    }

    private static Task<ApiAnswer> MediaTypeAsync(ApiHost host, ApiRequest request)
    {
        request.ContentType = "text/plain";
        return host.SendAsync(request);
    }

    private static Task<ApiAnswer> LargeAsync(ApiHost host, ApiRequest request)
    {
        request.Body = [.. request.Body!, .. Enumerable.Repeat((byte)' ', 65 * 1024)];
        return host.SendAsync(request);
    }

    private static Task<ApiAnswer> BadValueAsync(ApiHost host, ApiRequest request)
    {
        var id = request.Operation.Id;
        if (request.Operation.Body is not null)
        {
            return host.SendAsync(id == "planAllocation" ? Edit(request, body => body["lines"] = new JsonArray()) : With(request, "null"));
        }

        request.Query.RemoveAll(pair => pair.Name == "sku");
        return id switch
        {
            "followAtp" => host.SendAsync(request),
            "getShrinkage" => QueryAsync(host, request, "days", "0"),
            "getAtp" or "getSkuAtp" => QueryAsync(host, request, "horizon_days", "367"),
            _ => QueryAsync(host, request, "limit", "0"),
        };
    }

    private static Task<ApiAnswer> BadParameterAsync(ApiHost host, ApiRequest request) => request.Operation.Id switch
    {
        "replayDeadLetter" => HeaderAsync(host, request, "Idempotency-Key", new string('k', 129)),
        "getPosition" or "explainPosition" => QueryAsync(host, request, "at", "noon"),
        _ => QueryAsync(host, request, "limit", "0"),
    };

    private static async Task<ApiAnswer> ReusedAsync(ApiHost host, ApiRequest request)
    {
        await host.DoneAsync(request);
        return await host.SendAsync(With(request, Encoding.UTF8.GetString(request.Body!) + " "));
    }

    private static async Task<ApiAnswer> TwiceAsync(ApiHost host, ApiRequest request)
    {
        await host.DoneAsync(request);
        return await host.SendAsync(request.WithNewKey());
    }

    private static async Task<ApiAnswer> StoreAsync(ApiHost host, ApiRequest request, Fault fault)
    {
        host.Store.Fault = fault;
        host.Positions.Failure = fault == Fault.Away ? new Stockflow.Model.StoreUnavailableException("away") : null;
        var answer = await host.SendAsync(request);
        (host.Store.Fault, host.Positions.Failure) = (Fault.None, null);
        return answer;
    }

    private static async Task<ApiAnswer> HistoryAsync(ApiHost host, ApiRequest request)
    {
        host.History.Fault = Fault.Away;
        var answer = request.Operation.Id == "getPosition" ? await QueryAsync(host, request, "at", "5") : await host.SendAsync(request);
        host.History.Fault = Fault.None;
        return answer;
    }

    private static async Task<ApiAnswer> LettersAsync(ApiHost host, ApiRequest request)
    {
        host.DeadLetters.Fault = Fault.Away;
        var answer = await host.SendAsync(request);
        host.DeadLetters.Fault = Fault.None;
        return answer;
    }

    private static async Task<ApiAnswer> BehindAsync(ApiHost host, ApiRequest request)
    {
        if (request.Operation.Id == "extendReservation")
        {
            // What would end at the same instant as before changes no hold.
            request = Edit(request, body => body["ttl_seconds"] = 77);
        }

        host.Memory.Behind.Add(Two);
        var answer = await host.SendAsync(request);
        host.Memory.Behind.Clear();
        return answer;
    }

    private static Task<ApiAnswer> ObstacleAsync(ApiHost host, ApiRequest request)
    {
        request.Path["offset"] = host.NewId("7");
        host.Letters.Add(0, long.Parse(request.Path["offset"]), "why", "it has no header dlq.topic", [1]);
        return host.SendAsync(request);
    }

    private static async Task<ApiAnswer> WrongStateAsync(ApiHost host, ApiRequest request)
    {
        var before = request.Operation.Id switch { "extendReservation" => "releaseReservation", "receivePurchaseOrder" => "cancelPurchaseOrder", _ => request.Operation.Id };
        var first = await host.HappyAsync(host.Operation(before), isPrepared: false);
        (first.Path["id"], first.Body) = (request.Path["id"], before == request.Operation.Id ? request.Body : Encoding.UTF8.GetBytes("{}"));
        await host.DoneAsync(first);
        return await host.SendAsync(request);
    }

    private static async Task<ApiAnswer> ShortAsync(ApiHost host, ApiRequest request)
    {
        switch (request.Operation.Id)
        {
            case "createReservation":
                return await host.SendAsync(Edit(request, body => (body["lines"]![0]!["sku_id"], body["allow_partial"]) = (Absent, false)));
            case "createTransfer":
                return await host.SendAsync(Edit(request, body => body["lines"]![0]!["sku_id"] = Absent));
            case "createAdjustment":
                return await host.SendAsync(Edit(request, body => (body["sku_id"], body["quantity_delta"]) = (Absent, -1)));
            case "enterCount" or "approveCount":
                return await ShortCountAsync(host, request);
            default:
                var former = host.Memory.State(Two, ApiHost.Location).State.OnHand;
                host.Memory.Put(Two, ApiHost.Location, -former);
                var answer = await host.SendAsync(request);
                host.Memory.Put(Two, ApiHost.Location, 1_000_000_000_000);
                return answer;
        }
    }

    // Stock that leaves after it was counted, or between the look at the book and the posting.
    private static async Task<ApiAnswer> ShortCountAsync(ApiHost host, ApiRequest request)
    {
        var location = host.NewId("short");
        host.Memory.Put(Two, location, 10);
        var made = await host.DoneAsync(Edit(await host.HappyAsync(host.Operation("createCount"), Two), body => body["location_id"] = location));
        request.Path["id"] = made.Json.GetProperty("count_id").GetString()!;
        if (request.Operation.Id == "enterCount")
        {
            host.Memory.Before = _ =>
            {
                host.Memory.Put(Two, location, 0);
                return Task.CompletedTask;
            };
            var answer = await host.SendAsync(Edit(request, body => body["counted"] = 9));
            host.Memory.Before = null;
            return answer;
        }

        var entry = await host.HappyAsync(host.Operation("enterCount"), isPrepared: false);
        entry.Path["id"] = request.Path["id"];
        Assert.Equal("PENDING_APPROVAL", (await host.DoneAsync(entry)).Json.GetProperty("state").GetString());
        host.Memory.Put(Two, location, 1);
        return await host.SendAsync(request);
    }
}
