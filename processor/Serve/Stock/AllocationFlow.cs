namespace Stockflow.Serve.Stock;

/// <summary>
/// The order and the locations as numbers, and the most that a choice of locations can ship together: the greatest flow from SKUs, bounded by
/// what is wanted, over what is available, to locations, bounded by what they can ship.
/// </summary>
/// <param name="demand">Units wanted, by SKU.</param>
/// <param name="available">Units available by location and SKU, none above what is wanted.</param>
/// <param name="capacity">Units that a location can ship, none above what it has of what is wanted.</param>
internal sealed class AllocationFlow(long[] demand, long[][] available, long[] capacity)
{
    public int Skus => demand.Length;

    public int Sites => capacity.Length;

    public long Total { get; } = demand.Sum();

    /// <summary>Units that the location has of what is wanted, capacity aside.</summary>
    public long Stock(int site) => available[site].Sum();

    /// <summary>Units that the location alone can ship.</summary>
    public long Alone(int site) => capacity[site];

    /// <summary>Not less than what the locations can ship together, and the same where no capacity binds.</summary>
    public long Bound(ReadOnlySpan<int> sites)
    {
        long byStock = 0, byCapacity = 0;
        foreach (var site in sites)
        {
            byCapacity += capacity[site];
        }

        for (var sku = 0; sku < Skus; sku++)
        {
            long units = 0;
            foreach (var site in sites)
            {
                units += available[site][sku];
            }

            byStock += Math.Min(units, demand[sku]);
        }

        return Math.Min(byStock, byCapacity);
    }

    /// <summary>The most units that the locations can ship together.</summary>
    public long Most(ReadOnlySpan<int> sites)
    {
        foreach (var site in sites)
        {
            if (capacity[site] < Stock(site))
            {
                return Ship(sites).Shipped;
            }
        }

        return Bound(sites);
    }

    /// <summary>
    /// Ships the most that the locations can ship together; the first ships as much as it can alone, the second as much as the two can, and so on.
    /// </summary>
    public AllocationUnits Ship(ReadOnlySpan<int> sites)
    {
        var units = new AllocationUnits(demand, available, capacity);
        foreach (var site in sites)
        {
            units.Add(site);
        }

        return units;
    }
}
