using System.Text.Json;
using Stockflow.Model;
using Stockflow.Serve.Stock;
using Xunit;

namespace Stockflow.Tests.Serve.Stock;

public sealed class AdjustmentTests
{
    private readonly StockBench bench = new();

    public AdjustmentTests() => bench.Store.Put("A", "S1", 10);

    [Theory]
    [InlineData(5, 15)]
    [InlineData(-10, 0)]
    public async Task The_book_is_corrected_by_the_delta(long delta, long onHand)
    {
        var result = await bench.DoAsync(bench.Adjustments.CreateAsync, Request(delta));
        var body = JsonDocument.Parse(result.Body).RootElement;
        var move = Assert.Single(bench.Store.Moves);
        Assert.Equal(201, result.Status);
        Assert.Equal(move.EventId, body.GetProperty("event_id").GetString());
        Assert.Equal((MovementType.Adjustment, delta, "FOUND", "anna", move.EventId), (move.Type, move.Quantity, move.Reason, move.PerformedBy, move.ReferenceId));
        Assert.Equal(onHand, bench.At("A", "S1").OnHand);
    }

    [Fact]
    public async Task A_repeated_key_adjusts_once()
    {
        var first = await bench.TryAsync(bench.Adjustments.CreateAsync, Request(5), key: "k");
        var second = await bench.TryAsync(bench.Adjustments.CreateAsync, Request(5), key: "k");
        Assert.True(second.IsRepeated);
        Assert.Equal(first.Body, second.Body);
        Assert.Equal(15, bench.At("A", "S1").OnHand);
    }

    [Fact]
    public async Task Refusals_are_named()
    {
        await bench.RefusedAsync(409, "insufficient-stock", "'A' at 'S1'", bench.Adjustments.CreateAsync, Request(-11));
        await bench.RefusedAsync(400, "bad-value", "quantity_delta", bench.Adjustments.CreateAsync, Request(0));
        await bench.RefusedAsync(400, "bad-value", "quantity_delta", bench.Adjustments.CreateAsync, Request(long.MinValue));
        await bench.RefusedAsync(400, "bad-value", "reason", bench.Adjustments.CreateAsync, Request(1) with { Reason = " " });
        await bench.RefusedAsync(400, "bad-value", "sku_id", bench.Adjustments.CreateAsync, Request(1) with { SkuId = null });
        await bench.RefusedAsync(400, "bad-value", "location_id", bench.Adjustments.CreateAsync, Request(1) with { LocationId = null });
        await bench.RefusedAsync(400, "bad-value", "performed_by", bench.Adjustments.CreateAsync, Request(1), caller: "anonymous");
        await bench.RefusedAsync(400, "bad-value", "reference", bench.Adjustments.CreateAsync, Request(1) with { Reference = "a b" });
    }

    private static AdjustmentRequest Request(long delta) => new("A", "S1", delta, "FOUND");
}
