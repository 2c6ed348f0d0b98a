using Stockflow.Model;
using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

public sealed class PurchaseOrderTests
{
    private static readonly DateOnly Day = new(2026, 3, 10);
    private readonly StockBench bench = new();

    [Fact]
    public async Task An_order_promises_its_units_until_the_end_of_the_expected_day()
    {
        var made = await CreateAsync();
        Assert.Equal((201, "/v1/purchase-orders/P1"), (made.Status, made.Location));
        var order = await GetAsync();
        Assert.Equal((PurchaseOrder.Confirmed, "V1"), (order.State, order.VendorId));
        var dated = Assert.Single(bench.Store.Dated);
        Assert.Equal(new DatedQuantity("A", "DC", "po:P1:1", 100, new DateTimeOffset(2026, 3, 10, 23, 59, 59, 999, TimeSpan.Zero).ToUnixTimeMilliseconds()), dated);
        foreach (var list in (string[])["all", "state:CONFIRMED", "vendor_id:V1", "sku_id:A", "location_id:DC"])
        {
            Assert.Equal(["P1"], await bench.IdsAsync(bench.Orders.Documents, list, o => o.PoId));
        }
    }

    [Fact]
    public async Task What_arrives_is_on_hand_and_no_more_promised()
    {
        await CreateAsync();
        await ReceiveAsync(new PurchaseReceiptLine("1", 30, 10, Lot: "L-7", Attributes: new Dictionary<string, string> { ["expiry"] = "2026-09-01" }));
        Assert.Equal((40, 10, 0, 0, 0), bench.At("A", "DC"));
        Assert.Equal(30, bench.Available("A", "DC"));
        Assert.Equal(60, Assert.Single(bench.Store.Dated).Quantity);
        var order = await GetAsync();
        Assert.Equal((PurchaseOrder.PartiallyReceived, 40L, 40L, 10L), (order.State, order.Lines[0].Received, order.Lines[0].Posted, order.Lines[0].Damaged));
        var (receipt, damage) = (bench.Store.Moves[0], bench.Store.Moves[1]);
        Assert.Equal((MovementType.Receipt, 40L, 125_000L, "EUR", "P1"), (receipt.Type, receipt.Quantity, receipt.UnitCost, receipt.Currency, receipt.ReferenceId));
        Assert.Equal(("L-7", "2026-09-01", "1", "V1"), (receipt.Attributes!["lot"], receipt.Attributes["expiry"], receipt.Attributes["line"], receipt.Attributes["vendor"]));
        Assert.Equal((MovementType.Damage, -10L), (damage.Type, damage.Quantity));

        await ReceiveAsync(new PurchaseReceiptLine("1", 60));
        Assert.Equal(PurchaseOrder.AllReceived, (await GetAsync()).State);
        Assert.Empty(bench.Store.Dated);
        Assert.Equal((100, 10, 0, 0, 0), bench.At("A", "DC"));
    }

    [Fact]
    public async Task A_tenth_above_the_order_is_taken_and_no_more()
    {
        await CreateAsync();
        await bench.RefusedAsync(409, "over-receipt", "111 units of the 100", bench.Orders.ReceiveAsync, Receipt(new PurchaseReceiptLine("1", 111)), "P1");
        await bench.RefusedAsync(409, "over-receipt", "lines[1].quantity", bench.Orders.ReceiveAsync, Receipt(new PurchaseReceiptLine("1", 100), new PurchaseReceiptLine("1", 1, 10)), "P1");
        await ReceiveAsync(new PurchaseReceiptLine("1", 100));
        await ReceiveAsync(new PurchaseReceiptLine("1", 10));
        await bench.RefusedAsync(409, "over-receipt", "111 units", bench.Orders.ReceiveAsync, Receipt(new PurchaseReceiptLine("1", 0, 1)), "P1");
        Assert.Equal((110, 0, 0, 0, 0), bench.At("A", "DC"));
        Assert.Equal(PurchaseOrder.AllReceived, (await GetAsync()).State);
    }

