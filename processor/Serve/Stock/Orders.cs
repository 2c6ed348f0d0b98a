using System.Globalization;
using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>
/// Orders from the stream. They are facts: a shipment counts whether the stock was there or not. What is placed is reserved as far as stock
/// goes and backordered beyond, and a backordered line takes stock as it comes, the oldest first to ask.
/// </summary>
internal sealed class Orders(IStockStore store, AtpReader atp, StockOptions options)
{
    public const string Kind = "order", StateFilter = "state";

    /// <summary>Events of one order that are remembered.</summary>
    private const int RememberedEvents = 1000;

    public DocumentKind<Order> Documents { get; } = new(Kind, StockJson.Default.Order, order => order.OrderId,
        order => order.HasBackorder ? [$"{StateFilter}:{order.State}", $"{StateFilter}:BACKORDER"] : [$"{StateFilter}:{order.State}"],
        order => order.HasBackorder
            ? CommandParts.Ts(order.ChangedAt.AddSeconds(options.BackorderSeconds))
            : IsOver(order) ? options.GoneTs(order.ChangedAt) : 0);

    /// <summary>What an event does; void where the order knows it already.</summary>
    public async Task<Plan> ApplyAsync(OrderFact fact, CancellationToken token)
    {
        var former = await Documents.FindAsync(store, fact.OrderId, token).ConfigureAwait(false);
        if (former?.Value.Events.Contains(fact.EventId) == true)
        {
            return new Plan(new StockTransaction(), 200, []) { IsVoid = true };
        }

        var change = new OrderChange(former?.Value, fact);
        var wanted = change.Apply();
        await ReserveAsync(change, wanted, token).ConfigureAwait(false);
        return Planned(former, change, fact.EventId, PositionPayload.Instant(fact.EventTs));
    }

    /// <summary>Gives stock to what waits for it; removes an order that ended long ago.</summary>
    public async Task<Plan?> SweepAsync(string id, CancellationToken token)
    {
        if (await Documents.FindAsync(store, id, token).ConfigureAwait(false) is not { Value.HasBackorder: true } former)
        {
            return await Documents.SweepAsync(store, id, token).ConfigureAwait(false);
        }

        var now = DateTime.UtcNow;
        var change = new OrderChange(former.Value, string.Create(CultureInfo.InvariantCulture, $"{id}.{former.Revision + 1}"), CommandParts.Ts(now));
        await ReserveAsync(change, change.TakeBackorders(), token).ConfigureAwait(false);
        return Planned(former, change, null, now);
    }

    // What is there is shared in the order of the lines.
    private async Task ReserveAsync(OrderChange change, List<(int Line, long Quantity)> wanted, CancellationToken token)
    {
        if (wanted.Count == 0)
        {
            return;
        }

        var keys = wanted.Select(want => change.Key(want.Line)).Distinct().ToArray();
        var left = await atp.AvailableAsync(keys, token).ConfigureAwait(false);
        foreach (var (line, quantity) in wanted)
        {
            // What this very event gives back is free for its other lines only once it is done.
            var key = change.Key(line);
            var got = Math.Min(quantity, left[key]);
            left[key] -= got;
            change.Reserve(line, got, quantity - got);
        }
    }

    private Plan Planned(Versioned<Order>? former, OrderChange change, string? eventId, DateTime at)
    {
        var events = former?.Value.Events ?? [];
        var now = change.Result(at, eventId is null ? events : [.. events.TakeLast(RememberedEvents - 1), eventId]);
        var had = former?.Value.Lines ?? [];
        var holds = now.Lines.Select((line, i) => new StockHold($"order:{now.OrderId}:{i}", line.SkuId, line.LocationId, line.Reserved, 0))
            .Where((hold, i) => hold.Quantity != (i < had.Count ? had[i].Reserved : 0));
        var dated = now.Lines.Select((line, i) => new DatedQuantity(line.SkuId, line.LocationId, $"order:{now.OrderId}:{line.LineId}", -line.Backordered, CommandParts.Ts(now.PlacedAt)))
            .Where((entry, i) => entry.Quantity != -(i < had.Count ? had[i].Backordered : 0));
        return new Plan(new StockTransaction { Documents = [Documents.Write(now, former)], Moves = change.Moves, Holds = [.. holds], Dated = [.. dated] }, 200, Documents.Serialize(now))
        {
            Revision = (former?.Revision ?? 0) + 1,
            ReplanWhenShort = true,
        };
    }

    private static bool IsOver(Order order) => order.State is Order.Shipped or Order.Cancelled;
}
