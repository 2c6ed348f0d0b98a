namespace Stockflow.Source.Import;

/// <summary>Order in which a file's movements are sent.</summary>
public enum ImportOrder
{
    /// <summary>As they stand in the file.</summary>
    File,

    /// <summary>The last one first.</summary>
    Reverse,

    /// <summary>At random, the same for the same seed.</summary>
    Shuffled,
}

/// <summary>
/// The encoded movements of a file, held in memory until the last is known, so that they can be sent in another order. They are encoded in the
/// file's order, so each has the bytes that it has in an import in that order.
/// </summary>
/// <param name="order">Not <see cref="ImportOrder.File"/>, for which nothing needs to be held.</param>
/// <param name="seed">Of <see cref="ImportOrder.Shuffled"/>.</param>
public sealed class HeldMovements(ImportOrder order, long seed)
{
    private readonly List<(string SkuId, byte[] Value)> held = [];
    private ulong state = (ulong)seed;

    public void Add(string skuId, byte[] value) => held.Add((skuId, value));

    /// <summary>Puts them in order. Call it once, after the last one was added.</summary>
    public IReadOnlyList<(string SkuId, byte[] Value)> InOrder()
    {
        if (order == ImportOrder.Reverse)
        {
            held.Reverse();
            return held;
        }

        for (var last = held.Count - 1; last > 0; last--)
        {
            var other = (int)(Next() % (ulong)(last + 1));
            (held[last], held[other]) = (held[other], held[last]);
        }

        return held;
    }

    // SplitMix64 (Steele, Lea, Flood 2014), not System.Random: a seed gives the same order whatever the version of .NET.
    private ulong Next()
    {
        state += 0x9E3779B97F4A7C15;
        var mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
