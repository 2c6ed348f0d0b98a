using System.Text.Json;
using Stockflow.Model;
using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

public sealed class TransferTests
{
    private readonly StockBench bench = new();

    public TransferTests() => bench.Store.Put("A", "DC", 10);

    [Fact]
    public async Task What_waits_to_leave_is_reserved_at_the_source()
    {
        var made = await CreateAsync(6);
        Assert.Equal((201, 1L, "/v1/transfers/T1"), (made.Status, made.Revision, made.Location));
        Assert.Equal((10, 0, 6, 0, 0), bench.At("A", "DC"));
        Assert.Equal(4, bench.Available("A", "DC"));
        Assert.Equal((0, 0, 0, 0, 0), bench.At("A", "S1"));
        Assert.Equal(new StockHold("transfer:T1:0", "A", "DC", 6, 0), Assert.Single(bench.Store.Holds));
        var move = Assert.Single(bench.Store.Moves);
        Assert.Equal((MovementType.Reserve, -6L, "R-9", "anna"), (move.Type, move.Quantity, move.ReferenceId, move.PerformedBy));
        Assert.Equal(Transfer.Pending, (await GetAsync()).State);
    }

    [Fact]
    public async Task What_is_on_the_way_shows_at_both_ends()
    {
        await CreateAsync(6);
        await ShipAsync();
        Assert.Equal((4, 0, 0, 0, 6), bench.At("A", "DC"));
        Assert.Equal((0, 0, 0, 6, 0), bench.At("A", "S1"));
        Assert.Empty(bench.Store.Holds);
        Assert.Equal(4, bench.Available("A", "DC"));
        Assert.Equal("S1", bench.Store.Moves[^1].CounterpartId);
        Assert.Equal(Transfer.InTransit, (await GetAsync()).State);
    }

    [Fact]
    public async Task Arrivals_in_parts_well_damaged_and_lost_clear_both_ends()
    {
        await CreateAsync(10);
        await ShipAsync();
        await ReceiveAsync(new TransferReceiptLine("1", 3));
        Assert.Equal((3, 0, 0, 7, 0), bench.At("A", "S1"));
        Assert.Equal((0, 0, 0, 0, 7), bench.At("A", "DC"));
        Assert.Equal(Transfer.InTransit, (await GetAsync()).State);

        await ReceiveAsync(new TransferReceiptLine("1", 2, Damaged: 1));
        Assert.Equal((6, 1, 0, 4, 0), bench.At("A", "S1"));
        Assert.Equal(5, bench.Available("A", "S1"));

        await ReceiveAsync(new TransferReceiptLine("1", 1, 1, 2));
        Assert.Equal((8, 2, 0, 0, 0), bench.At("A", "S1"));
        Assert.Equal((0, 0, 0, 0, 0), bench.At("A", "DC"));
        var lost = bench.Store.Moves[^1];
        Assert.Equal((MovementType.Adjustment, -2L, "LOST_IN_TRANSIT", "S1"), (lost.Type, lost.Quantity, lost.Reason, lost.LocationId));
        var transfer = await GetAsync();
        Assert.Equal(Transfer.AllReceived, transfer.State);
        Assert.NotNull(transfer.ReceivedAt);
        Assert.Equal((6L, 2L, 2L), (transfer.Lines[0].Received, transfer.Lines[0].Damaged, transfer.Lines[0].Lost));
    }

    [Fact]
    public async Task A_short_shipment_gives_the_rest_back()
    {
        await CreateAsync(6);
        await bench.DoAsync(bench.Transfers.ShipAsync, new TransferShipRequest([new TransferShipLine("1", 4)]), "T1");
        Assert.Equal((6, 0, 0, 0, 4), bench.At("A", "DC"));
        Assert.Equal(6, bench.Available("A", "DC"));
        await ReceiveAsync(new TransferReceiptLine("1", 4));
        Assert.Equal(Transfer.AllReceived, (await GetAsync()).State);
    }

    [Fact]
    public async Task A_cancelled_transfer_gives_all_back()
    {
        await CreateAsync(6);
        await bench.DoAsync(bench.Transfers.CancelAsync, new EndRequest("no truck"), "T1");
        Assert.Equal((10, 0, 0, 0, 0), bench.At("A", "DC"));
        Assert.Empty(bench.Store.Holds);
        Assert.Equal((Transfer.Cancelled, "no truck"), ((await GetAsync()).State, (await GetAsync()).Reason));
    }

