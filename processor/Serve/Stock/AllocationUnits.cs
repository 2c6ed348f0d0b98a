namespace Stockflow.Serve.Stock;

/// <summary>
/// Units that locations ship of SKUs, always the most that they can together: the greatest flow, found by augmenting paths (Edmonds-Karp).
/// Arguments as of <see cref="AllocationFlow"/>.
/// </summary>
internal sealed class AllocationUnits(long[] demand, long[][] available, long[] capacity)
{
    private readonly List<int> sites = [];
    private readonly List<long[]> units = [];
    private readonly List<int> viaSku = [];
    private readonly int[] viaSite = new int[demand.Length];
    private readonly long[] wanted = (long[])demand.Clone();
    private readonly Queue<int> queue = [];

    /// <summary>Units in all.</summary>
    public long Shipped { get; private set; }

    /// <summary>Units by SKU of the location that was added at this place.</summary>
    public long[] this[int place] => units[place];

    /// <summary>Units that one more location would add.</summary>
    public long Gain(int site)
    {
        // Where all ship what they have of what is wanted, none can make room for another.
        if (sites.TrueForAll(place => capacity[place] == available[place].Sum()))
        {
            long gain = 0;
            for (var sku = 0; sku < demand.Length; sku++)
            {
                gain += Math.Min(available[site][sku], wanted[sku]);
            }

            return Math.Min(gain, capacity[site]);
        }

        var with = Clone();
        with.Add(site);
        return with.Shipped - Shipped;
    }

    private AllocationUnits Clone()
    {
        var copy = new AllocationUnits(demand, available, capacity) { Shipped = Shipped };
        copy.sites.AddRange(sites);
        copy.units.AddRange(units.Select(of => (long[])of.Clone()));
        copy.viaSku.AddRange(viaSku);
        wanted.CopyTo(copy.wanted, 0);
        return copy;
    }

    /// <summary>Lets one more location ship. Those before it go on shipping as many units, if of other SKUs.</summary>
    public void Add(int site)
    {
        var last = sites.Count;
        sites.Add(site);
        units.Add(new long[demand.Length]);
        viaSku.Add(-1);

        // Paths that end at another location need not be tried: those before ship the most that they can together.
        var left = capacity[site];
        while (left > 0 && FindPath(last) is var first and >= 0)
        {
            var most = Math.Min(left, wanted[first]);
            for (var (sku, place) = (first, viaSite[first]); ; (sku, place) = (viaSku[place], viaSite[viaSku[place]]))
            {
                most = Math.Min(most, available[sites[place]][sku] - units[place][sku]);
                if (place == last)
                {
                    break;
                }

                most = Math.Min(most, units[place][viaSku[place]]);
            }

            for (var (sku, place) = (first, viaSite[first]); ; (sku, place) = (viaSku[place], viaSite[viaSku[place]]))
            {
                units[place][sku] += most;
                if (place == last)
                {
                    break;
                }

                units[place][viaSku[place]] -= most;
            }

            wanted[first] -= most;
            left -= most;
            Shipped += most;
        }
    }

    // Backwards from the location that has capacity left, to a SKU of which more is wanted: a location on the way takes units of one SKU and gives
    // up as many of another, which the next location ships. viaSite[sku]: which location takes the SKU; viaSku[place]: which SKU it gives up for it.
    private int FindPath(int last)
    {
        for (var place = 0; place < viaSku.Count; place++)
        {
            viaSku[place] = -1;
        }

        Array.Fill(viaSite, -1);
        queue.Clear();
        queue.Enqueue(last);
        while (queue.TryDequeue(out var place))
        {
            var (has, ships) = (available[sites[place]], units[place]);
            for (var sku = 0; sku < demand.Length; sku++)
            {
                if (viaSite[sku] >= 0 || has[sku] <= ships[sku])
                {
                    continue;
                }

                viaSite[sku] = place;
                if (wanted[sku] > 0)
                {
                    return sku;
                }

                for (var giver = 0; giver < last; giver++)
                {
                    if (viaSku[giver] < 0 && units[giver][sku] > 0)
                    {
                        viaSku[giver] = sku;
                        queue.Enqueue(giver);
                    }
                }
            }
        }

        return -1;
    }
}
