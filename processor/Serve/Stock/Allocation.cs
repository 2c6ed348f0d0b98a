namespace Stockflow.Serve.Stock;

/// <summary>
/// Decides which locations ship an order. Pure: it reads nothing and reserves nothing.
/// <para>
/// A plan gives each line units from locations: of a SKU not more than a location has available, from a location not more than
/// <see cref="AllocationSite.UnitsLeft"/> and nothing where no shipment is left, from at most <see cref="AllocationOrder.MaximumShipments"/>
/// locations, one shipment each. Lines of one SKU draw on the same stock. Among such plans the best is, in this order, the one with
/// (1) the most units; (2) the fewest shipments; (3) the least cost, which is the sum of <see cref="AllocationCost.Total"/> over its
/// shipments; without <see cref="AllocationOptions.PreferFewestShipments"/> (3) comes before (2). Among equals the choice is the same each
/// time. An order that ships complete gets nothing where not all its units can be shipped. Within the chosen locations the cheapest ships as
/// much as it can, then the next.
/// </para>
/// </summary>
internal static class Allocation
{
    /// <summary>The best plan; see <see cref="AllocationPlan.IsExact"/> for when it may not be.</summary>
    /// <param name="order">What is to be shipped.</param>
    /// <param name="sites">The locations that may ship, each once.</param>
    /// <param name="stock">What is available; a pair that is absent has nothing, of pairs that stand twice the last holds.</param>
    /// <param name="options">Settings.</param>
    /// <param name="token">Ends a search that takes too long: thousands of locations, each of them bound, and orders of many lines.</param>
    public static AllocationPlan Plan(
        AllocationOrder order, IReadOnlyList<AllocationSite> sites, IEnumerable<AvailableStock> stock, AllocationOptions options, CancellationToken token)
    {
        string[] skus = [.. order.Lines.Select(line => line.SkuId).Distinct(StringComparer.Ordinal)];
        var skuOf = skus.Index().ToDictionary(sku => sku.Item, sku => sku.Index, StringComparer.Ordinal);
        var demand = new long[skus.Length];
        foreach (var line in order.Lines)
        {
            demand[skuOf[line.SkuId]] += line.Quantity;
        }

        AllocationSite[] able = [.. sites.OrderBy(site => site.LocationId, StringComparer.Ordinal)];
        var siteOf = able.Index().ToDictionary(site => site.Item.LocationId, site => site.Index, StringComparer.Ordinal);
        var available = Array.ConvertAll(able, _ => new long[skus.Length]);
        foreach (var (skuId, locationId, quantity) in stock)
        {
            if (skuOf.TryGetValue(skuId, out var sku) && siteOf.TryGetValue(locationId, out var site))
            {
                available[site][sku] = Math.Clamp(quantity, 0, demand[sku]);
            }
        }

        var kilometres = Array.ConvertAll(able, site => site.Place?.KilometresTo(order.Destination) ?? 0);
        var costs = able.Select((site, i) => AllocationCost.Of(options, kilometres[i], site.Workload)).ToArray();
        var capacity = able.Select((site, i) => site.Place is null || site.ShipmentsLeft <= 0 ? 0 : Math.Clamp(site.UnitsLeft ?? long.MaxValue, 0, available[i].Sum())).ToArray();
        var flow = new AllocationFlow(demand, available, capacity);
        var (chosen, isExact) = new AllocationSearch(flow, Array.ConvertAll(costs, cost => cost.Total), order.MaximumShipments, options, token).Choose();
        var units = flow.Ship(chosen);
        var most = units.Shipped;
        var reasons = new AllocationReasons(order, options, able, kilometres, costs, flow, isExact).Of(chosen, most);
        if (order.ShipComplete && most < flow.Total)
        {
            return new AllocationPlan([], order.Lines, flow.Total, 0, isExact, reasons);
        }

        var shipments = new AllocationShipment[chosen.Length];
        var left = order.Lines.Select(line => line.Quantity).ToArray();
        for (var i = 0; i < chosen.Length; i++)
        {
            var lines = Share(order.Lines, left, sku => ref units[i][skuOf[sku]]);
            shipments[i] = new AllocationShipment(able[chosen[i]].LocationId, lines, kilometres[chosen[i]], costs[chosen[i]]);
        }

        AllocationLine[] unallocated = [.. order.Lines.Select((line, i) => line with { Quantity = left[i] }).Where(line => line.Quantity > 0)];
        return new AllocationPlan(shipments, unallocated, flow.Total, most, isExact, reasons);
    }

    private delegate ref long UnitsOf(string skuId);

    // A shipment's units of a SKU go to the lines in their order.
    private static List<AllocationLine> Share(IReadOnlyList<AllocationLine> lines, long[] left, UnitsOf units)
    {
        var shared = new List<AllocationLine>();
        for (var i = 0; i < lines.Count; i++)
        {
            ref var rest = ref units(lines[i].SkuId);
            var quantity = Math.Min(rest, left[i]);
            if (quantity > 0)
            {
                rest -= quantity;
                left[i] -= quantity;
                shared.Add(lines[i] with { Quantity = quantity });
            }
        }

        return shared;
    }
}