    [Fact]
    public async Task A_line_that_is_nearly_complete_may_be_closed()
    {
        await CreateAsync();
        await bench.RefusedAsync(409, "under-receipt", "lines[0].close_short", bench.Orders.ReceiveAsync, Receipt(new PurchaseReceiptLine("1", 94, CloseShort: true)), "P1");
        await ReceiveAsync(new PurchaseReceiptLine("1", 95));
        Assert.Equal(PurchaseOrder.PartiallyReceived, (await GetAsync()).State);
        await ReceiveAsync(new PurchaseReceiptLine("1", CloseShort: true));
        Assert.Equal((PurchaseOrder.AllReceived, true), ((await GetAsync()).State, (await GetAsync()).Lines[0].ClosedShort));
        Assert.Empty(bench.Store.Dated);
        await bench.RefusedAsync(409, "wrong-state", "line '1' is closed", bench.Orders.ReceiveAsync, Receipt(new PurchaseReceiptLine("1", 1)), "P1");
    }

    [Fact]
    public async Task Closing_ends_what_is_expected_and_cancelling_needs_that_nothing_came()
    {
        await CreateAsync();
        await ReceiveAsync(new PurchaseReceiptLine("1", 10));
        await bench.RefusedAsync(409, "wrong-state", "PARTIALLY_RECEIVED", bench.Orders.CancelAsync, new EndRequest(), "P1");
        await bench.DoAsync(bench.Orders.CloseAsync, new EndRequest("vendor is out"), "P1");
        Assert.Equal((PurchaseOrder.Closed, "vendor is out"), ((await GetAsync()).State, (await GetAsync()).Reason));
        Assert.Empty(bench.Store.Dated);
        await bench.RefusedAsync(409, "wrong-state", "CLOSED", bench.Orders.ReceiveAsync, Receipt(new PurchaseReceiptLine("1", 1)), "P1");
        await bench.RefusedAsync(409, "wrong-state", "CLOSED", bench.Orders.CloseAsync, new EndRequest(), "P1");

        await CreateAsync("P2");
        await bench.DoAsync(bench.Orders.CancelAsync, new EndRequest(), "P2");
        Assert.Equal(PurchaseOrder.Cancelled, (await GetAsync("P2")).State);
        Assert.Empty(bench.Store.Dated);
        await bench.RefusedAsync(409, "wrong-state", "CANCELLED", bench.Orders.CloseAsync, new EndRequest(), "P2");
    }

    [Fact]
    public async Task Bad_values_are_named()
    {
        var line = new PurchaseOrderLineRequest(null, "A", "DC", 1);
        await Bad("po_id", new PurchaseOrderRequest(null, "V1", [line]));
        await Bad("vendor_id", new PurchaseOrderRequest("P1", null, [line]));
        await Bad("currency", new PurchaseOrderRequest("P1", "V1", [line], "eur"));
        await Bad("lines is", new PurchaseOrderRequest("P1", "V1", null));
        await Bad("lines[0] is null", new PurchaseOrderRequest("P1", "V1", [null!]));
        await Bad("lines[0].sku_id", new PurchaseOrderRequest("P1", "V1", [line with { SkuId = "" }]));
        await Bad("lines[0].location_id", new PurchaseOrderRequest("P1", "V1", [line with { LocationId = null }]));
        await Bad("lines[0].ordered", new PurchaseOrderRequest("P1", "V1", [line with { Ordered = 0 }]));
        await Bad("lines[0].unit_cost", new PurchaseOrderRequest("P1", "V1", [line with { UnitCost = 0.00001m }]));
        await Bad("lines[0].unit_cost", new PurchaseOrderRequest("P1", "V1", [line with { UnitCost = -1 }]));
        await Bad("lines[0].expected_date", new PurchaseOrderRequest("P1", "V1", [line with { ExpectedDate = new DateOnly(1, 1, 1) }]));
        await Bad("lines[1].line_id", new PurchaseOrderRequest("P1", "V1", [line with { LineId = "x" }, line with { LineId = "x" }]));
        await CreateAsync();
        await bench.RefusedAsync(409, "purchase-order-exists", "P1", bench.Orders.CreateAsync, new PurchaseOrderRequest("P1", "V1", [line]));
        await bench.RefusedAsync(404, "purchase-order-not-found", "P9", bench.Orders.ReceiveAsync, Receipt(new PurchaseReceiptLine("1", 1)), "P9");
        await BadReceipt("lines is", []);
        await BadReceipt("lines[0].line_id", [new PurchaseReceiptLine("2", 1)]);
        await BadReceipt("lines[0].quantity", [new PurchaseReceiptLine("1", -1)]);
        await BadReceipt("lines[0].damaged", [new PurchaseReceiptLine("1", 1, -1)]);
        await BadReceipt("lines[0] has no units", [new PurchaseReceiptLine("1")]);
        await BadReceipt("lines[0].lot", [new PurchaseReceiptLine("1", 1, Lot: "a b")]);
        await BadReceipt("lines[0].attributes", [new PurchaseReceiptLine("1", 1, Attributes: new Dictionary<string, string> { ["lot"] = "x" })]);
        await BadReceipt("lines[0].attributes.x", [new PurchaseReceiptLine("1", 1, Attributes: new Dictionary<string, string> { ["x"] = null! })]);
    }

