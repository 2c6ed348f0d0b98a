using Stockflow.Model;

namespace Stockflow.IntegrationTests.Close;

/// <summary>A row of demand_hourly or demand_daily.</summary>
internal sealed record DemandRow(
    long Facts, long Sold, long Returned, long Orders, decimal Gross, decimal Discount, decimal Net, long Unpriced, long Promo, long StockoutMs, long ObservedMs);

/// <summary>A row of position_hourly.</summary>
internal sealed record PositionRow(long OnHand, long Unsellable, long Reserved, long TransitIn, long TransitOut, long LastCountTs);

/// <summary>Key of a row: place and start of the hour or day, milliseconds since 1970-01-01 UTC.</summary>
internal readonly record struct RowKey(string Sku, string Location, long Start);

/// <summary>
/// The closed rows, written down a second time and simply: effects of corrections by walking chains, positions by replaying events one at a time,
/// time without stock by walking from event to event.
/// </summary>
internal static class CloseOracle
{
    private const long Window = 28 * 86_400_000L;

    private static readonly HashSet<MovementType> OnHand =
    [
        MovementType.Sale, MovementType.Return, MovementType.Receipt, MovementType.TransferOut, MovementType.TransferIn, MovementType.Adjustment, MovementType.Rtv, MovementType.Ship,
    ];

    /// <summary>Rows of periods of <paramref name="length"/> milliseconds before <paramref name="until"/>; facts stand in the order of their offsets.</summary>
    public static (Dictionary<RowKey, DemandRow> Demand, Dictionary<RowKey, PositionRow> Positions) Rows(IReadOnlyList<CloseFact> facts, long until, long length)
    {
        var demand = new Dictionary<RowKey, DemandRow>();
        var positions = new Dictionary<RowKey, PositionRow>();
        var legs = Effective(facts).Where(fact => fact.Ts < until).SelectMany(fact =>
            fact.Type is MovementType.TransferOut or MovementType.TransferIn && fact.Counterpart.Length > 0
                ? [(Key: (fact.Sku, fact.Location), Own: true, Fact: fact), (Key: (fact.Sku, fact.Counterpart), Own: false, Fact: fact)]
                : new[] { (Key: (fact.Sku, fact.Location), Own: true, Fact: fact) });
        foreach (var key in legs.GroupBy(leg => leg.Key))
        {
            var events = key.Select(leg => (leg.Own, leg.Fact)).ToList();
            for (var start = events.Min(e => e.Fact.Ts) / length * length; start < until; start += length)
            {
                var row = Period(events, start, start + length);
                if (row is not null)
                {
                    demand.Add(new RowKey(key.Key.Sku, key.Key.Location, start), row);
                }

                if (events.Any(e => e.Fact.Ts >= start && e.Fact.Ts < start + length) && events.Any(e => e.Fact.Stocked && e.Fact.Ts < start + length))
                {
                    positions.Add(new RowKey(key.Key.Sku, key.Key.Location, start), Position(events, start + length - 1));
                }
            }
        }

        return (demand, positions);
    }

    private static DemandRow? Period(List<(bool Own, CloseFact Fact)> events, long start, long end)
    {
        var inside = events.Where(e => e.Fact.Ts >= start && e.Fact.Ts < end).ToList();
        var sales = inside.Where(e => e.Own && e.Fact.Type is MovementType.Sale or MovementType.Ship).Select(e => e.Fact).ToList();
        var returns = inside.Where(e => e.Own && e.Fact.Type == MovementType.Return).Select(e => e.Fact).ToList();
        var stocked = events.Where(e => e.Fact.Stocked).ToList();
        var first = stocked.Count == 0 ? long.MaxValue : stocked.Min(e => e.Fact.Ts);
        var observed = first == long.MaxValue ? 0 : Math.Max(0, end - Math.Max(start, first));
        var outside = 0L;
        if (observed > 0)
        {
            var marks = stocked.Select(e => e.Fact.Ts).Where(ts => ts > start && ts < end).Append(Math.Max(start, first)).Append(end).Distinct().Order().ToList();
            for (var i = 0; i + 1 < marks.Count; i++)
            {
                var position = Position(events, marks[i]);
                outside += position.OnHand - position.Unsellable - position.Reserved <= 0 ? marks[i + 1] - marks[i] : 0;
            }
        }

        var hadSale = stocked.Any(e => e.Own && e.Fact.Type is MovementType.Sale or MovementType.Ship && e.Fact.Ts < end && e.Fact.Ts >= start - Window);
        if (inside.Count == 0 && !(outside > 0 && hadSale))
        {
            return null;
        }

        var discount = sales.Sum(s => s.Discount);
        var gross = sales.Sum(s => -s.Qty * (s.Price ?? 0)) + discount;
        return new DemandRow(inside.Count, -sales.Sum(s => s.Qty), returns.Sum(r => r.Qty),
            sales.GroupBy(s => s.Reference).Count(order => order.Sum(s => -s.Qty) > 0), gross, discount, gross - discount - returns.Sum(r => r.Qty * (r.Price ?? 0)),
            -sales.Where(s => s.Price is null).Sum(s => s.Qty), -sales.Where(s => s.Promo.Length > 0).Sum(s => s.Qty), outside, observed);
    }

