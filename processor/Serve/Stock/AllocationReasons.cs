using System.Globalization;

namespace Stockflow.Serve.Stock;

/// <summary>Says why a plan is as it is: what was chosen, and what stood against nearer locations.</summary>
internal sealed class AllocationReasons(
    AllocationOrder order, AllocationOptions options, AllocationSite[] sites, double[] kilometres, AllocationCost[] costs, AllocationFlow flow, bool isExact)
{
    /// <summary>Bound on locations that are told about.</summary>
    private const int MaximumSkipped = 20;

    /// <param name="chosen">Locations that ship.</param>
    /// <param name="units">What they can ship together.</param>
    public IReadOnlyList<string> Of(int[] chosen, long units)
    {
        var reasons = new List<string> { Choice(chosen, units) };
        if (units < flow.Total)
        {
            // Of many locations the exact number takes longer than the plan.
            int[] every = [.. Enumerable.Range(0, flow.Sites)];
            var all = isExact ? flow.Most(every) : flow.Bound(every);
            reasons.Add(all > units && chosen.Length == order.MaximumShipments
                ? Text($"{flow.Total - units} of {flow.Total} units are left over: with more than {Shipments(order.MaximumShipments)} up to {all} units could be shipped")
                : Text($"{flow.Total - units} of {flow.Total} units are left over: no location has more of them to ship"));
            if (order.ShipComplete)
            {
                reasons.Add("Nothing is allocated, because the order ships complete or not at all");
            }
        }

        if (!isExact)
        {
            reasons.Add(Text($"{flow.Sites} locations are too many to try every choice; a better one may exist"));
        }

        var farthest = chosen.Length == 0 || units < flow.Total ? double.MaxValue : chosen.Max(site => kilometres[site]);
        reasons.AddRange(Enumerable.Range(0, sites.Length)
            .Where(site => !chosen.Contains(site) && (sites[site].Place is null || kilometres[site] <= farthest))
            .OrderBy(site => kilometres[site]).Take(MaximumSkipped)
            .Select(site => $"{sites[site].LocationId} skipped: {Problem(site, chosen)}"));
        return reasons;
    }

    private string Choice(int[] chosen, long units)
    {
        if (chosen.Length == 0)
        {
            return "No location can ship any of it";
        }

        var what = units == flow.Total ? "the full quantity" : Text($"{units} of {flow.Total} units");
        if (chosen is [var only])
        {
            var name = sites[only].LocationId;
            var nearest = Enumerable.Range(0, sites.Length).Where(site => flow.Alone(site) >= units).MinBy(site => kilometres[site]);
            return kilometres[nearest] >= kilometres[only]
                ? Text($"{name} is nearest with {what} ({kilometres[only]:0.#} km)")
                : Text($"{name} costs least with {what}: {Money(costs[only].Total)} at {kilometres[only]:0.#} km and workload {sites[only].Workload:0.##}, against {Money(costs[nearest].Total)} from {sites[nearest].LocationId} at {kilometres[nearest]:0.#} km and workload {sites[nearest].Workload:0.##}");
        }

        var names = string.Join(" and ", chosen.Select(site => sites[site].LocationId));
        return options.PreferFewestShipments
            ? Text($"{names} together have {what}; no fewer than {Shipments(chosen.Length)} do")
            : Text($"{names} together have {what} at the least cost, {Money(chosen.Sum(site => costs[site].Total))}");
    }

    private string Problem(int site, int[] chosen)
    {
        var (has, can) = (flow.Stock(site), flow.Alone(site));
        return has == 0 ? "it has none of the units"
            : sites[site].Place is null ? "its latitude and longitude are not known"
            : sites[site].ShipmentsLeft <= 0 ? "no shipment is left"
            : can < has && can < flow.Total ? Text($"capacity left {can} of {flow.Total} units")
            : has < flow.Total ? Text($"it has {has} of {flow.Total} units")
            : Text($"it costs {Money(costs[site].Total)}, against {Money(chosen.Sum(other => costs[other].Total))}");
    }

    private static string Shipments(int count) => count == 1 ? "1 shipment" : Text($"{count} shipments");

    private static string Money(long cost) => (cost / 10_000m).ToString("0.00##", CultureInfo.InvariantCulture);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
