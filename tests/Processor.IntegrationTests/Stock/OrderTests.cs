using System.Text.Json.Nodes;
using Stockflow.IntegrationTests.Pipeline;
using Xunit;

namespace Stockflow.IntegrationTests.Stock;

[Collection(StockCollection.Name)]
public sealed class OrderTests(SharedClickHouse clickHouse)
{
    private static int events;

    [Fact]
    public async Task Orders_from_the_stream_reserve_ship_and_release_and_a_short_one_waits_for_stock()
    {
        await using var run = await StockRun.StartAsync(clickHouse, "--stock.backorder-seconds", "1", "--stock.sweep-milliseconds", "100");
        await run.StockAsync("A", "L1", 10);
        await run.StockAsync("B", "L1", 3);
        await SendAsync(run, "O1", "PLACED", ("1", "A", 6), ("2", "B", 5));
        var order = await run.WaitForAsync("/v1/orders/O1", body => (string?)body["state"] == "BACKORDERED");
        Assert.Equal((6L, 0L), Line(order, 0, "reserved", "backordered"));
        Assert.Equal((3L, 2L), Line(order, 1, "reserved", "backordered"));
        var atp = (await run.GetAsync("/v1/atp/B/L1?horizon_days=7")).Body;
        Assert.Equal((3L, 0L, -2L), ((long)atp["reserved"]!, (long)atp["atp"]!, (long)atp["dated"]![0]!["quantity"]!));

        // The same event again changes nothing; an order for what is not known goes to the dead letters.
        await SendAsync(run, "O1", "PLACED", ("1", "A", 6), ("2", "B", 5));
        await SendAsync(run, "O9", "PLACED", ("1", "NOBODY", 1));
        await SendAsync(run, "O2", "PLACED", ("1", "A", 9));
        await run.WaitForAsync("/v1/orders/O2", body => Line(body, 0, "reserved", "backordered") == (4L, 5L));
        await run.Processor.WaitUntilAsync(status => status.DeadLetterReasons.GetValueOrDefault("unknown_sku") == 1);

        await run.Producer.MoveAsync("B", "L1", "more", 10);
        await run.WaitForAsync("/v1/orders/O1", body => Line(body, 1, "reserved", "backordered") == (5L, 0L));
        await run.KillAsync();
        await SendAsync(run, "O1", "PARTIALLY_SHIPPED", ("1", "A", 2));
        await SendAsync(run, "O1", "SHIPPED", ("1", "A", 4), ("2", "B", 5));
        await SendAsync(run, "O2", "CANCELLED", ("1", "A", 9));
        await SendAsync(run, "O1", "RETURNED", ("2", "B", 1));

        // Nobody placed it, yet it was shipped: a fact, though it takes what others wanted.
        await SendAsync(run, "O3", "SHIPPED", ("1", "A", 5));
        await run.WaitForAsync("/v1/orders/O1", body => (string?)body["state"] == "SHIPPED" && (long)body["lines"]![1]!["returned"]! == 1);
        await run.WaitForAsync("/v1/orders/O2", body => (string?)body["state"] == "CANCELLED");
        await run.WaitForAsync("/v1/orders/O3", body => (string?)body["state"] == "SHIPPED");
        await run.SettleAsync();

        var a = await run.PositionAsync("A", "L1");
        var b = await run.PositionAsync("B", "L1");
        Assert.Equal((-1L, 0L), (a.OnHand, a.Reserved));
        Assert.Equal((9L, 0L), (b.OnHand, b.Reserved));
        var ledger = await run.LedgerAsync("A");
        Assert.Equal(ledger.Count, ledger.Select(row => row.EventId).Distinct().Count());
        Assert.Equal(-11, ledger.Where(row => row.Type == "SHIP").Sum(row => row.Quantity));
        Assert.Equal(0, ledger.Where(row => row.Type is "RESERVE" or "RELEASE").Sum(row => row.Quantity) + 11);
    }

    private static (long, long) Line(JsonNode order, int line, string first, string second) =>
        ((long)order["lines"]![line]![first]!, (long)order["lines"]![line]![second]!);

    private static async Task SendAsync(StockRun run, string order, string type, params (string Line, string Sku, long Quantity)[] lines) =>
        await run.Producer.SendAsync("orders", order, "OrderEvent", new()
        {
            ["event_id"] = type == "PLACED" ? $"{order}-placed" : $"{order}-{Interlocked.Increment(ref events)}",
            ["event_ts"] = DateTimeOffset.UtcNow,
            ["ingest_ts"] = DateTimeOffset.UtcNow,
            ["order_id"] = order,
            ["event_type"] = type,
            ["source_system"] = "ECOM",
            ["lines"] = lines.Select(line => (object?)new Dictionary<string, object?>
            {
                ["line_id"] = line.Line,
                ["sku_id"] = line.Sku,
                ["location_id"] = "L1",
                ["qty"] = line.Quantity,
            }).ToList(),
        });
}
