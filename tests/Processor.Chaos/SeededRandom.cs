namespace Stockflow.Chaos;

/// <summary>Random numbers that are the same for the same seed on every machine and version (SplitMix64, Steele, Lea and Flood 2014).</summary>
internal sealed class SeededRandom(long seed)
{
    private ulong state = (ulong)seed;

    public ulong Next()
    {
        state += 0x9E3779B97F4A7C15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>From 0 to below 1.</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1L << 53));

    /// <summary>From 0 to below <paramref name="bound"/>.</summary>
    public int Below(int bound) => (int)(Next() % (ulong)bound);

    /// <summary>From <paramref name="least"/> to <paramref name="most"/>, both included.</summary>
    public long Between(long least, long most) => least + (long)(Next() % (ulong)(most - least + 1));

    public bool Chance(double share) => Unit() < share;

    public T Pick<T>(IReadOnlyList<T> from) => from[Below(from.Count)];

    public TimeSpan Seconds(double least, double most) => TimeSpan.FromSeconds(least + (Unit() * (most - least)));

    /// <summary>A generator of its own that does not depend on how many numbers others draw.</summary>
    public SeededRandom Fork() => new((long)Next());

    public void Shuffle<T>(IList<T> items)
    {
        for (var i = items.Count - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