    [Fact]
    public async Task Each_step_needs_its_state()
    {
        await CreateAsync(6);
        await bench.RefusedAsync(409, "wrong-state", "IN_TRANSIT", bench.Transfers.ReceiveAsync, new TransferReceiptRequest([new TransferReceiptLine("1", 1)]), "T1");
        await ShipAsync();
        await bench.RefusedAsync(409, "wrong-state", "PENDING", bench.Transfers.ShipAsync, new TransferShipRequest(), "T1");
        await bench.RefusedAsync(409, "wrong-state", "PENDING", bench.Transfers.CancelAsync, new EndRequest(), "T1");
        await ReceiveAsync(new TransferReceiptLine("1", 6));
        await bench.RefusedAsync(409, "wrong-state", "RECEIVED", bench.Transfers.ReceiveAsync, new TransferReceiptRequest([new TransferReceiptLine("1", 1)]), "T1");
        await bench.RefusedAsync(404, "transfer-not-found", "T2", bench.Transfers.ShipAsync, new TransferShipRequest(), "T2");
    }

    [Theory]
    [InlineData(7, 0, 0)]
    [InlineData(0, 7, 0)]
    [InlineData(0, 0, 7)]
    [InlineData(3, 3, 1)]
    public async Task More_than_left_is_not_received(long good, long damaged, long lost)
    {
        await CreateAsync(6);
        await ShipAsync();
        await bench.RefusedAsync(409, "over-receipt", "lines[0]", bench.Transfers.ReceiveAsync, new TransferReceiptRequest([new TransferReceiptLine("1", good, damaged, lost)]), "T1");
        await bench.RefusedAsync(409, "over-receipt", "lines[1]", bench.Transfers.ReceiveAsync, new TransferReceiptRequest([new TransferReceiptLine("1", 4), new TransferReceiptLine("1", 3)]), "T1");
        Assert.Equal((0, 0, 0, 6, 0), bench.At("A", "S1"));
    }

    [Fact]
    public async Task Bad_values_are_named()
    {
        await Bad("from_location_id", new TransferRequest(null, "S1", [new(null, "A", 1)]));
        await Bad("to_location_id", new TransferRequest("DC", "", [new(null, "A", 1)]));
        await Bad("to_location_id", new TransferRequest("DC", "DC", [new(null, "A", 1)]));
        await Bad("lines is", new TransferRequest("DC", "S1", []));
        await Bad("lines[0] is null", new TransferRequest("DC", "S1", [null!]));
        await Bad("lines[0].sku_id", new TransferRequest("DC", "S1", [new(null, null, 1)]));
        await Bad("lines[0].quantity", new TransferRequest("DC", "S1", [new(null, "A", 0)]));
        await Bad("lines[1].line_id", new TransferRequest("DC", "S1", [new("x", "A", 1), new("x", "A", 1)]));
        await Bad("transfer_id", new TransferRequest("DC", "S1", [new(null, "A", 1)], "a b"));
        await Bad("reference", new TransferRequest("DC", "S1", [new(null, "A", 1)], null, "a b"));
        await CreateAsync(5);
        await bench.RefusedAsync(400, "bad-value", "lines[0].line_id", bench.Transfers.ShipAsync, new TransferShipRequest([new TransferShipLine("2", 1)]), "T1");
        await bench.RefusedAsync(400, "bad-value", "lines[1].quantity", bench.Transfers.ShipAsync, new TransferShipRequest([new TransferShipLine("1", 3), new TransferShipLine("1", 3)]), "T1");
        await ShipAsync();
        await bench.RefusedAsync(400, "bad-value", "lines is", bench.Transfers.ReceiveAsync, new TransferReceiptRequest(null), "T1");
        await bench.RefusedAsync(400, "bad-value", "lines[0].line_id", bench.Transfers.ReceiveAsync, new TransferReceiptRequest([null!]), "T1");
        await bench.RefusedAsync(400, "bad-value", "lines[0].damaged", bench.Transfers.ReceiveAsync, new TransferReceiptRequest([new TransferReceiptLine("1", 1, -1)]), "T1");
        await bench.RefusedAsync(400, "bad-value", "lines[0] has no units", bench.Transfers.ReceiveAsync, new TransferReceiptRequest([new TransferReceiptLine("1")]), "T1");
    }

    [Fact]
    public async Task Too_little_stock_is_refused_and_changes_nothing()
    {
        await bench.RefusedAsync(409, "insufficient-stock", "'A' at 'DC'", bench.Transfers.CreateAsync, new TransferRequest("DC", "S1", [new(null, "A", 6), new(null, "A", 5)], "T1"));
        Assert.Empty(bench.Store.Holds);
        Assert.Empty(bench.Store.Documents);
        Assert.Equal((10, 0, 0, 0, 0), bench.At("A", "DC"));
    }