    [Fact]
    public async Task A_repeated_receipt_counts_once_and_one_in_between_is_seen()
    {
        await CreateAsync();
        var receipt = Receipt(new PurchaseReceiptLine("1", 60));
        await bench.TryAsync(bench.Orders.ReceiveAsync, receipt, "P1", key: "k");
        Assert.True((await bench.TryAsync(bench.Orders.ReceiveAsync, receipt, "P1", key: "k")).IsRepeated);
        Assert.Equal(60, bench.At("A", "DC").OnHand);

        bench.Store.Before = async _ =>
        {
            bench.Store.Before = null;
            await ReceiveAsync(new PurchaseReceiptLine("1", 40));
        };
        Assert.Equal("over-receipt", (await bench.TryAsync(bench.Orders.ReceiveAsync, Receipt(new PurchaseReceiptLine("1", 40)), "P1")).Code);
        Assert.Equal(100, bench.At("A", "DC").OnHand);
    }

    [Fact]
    public async Task A_finished_order_goes_when_it_is_old()
    {
        await CreateAsync();
        bench.Pass(TimeSpan.FromDays(400));
        await bench.SweepAsync();
        Assert.Equal(PurchaseOrder.Confirmed, (await GetAsync()).State);
        await bench.DoAsync(bench.Orders.CloseAsync, new EndRequest(), "P1");
        bench.Pass(TimeSpan.FromDays(bench.Options.RetainDays));
        await bench.SweepAsync();
        Assert.Empty(bench.Store.Documents);
    }

    private Task Bad(string field, PurchaseOrderRequest request) => bench.RefusedAsync(400, "bad-value", field, bench.Orders.CreateAsync, request);

    private Task BadReceipt(string field, PurchaseReceiptLine[] lines) => bench.RefusedAsync(400, "bad-value", field, bench.Orders.ReceiveAsync, Receipt(lines), "P1");

    private static PurchaseReceiptRequest Receipt(params PurchaseReceiptLine[] lines) => new(lines);

    private Task<CommandResult> CreateAsync(string id = "P1") =>
        bench.DoAsync(bench.Orders.CreateAsync, new PurchaseOrderRequest(id, "V1", [new PurchaseOrderLineRequest(null, "A", "DC", 100, Day, 12.5m)], "EUR"));

    private Task<CommandResult> ReceiveAsync(params PurchaseReceiptLine[] lines) => bench.DoAsync(bench.Orders.ReceiveAsync, Receipt(lines), "P1");

    private Task<PurchaseOrder> GetAsync(string id = "P1") => bench.GetAsync(bench.Orders.Documents, id);
}