    private static PositionRow Position(List<(bool Own, CloseFact Fact)> events, long at)
    {
        long onHand = 0, unsellable = 0, reserved = 0, transitIn = 0, transitOut = 0, counted = 0;
        foreach (var (own, fact) in events.Where(e => e.Fact.Stocked && e.Fact.Ts <= at)
            .OrderBy(e => e.Fact.Ts).ThenBy(e => e.Fact.Type == MovementType.CycleCount).ThenBy(e => e.Fact.Counted))
        {
            if (own && fact.Type == MovementType.CycleCount && fact.Counted is not null)
            {
                (onHand, counted) = (fact.Counted.Value, fact.Ts);
            }

            onHand += own && OnHand.Contains(fact.Type) ? fact.Qty : 0;
            unsellable -= own && fact.Type == MovementType.Damage ? fact.Qty : 0;
            reserved += own && fact.Type == MovementType.Ship ? fact.Qty : 0;
            reserved -= own && fact.Type is MovementType.Reserve or MovementType.Release ? fact.Qty : 0;
            transitIn -= fact.Type == (own ? MovementType.TransferIn : MovementType.TransferOut) ? fact.Qty : 0;
            transitOut -= fact.Type == (own ? MovementType.TransferOut : MovementType.TransferIn) ? fact.Qty : 0;
        }

        return new PositionRow(onHand, unsellable, reserved, transitIn, transitOut, counted);
    }

    private static IEnumerable<CloseFact> Effective(IReadOnlyList<CloseFact> facts)
    {
        var byId = new Dictionary<(string, string), CloseFact>();
        foreach (var fact in facts)
        {
            byId.TryAdd((fact.Sku, fact.EventId), fact);
        }

        foreach (var root in facts.Where(fact => fact.Type != MovementType.Correction))
        {
            var amendments = new List<CloseFact>();
            var isVoided = false;
            foreach (var correction in byId.Values.Where(c => c.Type == MovementType.Correction && c.Sku == root.Sku))
            {
                var (way, target) = (new List<CloseFact>(), correction);
                while (target is { Type: MovementType.Correction } && way.Count <= 16)
                {
                    way.Add(target);
                    target = byId.GetValueOrDefault((target.Sku, target.Corrects));
                }

                if (!ReferenceEquals(target, byId[(root.Sku, root.EventId)]) || !ReferenceEquals(target, root)
                    || way.Any(step => IsDead(step)) || way.Skip(1).Any(step => step.Qty == 0))
                {
                    continue;
                }

                isVoided |= correction.Qty == 0;
                amendments.Add(correction);
            }

            amendments.RemoveAll(a => a.Qty == 0);
            if (root.Type == MovementType.CycleCount)
            {
                yield return root with { Counted = isVoided ? null : root.Counted + amendments.Sum(a => a.Qty) };
                continue;
            }

            yield return root;
            if (isVoided)
            {
                yield return root with { Qty = -root.Qty, Discount = -root.Discount };
                continue;
            }

            foreach (var amendment in amendments)
            {
                yield return root with { Qty = amendment.Qty, Price = amendment.Price ?? root.Price, Discount = amendment.Discount };
            }
        }

        bool IsDead(CloseFact fact) => byId.Values.Any(v => v.Type == MovementType.Correction && v.Qty == 0 && v.Sku == fact.Sku && v.Corrects == fact.EventId && !IsDead(v));
    }
}
