using System.Numerics;

namespace Stockflow.Serve.Stock;

/// <summary>
/// Chooses the locations that ship. What a choice can ship is the greatest flow, and what it costs is the sum over its locations, so the best plan
/// is the best choice. Up to <see cref="AllocationOptions.ExactLocations"/> locations every choice is tried, in the order in which it would be
/// preferred among those that ship as much, until one ships all that can be shipped.
/// <para>
/// Beyond that: the cheapest location that ships everything alone is found exactly. Else locations are added, each time one that adds
/// nearly the most, until none adds anything; they and the cheapest others are tried as above, and what is not needed of the first is left out.
/// With no bound on shipments this still ships as much as any plan; that it is the cheapest is not promised.
/// </para>
/// </summary>
/// <param name="flow">The order and the locations.</param>
/// <param name="costs">By location.</param>
/// <param name="maximum">Shipments at most.</param>
/// <param name="options">Settings.</param>
/// <param name="token">Ends a search that takes too long.</param>
internal sealed class AllocationSearch(AllocationFlow flow, long[] costs, int maximum, AllocationOptions options, CancellationToken token)
{
    // How near to the most that any might add is good enough, to spare a look at thousands that add about as much.
    private const double NearlyMost = 0.9;

    /// <summary>Locations, cheapest first, each of which is needed; and whether no better choice exists.</summary>
    public (int[] Sites, bool IsExact) Choose()
    {
        // Locations that can ship nothing only cost.
        var sites = Enumerable.Range(0, flow.Sites).Where(site => flow.Alone(site) > 0).OrderBy(site => costs[site]).ThenBy(site => site).ToArray();
        if (sites.Length <= options.ExactLocations)
        {
            return (Best(sites), true);
        }

        int[] whole = [.. sites.Where(site => flow.Alone(site) == flow.Total).Take(1)];
        if (whole.Length > 0 && options.PreferFewestShipments)
        {
            return (whole, true);
        }

        var grown = Grow(sites);
        int[] likely = [.. whole.Concat(grown.Length <= options.ExactLocations ? grown : []).Concat(sites).Distinct().Take(options.ExactLocations)];
        var tried = Best([.. likely.OrderBy(site => costs[site]).ThenBy(site => site)]);
        var pruned = Prune(grown);
        return (IsBetter(pruned, tried) ? pruned : tried, false);
    }

    private int[] Best(int[] sites)
    {
        var choices = new List<(int Count, long Cost, int Mask)>();
        for (var mask = 1; mask < 1 << sites.Length; mask++)
        {
            var count = BitOperations.PopCount((uint)mask);
            if (count <= maximum)
            {
                long cost = 0;
                for (var rest = mask; rest != 0; rest &= rest - 1)
                {
                    cost += costs[sites[BitOperations.TrailingZeroCount(rest)]];
                }

                choices.Add((count, cost, mask));
            }
        }

        choices.Sort((a, b) => Compare(a.Count, a.Cost, b.Count, b.Cost) is var order and not 0 ? order : a.Mask.CompareTo(b.Mask));

        // With as many shipments as locations it is known what the best ships.
        var all = flow.Most(sites);
        var least = maximum >= sites.Length ? all : 1;
        long most = 0;
        var best = 0;
        Span<int> chosen = stackalloc int[sites.Length];
        foreach (var (count, _, mask) in choices)
        {
            if (most == all)
            {
                break;
            }

            token.ThrowIfCancellationRequested();
            Take(sites, mask, chosen);
            if (flow.Bound(chosen[..count]) >= Math.Max(least, most + 1) && flow.Most(chosen[..count]) is var units && units >= Math.Max(least, most + 1))
            {
                (most, best) = (units, mask);
            }
        }

        Take(sites, best, chosen);
        return chosen[..BitOperations.PopCount((uint)best)].ToArray();
    }

    private static void Take(int[] sites, int mask, Span<int> chosen)
    {
        for (var i = 0; mask != 0; mask &= mask - 1)
        {
            chosen[i++] = sites[BitOperations.TrailingZeroCount(mask)];
        }
    }

    // What a location adds never grows by what is added before. So what it added in an earlier round bounds what it adds now, few are looked at
    // again, and when none adds anything, all together ship no more either.
    private int[] Grow(int[] sites)
    {
        var grown = new List<int>();
        var units = flow.Ship([]);
        var waiting = new PriorityQueue<int, (long Gain, int Place)>(sites.Select((site, place) => (site, (-flow.Alone(site), place))));
        while (grown.Count < maximum && units.Shipped < flow.Total && waiting.TryDequeue(out var site, out var priority))
        {
            token.ThrowIfCancellationRequested();
            var gain = units.Gain(site);
            if (gain > 0 && (!waiting.TryPeek(out _, out var next) || gain >= -next.Gain * NearlyMost))
            {
                grown.Add(site);
                units.Add(site);
            }
            else if (gain > 0)
            {
                waiting.Enqueue(site, (-gain, priority.Place));
            }
        }

        return [.. grown];
    }

    private int[] Prune(int[] grown)
    {
        var kept = grown.OrderBy(site => costs[site]).ThenBy(site => site).ToList();
        var most = flow.Most(kept.ToArray());
        for (var i = kept.Count - 1; i >= 0; i--)
        {
            int[] without = [.. kept[..i], .. kept[(i + 1)..]];
            if (flow.Most(without) == most)
            {
                kept.RemoveAt(i);
            }
        }

        return [.. kept];
    }

    private bool IsBetter(int[] a, int[] b)
    {
        var byUnits = flow.Most(a).CompareTo(flow.Most(b));
        return byUnits != 0 ? byUnits > 0 : Compare(a.Length, a.Sum(site => costs[site]), b.Length, b.Sum(site => costs[site])) < 0;
    }

    private int Compare(int count, long cost, int otherCount, long otherCost)
    {
        var (byCount, byCost) = (count.CompareTo(otherCount), cost.CompareTo(otherCost));
        return options.PreferFewestShipments ? byCount != 0 ? byCount : byCost : byCost != 0 ? byCost : byCount;
    }
}
