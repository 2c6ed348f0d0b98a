using Stockflow.Model;
using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

/// <summary>Any sequence of commands: no number falls below zero, and the documents say what the movements say.</summary>
public sealed class StockWalkTests
{
    private const int Steps = 180;
    private static readonly string[] Skus = ["A", "B"], Places = ["DC", "S1", "S2"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task Documents_and_movements_agree(int seed)
    {
        var (bench, random, applied) = (new StockBench(), new Random(seed), 0);
        foreach (var place in Places)
        {
            bench.Store.Put("A", place, 20);
            bench.Store.Put("B", place, 5);
        }

        for (var i = 0; i < Steps; i++)
        {
            // Adjustments and counts may take what is reserved: they are findings. So they come in every other walk.
            var result = await StepAsync(bench, random, i, seed % 2 == 0);
            applied += result.IsRefused ? 0 : 1;
            Assert.DoesNotContain(result.Code, (string[])["conflict", "positions-behind", "idempotency-key-reused"]);
            bench.Pass(TimeSpan.FromMinutes(random.Next(60)));
            if (random.Next(10) == 0)
            {
                bench.Store.Settle();
            }

            await CheckAsync(bench, strict: seed % 2 == 1);
        }

        Assert.InRange(applied, Steps / 12, Steps);
    }

    private static async Task<CommandResult> StepAsync(StockBench bench, Random random, int step, bool withFindings)
    {
        var (sku, from) = (Skus[random.Next(2)], Places[random.Next(3)]);
        var transfer = await PickAsync(bench.Transfers.Documents, t => t.TransferId, bench, random);
        var order = await PickAsync(bench.Orders.Documents, o => o.PoId, bench, random);
        var count = await PickAsync(bench.Counts.Documents, c => c.CountId, bench, random);
        long Few() => random.Next(-1, 8);
        switch (random.Next(withFindings ? 15 : 10))
        {
            case 0 or 1:
                return await bench.TryAsync(bench.Transfers.CreateAsync, new TransferRequest(from, Places[random.Next(3)], [new(null, sku, Few()), new(null, Skus[random.Next(2)], Few())], $"T{step}"));
            case 2:
                return await bench.TryAsync(bench.Transfers.ShipAsync, new TransferShipRequest(random.Next(2) == 0 ? null : [new TransferShipLine("1", Few())]), transfer);
            case 3 or 4:
                return await bench.TryAsync(bench.Transfers.ReceiveAsync, new TransferReceiptRequest([new($"{random.Next(1, 4)}", Few(), random.Next(3), random.Next(3)), new("2", random.Next(3))]), transfer);
            case 5:
                return await bench.TryAsync(bench.Transfers.CancelAsync, new EndRequest(), transfer);
            case 6:
                return await bench.TryAsync(bench.Orders.CreateAsync, new PurchaseOrderRequest($"P{step}", "V", [new(null, sku, from, random.Next(30), new DateOnly(2026, 3, 9), 1.5m), new(null, sku, from, 4)]));
            case 7 or 8:
                return await bench.TryAsync(bench.Orders.ReceiveAsync, new PurchaseReceiptRequest([new("1", random.Next(20), random.Next(3), random.Next(4) == 0), new("2", random.Next(4))]), order);
            case 9:
                return random.Next(2) == 0 ? await bench.TryAsync(bench.Orders.CloseAsync, new EndRequest(), order) : await bench.TryAsync(bench.Orders.CancelAsync, new EndRequest(), order);
            case 10:
                return await bench.TryAsync(bench.Adjustments.CreateAsync, new AdjustmentRequest(sku, from, random.Next(-12, 6), "x"));
            case 11:
                return await bench.TryAsync(bench.Counts.CreateAsync, new CountRequest(sku, from));
            case 12 or 13:
                return await bench.TryAsync(bench.Counts.EnterAsync, new CountEntryRequest(random.Next(25)), count);
            default:
                return random.Next(3) > 0
                    ? await bench.TryAsync(bench.Counts.ApproveAsync, new CountApprovalRequest("UNKNOWN"), count, random.Next(4) == 0 ? "anna" : "bob")
                    : await bench.TryAsync(bench.Counts.RejectAsync, new CountRejectionRequest("no"), count);
        }
    }

    private static async Task CheckAsync(StockBench bench, bool strict)
    {
        var (transfers, orders, counts) = (await AllAsync(bench.Transfers.Documents, bench), await AllAsync(bench.Orders.Documents, bench), await AllAsync(bench.Counts.Documents, bench));
        var moves = bench.Store.Moves.ToLookup(move => (move.ReferenceId, move.Type));
        long Moved(string reference, MovementType type) => moves[(reference, type)].Sum(move => move.Quantity);
        foreach (var sku in Skus)
        {
            foreach (var place in Places)
            {
                var state = bench.Store.State(sku, place);
                Assert.True(state.State.OnHand >= 0 && state.State.Unsellable >= 0 && state.Available >= 0, $"{state}");
                Assert.True(!strict || state.Unreserved >= 0, $"{state}");
                var pending = transfers.Where(t => t.State == Transfer.Pending && t.FromLocationId == place).Sum(t => Sum(t, sku, line => line.Quantity));
                Assert.Equal((pending, pending), (state.State.Reserved, state.Held));
                Assert.Equal(transfers.Where(t => t.ToLocationId == place).Sum(t => Sum(t, sku, line => line.Outstanding)), state.State.InTransitIn);
                Assert.Equal(transfers.Where(t => t.FromLocationId == place).Sum(t => Sum(t, sku, line => line.Outstanding)), state.State.InTransitOut);
            }

            var changed = bench.Store.Moves.Where(move => move.SkuId == sku && Stockflow.Position.PositionRules.ChangesOnHand(move.Type)).Sum(move => move.Quantity);
            Assert.Equal((sku == "A" ? 60 : 15) + changed, Places.Sum(place => bench.Store.State(sku, place).State.OnHand));
        }

        foreach (var transfer in transfers)
        {
            long Total(Func<TransferLine, long> units) => transfer.Lines.Sum(units);
            Assert.Equal(-Total(line => line.Shipped), Moved(transfer.TransferId, MovementType.TransferOut));
            Assert.Equal(Total(line => line.Received + line.Damaged + line.Lost), Moved(transfer.TransferId, MovementType.TransferIn));
            Assert.Equal(-Total(line => line.Damaged), Moved(transfer.TransferId, MovementType.Damage));
            Assert.Equal(-Total(line => line.Lost), Moved(transfer.TransferId, MovementType.Adjustment));
            Assert.True(transfer.State != Transfer.AllReceived || Total(line => line.Outstanding) == 0);
        }

        foreach (var order in orders)
        {
            Assert.Equal(order.Lines.Sum(line => line.Posted), Moved(order.PoId, MovementType.Receipt));
            Assert.Equal(-order.Lines.Sum(line => line.Damaged), Moved(order.PoId, MovementType.Damage));
            Assert.All(order.Lines, line => Assert.True(line.Received * 10 <= line.Ordered * 11));
            var promised = bench.Store.Dated.Where(dated => dated.Source.StartsWith($"po:{order.PoId}:", StringComparison.Ordinal)).Sum(dated => dated.Quantity);
            Assert.Equal(order.IsOpen ? order.Lines.Where(line => line.ExpectedDate is not null).Sum(line => line.Outstanding) : 0, promised);
        }

        Assert.All(counts, count => Assert.Equal(count.State == CountSheet.Approved ? count.VarianceUnits : 0, Moved(count.CountId, MovementType.Adjustment)));
        Assert.All(counts, count => Assert.True(count.DecidedBy is null || count.State == CountSheet.Rejected || count.DecidedBy != count.Counter));
    }

    private static long Sum(Transfer transfer, string sku, Func<TransferLine, long> units) => transfer.Lines.Where(line => line.SkuId == sku).Sum(units);

    private static async Task<string> PickAsync<T>(DocumentKind<T> kind, Func<T, string> id, StockBench bench, Random random)
        where T : class => await AllAsync(kind, bench) is { Count: > 0 } all ? id(all[random.Next(all.Count)]) : "none";

    private static async Task<List<T>> AllAsync<T>(DocumentKind<T> kind, StockBench bench)
        where T : class => [.. (await kind.ListAsync(bench.Store, DocumentKind<T>.All, null, 1000, CancellationToken.None)).Items.Select(item => item.Value)];
}