    [Fact]
    public async Task A_repeated_key_gets_the_same_answer()
    {
        var request = new TransferRequest("DC", "S1", [new(null, "A", 6)], "T1");
        var first = await bench.TryAsync(bench.Transfers.CreateAsync, request, key: "k");
        var second = await bench.TryAsync(bench.Transfers.CreateAsync, request, key: "k");
        Assert.True(second.IsRepeated);
        Assert.Equal((first.Status, first.Location, first.Revision), (second.Status, second.Location, second.Revision));
        Assert.Equal(first.Body, second.Body);
        Assert.Single(bench.Store.Moves);
        Assert.Equal("idempotency-key-reused", (await bench.TryAsync(bench.Transfers.CreateAsync, request with { Reference = "other" }, key: "k")).Code);
        await bench.RefusedAsync(409, "transfer-exists", "T1", bench.Transfers.CreateAsync, request);

        // The state that the first call made does not turn its repetition away.
        await bench.TryAsync(bench.Transfers.ShipAsync, new TransferShipRequest(), "T1", key: "s");
        Assert.True((await bench.TryAsync(bench.Transfers.ShipAsync, new TransferShipRequest(), "T1", key: "s")).IsRepeated);
    }

    [Fact]
    public async Task A_change_in_between_means_planning_again()
    {
        await CreateAsync(6);
        await ShipAsync();
        bench.Store.Before = async _ =>
        {
            bench.Store.Before = null;
            await ReceiveAsync(new TransferReceiptLine("1", 4));
        };
        await ReceiveAsync(new TransferReceiptLine("1", 2));
        var transfer = await GetAsync();
        Assert.Equal((6L, Transfer.AllReceived), (transfer.Lines[0].Received, transfer.State));
        Assert.Equal((6, 0, 0, 0, 0), bench.At("A", "S1"));
    }

    [Fact]
    public async Task Another_revision_than_the_callers_is_refused()
    {
        await CreateAsync(6);
        foreach (var tags in (string[])["\"7\"", "\"7\", \"8\"", "W/\"1\"", "1", ""])
        {
            Assert.Equal((412, "revision-changed"), await Code(tags));
        }

        Assert.Equal((200, ""), await Code("\"7\", \"1\""));

        async Task<(int, string)> Code(string tag)
        {
            var result = await bench.TryAsync(bench.Transfers.ShipAsync, new TransferShipRequest(), "T1", ifMatch: tag);
            return (result.Status, result.Code);
        }
    }

    [Fact]
    public async Task Transfers_stand_in_lists_and_go_when_they_are_old()
    {
        await CreateAsync(6);
        var kind = bench.Transfers.Documents;
        foreach (var list in (string[])["all", "state:PENDING", "from_location_id:DC", "to_location_id:S1", "sku_id:A", "reference:R-9"])
        {
            Assert.Equal(["T1"], await bench.IdsAsync(kind, list, t => t.TransferId));
        }

        await bench.DoAsync(bench.Transfers.CancelAsync, new EndRequest(), "T1");
        Assert.Empty(await bench.IdsAsync(kind, "state:PENDING", t => t.TransferId));
        bench.Pass(TimeSpan.FromDays(bench.Options.RetainDays - 1));
        await bench.SweepAsync();
        Assert.Equal(["T1"], await bench.IdsAsync(kind, "state:CANCELLED", t => t.TransferId));
        bench.Pass(TimeSpan.FromDays(1));
        await bench.SweepAsync();
        Assert.Empty(bench.Store.Documents);
        Assert.Empty(await bench.IdsAsync(kind, "all", t => t.TransferId));

        // Its id may be used again: the movements get other event ids.
        await CreateAsync(6);
    }

    [Fact]
    public async Task A_lane_that_lags_behind_answers_later()
    {
        bench.Store.Behind.Add("A");
        await bench.RefusedAsync(503, "positions-behind", "rebuilt", bench.Transfers.CreateAsync, new TransferRequest("DC", "S1", [new(null, "A", 1)]));
    }

    [Fact]
    public async Task The_answer_is_the_document()
    {
        var body = JsonDocument.Parse((await CreateAsync(6)).Body).RootElement;
        Assert.Equal("PENDING", body.GetProperty("state").GetString());
        Assert.Equal("2026-03-02T09:00:00Z", body.GetProperty("created_at").GetString());
        Assert.Equal(6, body.GetProperty("lines")[0].GetProperty("quantity").GetInt64());
        Assert.False(body.GetProperty("lines")[0].TryGetProperty("outstanding", out _));
    }

    private Task Bad(string field, TransferRequest request) => bench.RefusedAsync(400, "bad-value", field, bench.Transfers.CreateAsync, request);

    private Task<CommandResult> CreateAsync(long quantity) =>
        bench.DoAsync(bench.Transfers.CreateAsync, new TransferRequest("DC", "S1", [new(null, "A", quantity)], "T1", "R-9"));

    private Task<CommandResult> ShipAsync() => bench.DoAsync(bench.Transfers.ShipAsync, new TransferShipRequest(), "T1");

    private Task<CommandResult> ReceiveAsync(params TransferReceiptLine[] lines) => bench.DoAsync(bench.Transfers.ReceiveAsync, new TransferReceiptRequest(lines), "T1");

    private Task<Transfer> GetAsync() => bench.GetAsync(bench.Transfers.Documents, "T1");
}
