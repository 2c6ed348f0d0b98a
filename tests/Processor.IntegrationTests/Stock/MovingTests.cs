using System.Globalization;
using Stockflow.IntegrationTests.Pipeline;
using Xunit;

namespace Stockflow.IntegrationTests.Stock;

/// <summary>What warehouses do, through the API to positions and ledger.</summary>
[Collection(StockCollection.Name)]
public sealed class MovingTests(SharedClickHouse clickHouse)
{
    [Fact]
    public async Task Transfers_receipts_and_counts_end_in_positions_and_ledger_though_the_processor_is_killed()
    {
        await using var run = await StockRun.StartAsync(clickHouse);
        await run.StockAsync("A", "L1", 20);
        await run.Producer.AnnounceLocationAsync("L2");
        var tomorrow = DateOnly.FromDateTime(DateTime.UtcNow.AddDays(1));
        await run.Producer.SendAsync("purchase-orders", "PO-1", "PurchaseOrderEvent", new()
        {
            ["event_id"] = "po-1-confirmed",
            ["event_ts"] = DateTimeOffset.UtcNow,
            ["ingest_ts"] = DateTimeOffset.UtcNow,
            ["po_id"] = "PO-1",
            ["vendor_id"] = "V1",
            ["status"] = "CONFIRMED",
            ["source_system"] = "EDI",
            ["lines"] = new List<object?>
            {
                new Dictionary<string, object?> { ["line_id"] = "1", ["sku_id"] = "A", ["location_id"] = "L2", ["ordered_qty"] = 10L, ["received_qty"] = 0L, ["expected_date"] = tomorrow },
            },
        });
        await run.WaitForAsync("/v1/purchase-orders/PO-1", body => (string?)body["state"] == "CONFIRMED");

        var transfer = await run.InsistAsync("/v1/transfers", """{"from_location_id":"L1","to_location_id":"L2","transfer_id":"T-1","lines":[{"sku_id":"A","quantity":12}]}""", "t");
        Assert.Equal((201, "PENDING"), (transfer.Status, (string)transfer.Body["state"]!));
        Assert.Equal((20L, 12L, 8L), await FiguresAsync(run, "L1", "on_hand", "reserved", "available"));
        Assert.Equal((409, "insufficient-stock"), Of(await run.PostAsync("/v1/transfers", """{"from_location_id":"L1","to_location_id":"L2","lines":[{"sku_id":"A","quantity":9}]}""")));
        Assert.Equal("IN_TRANSIT", (string)(await run.PostAsync("/v1/transfers/T-1/ship", "{}")).Body["state"]!);
        Assert.Equal((8L, 0L, 12L), await FiguresAsync(run, "L1", "on_hand", "reserved", "in_transit_out"));
        Assert.Equal((0L, 12L, 0L), await FiguresAsync(run, "L2", "on_hand", "in_transit_in", "available"));
        await run.KillAsync();
        Assert.Equal("IN_TRANSIT", (string)(await run.InsistAsync("/v1/transfers/T-1/receive", """{"lines":[{"line_id":"1","quantity":7}]}""", "r1")).Body["state"]!);
        Assert.Equal("RECEIVED", (string)(await run.PostAsync("/v1/transfers/T-1/receive", """{"lines":[{"line_id":"1","quantity":2,"damaged":2,"lost":1}]}""")).Body["state"]!);
        Assert.Equal((409, "wrong-state"), Of(await run.PostAsync("/v1/transfers/T-1/cancel", "{}")));

        // Nine good ones and two damaged ones are there; ten more are due within two days.
        var later = (await run.GetAsync(string.Create(CultureInfo.InvariantCulture, $"/v1/atp/A/L2?at={DateTime.UtcNow.AddDays(3):yyyy-MM-dd}&horizon_days=1"))).Body;
        Assert.Equal((9L, 19L), ((long)later["available"]!, (long)later["atp"]!));
        Assert.Equal((409, "over-receipt"), Of(await run.PostAsync("/v1/purchase-orders/PO-1/receive", """{"lines":[{"line_id":"1","quantity":12}]}""")));
        Assert.Equal("PARTIALLY_RECEIVED", (string)(await run.PostAsync("/v1/purchase-orders/PO-1/receive", """{"lines":[{"line_id":"1","quantity":3,"damaged":1}]}""")).Body["state"]!);
        Assert.Equal("RECEIVED", (string)(await run.PostAsync("/v1/purchase-orders/PO-1/receive", """{"lines":[{"line_id":"1","quantity":6}]}""")).Body["state"]!);

        var sheet = (await run.PostAsync("/v1/counts", """{"sku_id":"A","location_id":"L2"}""")).Body;
        Assert.Null(sheet["expected"]);
        var count = "/v1/counts/" + (string)sheet["count_id"]!;
        var counted = (await run.PostAsync(count + "/entry", """{"counted":15,"counter":"ann"}""")).Body;
        Assert.Equal(("PENDING_APPROVAL", 21L, -6L), ((string)counted["state"]!, (long)counted["expected"]!, (long)counted["variance_units"]!));
        Assert.Equal((403, "same-person"), Of(await run.PostAsync(count + "/approve", """{"root_cause":"THEFT","performed_by":"ann"}""")));
        Assert.Equal("APPROVED", (string)(await run.PostAsync(count + "/approve", """{"root_cause":"THEFT","performed_by":"bob"}""")).Body["state"]!);
        Assert.Equal((409, "insufficient-stock"), Of(await run.PostAsync("/v1/adjustments", """{"sku_id":"A","location_id":"L2","quantity_delta":-16,"reason":"X","performed_by":"bob"}""")));

        await run.SettleAsync();
        var (from, to) = (await run.PositionAsync("A", "L1"), await run.PositionAsync("A", "L2"));
        Assert.Equal((8L, 0L, 0L, 0L), (from.OnHand, from.Reserved, from.InTransitIn, from.InTransitOut));
        Assert.Equal((15L, 3L, 0L, 0L), (to.OnHand, to.Unsellable, to.InTransitIn, to.InTransitOut));
        Assert.Equal((15L, 12L, 0L), await FiguresAsync(run, "L2", "on_hand", "available", "in_transit_in"));
        var ledger = await run.LedgerAsync("A");
        Assert.Equal(ledger.Count, ledger.Select(row => row.EventId).Distinct().Count());
        Assert.Equal(23, ledger.Where(row => row.Type is not ("RESERVE" or "RELEASE" or "DAMAGE")).Sum(row => row.Quantity));
    }

    private static (int, string?) Of(StockAnswer answer) => (answer.Status, answer.Code);

    private static async Task<(long, long, long)> FiguresAsync(StockRun run, string location, string first, string second, string third)
    {
        var body = (await run.GetAsync("/v1/atp/A/" + location)).Body;
        return ((long)body[first]!, (long)body[second]!, (long)body[third]!);
    }
}
