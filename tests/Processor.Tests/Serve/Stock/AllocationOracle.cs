using Stockflow.Model;
using Stockflow.Serve.Stock;

namespace Stockflow.Tests.Serve.Stock;

/// <summary>One small order with what there is, and the best that can be made of it by trying every way to give every unit a location.</summary>
internal sealed record AllocationCase(AllocationOrder Order, AllocationSite[] Sites, AvailableStock[] Stock, AllocationOptions Options)
{
    public AllocationPlan Plan() => Allocation.Plan(Order, Sites, Stock, Options, CancellationToken.None);

    /// <summary>Small numbers, so that shortage, bounds and ties are common.</summary>
    public static AllocationCase Random(Random random, int maximumSites, int maximumSkus, int maximumQuantity, int exactLocations = 12)
    {
        var skus = random.Next(1, maximumSkus + 1);
        var lines = Enumerable.Range(0, random.Next(1, skus + 2))
            .Select(i => new AllocationLine($"L{i}", $"S{random.Next(skus)}", random.Next(1, Math.Max(2, maximumQuantity / 2) + 1))).ToArray();
        var sites = Enumerable.Range(0, random.Next(1, maximumSites + 1)).Select(i => new AllocationSite(
            $"DC-{i}",
            random.Next(12) == 0 ? null : new GeoPoint(50 + random.Next(4), 8 + random.Next(4)),
            random.Next(2) == 0 ? null : random.Next(5),
            random.Next(4) == 0 ? random.Next(2) : null,
            random.Next(3) / 2.0)).ToArray();
        var stock = (
            from site in sites
            from sku in Enumerable.Range(0, skus)
            where random.Next(4) > 0
            select new AvailableStock($"S{sku}", site.LocationId, random.Next(-1, maximumQuantity + 1))).ToArray();
        var options = new AllocationOptions
        {
            PerKilometre = random.Next(3) * 0.02,
            PerShipment = random.Next(3) * 2,
            LoadPenalty = random.Next(3) * 3,
            PreferFewestShipments = random.Next(2) == 0,
            ExactLocations = exactLocations,
        };
        return new AllocationCase(new AllocationOrder(new GeoPoint(51, 9), lines, random.Next(3) == 0, random.Next(1, maximumSites + 2)), sites, stock, options);
    }

    /// <summary>Units, shipments and cost of the best plan.</summary>
    public (long Units, int Shipments, long Cost) Best()
    {
        var skus = Order.Lines.Select(line => line.SkuId).Distinct().ToArray();
        var demand = skus.Select(sku => Order.Lines.Where(line => line.SkuId == sku).Sum(line => line.Quantity)).ToArray();
        var left = Sites.Select(site => site.Place is null || site.ShipmentsLeft == 0 ? 0 : site.UnitsLeft ?? 1000).ToArray();
        var ships = new long[Sites.Length];
        (long Units, int Shipments, long Cost) best = (0, 0, 0);
        Try(0, 0, demand[0]);
        return Order.ShipComplete && best.Units < demand.Sum() ? (0, 0, 0) : best;

        void Try(int sku, int site, long wanted)
        {
            if (site == Sites.Length)
            {
                if (sku + 1 < skus.Length)
                {
                    Try(sku + 1, 0, demand[sku + 1]);
                }
                else if (ships.Count(units => units > 0) <= Order.MaximumShipments)
                {
                    Judge();
                }

                return;
            }

            var has = Stock.Where(item => item.SkuId == skus[sku] && item.LocationId == Sites[site].LocationId).Sum(item => Math.Max(0, item.Quantity));
            for (var units = 0L; units <= Math.Min(wanted, Math.Min(has, left[site])); units++)
            {
                left[site] -= units;
                ships[site] += units;
                Try(sku, site + 1, wanted - units);
                left[site] += units;
                ships[site] -= units;
            }
        }

        void Judge()
        {
            var units = ships.Sum();
            var count = ships.Count(of => of > 0);
            var cost = Sites.Where((_, i) => ships[i] > 0).Sum(CostOf);
            var (first, second) = Options.PreferFewestShipments ? (count, cost) : (cost, (long)count);
            var (bestFirst, bestSecond) = Options.PreferFewestShipments ? (best.Shipments, best.Cost) : (best.Cost, (long)best.Shipments);
            if (units > best.Units || (units == best.Units && (first < bestFirst || (first == bestFirst && second < bestSecond))))
            {
                best = (units, count, cost);
            }
        }
    }

    public long CostOf(AllocationSite site)
    {
        var parts = new[] { site.Place!.Value.KilometresTo(Order.Destination) * Options.PerKilometre, Options.PerShipment, site.Workload * Options.LoadPenalty };
        return parts.Sum(part => (long)Math.Round(part * 10_000, MidpointRounding.AwayFromZero));
    }

    /// <summary>What is wrong with a plan whatever its quality; empty if nothing is.</summary>
    public IEnumerable<string> Faults(AllocationPlan plan)
    {
        var given = plan.Shipments.SelectMany(shipment => shipment.Lines.Select(line => (shipment.LocationId, Line: line))).ToArray();
        foreach (var of in given.GroupBy(item => (item.LocationId, item.Line.SkuId)))
        {
            var has = Stock.Where(item => item.SkuId == of.Key.SkuId && item.LocationId == of.Key.LocationId).Sum(item => item.Quantity);
            if (of.Sum(item => item.Line.Quantity) > has)
            {
                yield return $"{of.Key} ships more than the {has} that it has";
            }
        }

        foreach (var shipment in plan.Shipments)
        {
            var site = Sites.Single(site => site.LocationId == shipment.LocationId);
            if (site.Place is null || site.ShipmentsLeft == 0 || shipment.Lines.Sum(line => line.Quantity) > (site.UnitsLeft ?? long.MaxValue) || shipment.Lines.Count == 0)
            {
                yield return $"{site} can not ship {shipment.Lines.Sum(line => line.Quantity)}";
            }
            else if (shipment.Cost.Total != CostOf(site))
            {
                yield return $"{site} costs {CostOf(site)}, not {shipment.Cost}";
            }
        }

        if (plan.Shipments.Count > Order.MaximumShipments || plan.Shipments.DistinctBy(shipment => shipment.LocationId).Count() != plan.Shipments.Count)
        {
            yield return $"{plan.Shipments.Count} shipments";
        }

        foreach (var line in Order.Lines)
        {
            var of = given.Where(item => item.Line.LineId == line.LineId).Select(item => item.Line).Concat(plan.Unallocated.Where(rest => rest.LineId == line.LineId)).ToArray();
            if (of.Sum(part => part.Quantity) != line.Quantity || of.Any(part => part.SkuId != line.SkuId || part.Quantity <= 0))
            {
                yield return $"{line} does not add up";
            }
        }

        if (plan.Requested != Order.Lines.Sum(line => line.Quantity) || plan.Allocated != given.Sum(item => item.Line.Quantity)
            || plan.Allocated + plan.Unallocated.Sum(line => line.Quantity) != plan.Requested || (Order.ShipComplete && plan.Allocated > 0 && plan.Unallocated.Count > 0))
        {
            yield return "The sums are wrong";
        }
    }
}
