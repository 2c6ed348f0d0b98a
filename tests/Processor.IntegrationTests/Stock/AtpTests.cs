using System.Text.Json.Nodes;
using Stockflow.IntegrationTests.Pipeline;
using Xunit;

namespace Stockflow.IntegrationTests.Stock;

[Collection(StockCollection.Name)]
public sealed class AtpTests(SharedClickHouse clickHouse)
{
    [Fact]
    public async Task A_reservation_lives_through_its_states_and_what_lapses_is_free_before_the_sweep()
    {
        // No sweep for an hour: what lapses must be free all the same.
        await using var run = await StockRun.StartAsync(clickHouse, "--stock.sweep-milliseconds", "600000");
        await run.StockAsync("A", "L1", 10);
        await run.StockAsync("A", "L2", 5);
        Assert.Equal(200, (await run.PostAsync("/v1/safety-buffers/A/L1", """{"units":2}""", method: "PUT")).Status);
        var atp = (await run.GetAsync("/v1/atp/A/L1")).Body;
        Assert.Equal((10L, 8L, 2L), ((long)atp["available_raw"]!, (long)atp["available"]!, (long)atp["safety_buffer"]!));
        Assert.Equal(13, (long)(await run.GetAsync("/v1/atp/A")).Body["available"]!);

        // Two lines of one position count together; all or nothing leaves nothing behind.
        var both = """{"reference":{"type":"order","id":"O-7"},"lines":[{"sku_id":"A","location_id":"L1","quantity":5},{"sku_id":"A","location_id":"L1","quantity":4},{"sku_id":"A","location_id":"L2","quantity":1}]}""";
        var refused = await run.PostAsync("/v1/reservations", both);
        Assert.Equal((409, "insufficient-stock"), (refused.Status, refused.Code));
        Assert.Contains("'A' at 'L1' has 8 available of 10", (string)refused.Body["detail"]!, StringComparison.Ordinal);
        Assert.Equal(5, (long)(await run.GetAsync("/v1/atp/A/L2")).Body["available"]!);

        var partial = await run.PostAsync("/v1/reservations", both.Replace("\"lines\"", "\"allow_partial\":true,\"lines\"", StringComparison.Ordinal), "part");
        Assert.Equal(201, partial.Status);
        Assert.Equal([5L, 3L, 1L], partial.Body["lines"]!.AsArray().Select(line => (long)line!["reserved"]!));
        Assert.Equal(partial.Body.ToJsonString(), (await run.PostAsync("/v1/reservations", both.Replace("\"lines\"", "\"allow_partial\":true,\"lines\"", StringComparison.Ordinal), "part")).Body.ToJsonString());
        Assert.Equal((409, "idempotency-key-reused"), Of(await run.PostAsync("/v1/reservations", both, "part")));

        var path = "/v1/reservations/" + (string)partial.Body["reservation_id"]!;
        var sent = await run.PostAsync(path + "/fulfil", """{"lines":[{"line_id":"1","quantity":2}]}""", "fulfil");
        Assert.Equal(("ACTIVE", 2L), ((string)sent.Body["state"]!, (long)sent.Body["lines"]![0]!["fulfilled"]!));
        Assert.Equal(sent.Body.ToJsonString(), (await run.PostAsync(path + "/fulfil", """{"lines":[{"line_id":"1","quantity":2}]}""", "fulfil")).Body.ToJsonString());
        Assert.Equal((8L, 6L, 0L), await FiguresAsync(run, "A", "L1"));
        Assert.Equal("ACTIVE", (string)(await run.PostAsync(path + "/release", """{"lines":[{"line_id":"2","quantity":1}]}""")).Body["state"]!);
        Assert.Equal("FULFILLED", (string)(await run.PostAsync(path + "/fulfil", "{}")).Body["state"]!);
        Assert.Equal((409, "wrong-state"), Of(await run.PostAsync(path + "/fulfil", "{}")));
        Assert.Equal((409, "wrong-state"), Of(await run.PostAsync(path + "/extend", "{}")));
        Assert.Equal((3L, 0L, 1L), await FiguresAsync(run, "A", "L1"));

        var brief = await run.PostAsync("/v1/reservations", StockRun.Reserve("A", "L1", 1, ",\"ttl_seconds\":1"));
        Assert.Equal(201, brief.Status);
        Assert.Equal((409, "insufficient-stock"), Of(await run.PostAsync("/v1/reservations", StockRun.Reserve("A", "L1", 1))));
        await run.WaitForAsync("/v1/atp/A/L1", body => (long)body["available"]! == 1);
        var gone = "/v1/reservations/" + (string)brief.Body["reservation_id"]!;
        Assert.Equal("EXPIRED", (string)(await run.GetAsync(gone)).Body["state"]!);
        Assert.Equal((409, "wrong-state"), Of(await run.PostAsync(gone + "/fulfil", "{}")));
        Assert.Equal(201, (await run.PostAsync("/v1/reservations", StockRun.Reserve("A", "L1", 1, ",\"kind\":\"hard\",\"ttl_seconds\":0"))).Status);
        Assert.Equal((3L, 1L, 0L), await FiguresAsync(run, "A", "L1"));
    }

    [Fact]
    public async Task What_commands_did_is_swept_and_told_in_the_ledger_and_followers_hear_of_it()
    {
        await using var run = await StockRun.StartAsync(clickHouse, "--stock.sweep-milliseconds", "50", "--stock.follow-milliseconds", "20");
        await run.StockAsync("S", "L1", 4);
        using var follower = new HttpClient();
        using var stream = new StreamReader(await follower.GetStreamAsync(new Uri(run.Processor.Address, "/v1/atp/changes?sku=S")));
        Assert.Equal(4, await NextAsync(stream, body => true));
        Assert.Equal(201, (await run.PostAsync("/v1/reservations", StockRun.Reserve("S", "L1", 3, ",\"ttl_seconds\":1"))).Status);
        Assert.Equal(1, await NextAsync(stream, body => (long)body["available"]! == 1));
        Assert.Equal(4, await NextAsync(stream, body => (long)body["available"]! == 4));
        await run.WaitForAsync("/v1/reservations?state=EXPIRED", body => body["items"]!.AsArray().Count == 1);
        await run.SettleAsync();
        Assert.Equal(["RECEIPT 4", "RESERVE -3", "RELEASE 3"], (await run.LedgerAsync("S")).Select(row => $"{row.Type} {row.Quantity}"));
        Assert.Equal(0, (await run.PositionAsync("S", "L1")).Reserved);
        Assert.Equal((4L, 0L, 4L), await FiguresAsync(run, "S", "L1"));
    }

    private static (int, string?) Of(StockAnswer answer) => (answer.Status, answer.Code);

    private static async Task<(long OnHand, long Reserved, long Available)> FiguresAsync(StockRun run, string sku, string location)
    {
        var body = (await run.GetAsync($"/v1/atp/{sku}/{location}")).Body;
        return ((long)body["on_hand"]!, (long)body["reserved"]!, (long)body["available"]!);
    }

    private static async Task<long> NextAsync(StreamReader stream, Func<JsonNode, bool> wanted)
    {
        using var bound = new CancellationTokenSource(Fixtures.ProcessorProcess.Patience);
        while (true)
        {
            var line = await stream.ReadLineAsync(bound.Token) ?? throw new EndOfStreamException("The stream ended.");
            if (line.StartsWith("data: ", StringComparison.Ordinal) && JsonNode.Parse(line[6..]) is { } body && wanted(body))
            {
                return (long)body["available"]!;
            }
        }
    }
}
