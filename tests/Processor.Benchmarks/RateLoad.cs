using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>A load whose events happen as the clock goes, at one rate.</summary>
internal static class RateLoad
{
    /// <summary>Events to come when a run ends, in run lengths: near its end a load's time slows down.</summary>
    private const int Spare = 12;

    /// <summary>Facts that are counted at a time; their memory is the bound.</summary>
    private const long SliceEvents = 2_000_000;

    private const int ProbeEvents = 20_000;

    /// <summary>The load from now on.</summary>
    /// <param name="options">SKUs, locations and seed.</param>
    /// <param name="rate">Events a second.</param>
    /// <param name="seconds">Time that it is sent for.</param>
    public static GeneratorOptions From(BenchmarkOptions options, double rate, double seconds)
    {
        var start = DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        var plain = new GeneratorOptions { Seed = options.Seed, Skus = options.Skus, Locations = options.Locations };
        // The generator's day has quiet and busy hours, and this one must go as fast as the clock.
        var hours = Spare * seconds / 3600 * BusynessAt(start, plain);
        return plain with { Events = (long)(Spare * seconds * rate), SimulatedHours = hours, End = start.AddHours(hours) };
    }

    /// <summary>What the first <paramref name="sent"/> events must lead to.</summary>
    public static IndependentResult Count(GeneratorOptions load, long sent)
    {
        var catalog = new GeneratorCatalog(load);
        var slices = (int)(1 + (sent / SliceEvents));
        var results = new List<IndependentResult>();
        for (var slice = 0; slice < slices; slice++)
        {
            var count = new IndependentCount(catalog);
            var generator = new Generator(load, catalog);
            for (var i = 0L; i < sent && generator.TryNext(out var fact); i++)
            {
                // Nothing that happens to a SKU depends on another one.
                if (fact.Sku % slices == slice)
                {
                    count.Add(in fact);
                }
            }

            results.Add(count.Result());
        }

        return new IndependentResult(
            results.Sum(result => result.Produced), results.Sum(result => result.Accepted), results.Sum(result => result.Duplicates),
            results.SelectMany(result => result.DeadLetters).GroupBy(pair => pair.Key).ToDictionary(group => group.Key, group => group.Sum(pair => pair.Value)),
            results.SelectMany(result => result.UnitsByType).GroupBy(pair => pair.Key).ToDictionary(group => group.Key, group => group.Sum(pair => pair.Value)),
            results.SelectMany(result => result.Positions).ToDictionary());
    }

    private static double BusynessAt(DateTimeOffset start, GeneratorOptions plain)
    {
        var probe = new Generator(plain with { Events = 3_600_000, SimulatedHours = 1, End = start.AddHours(1) });
        var from = probe.ClockTs;
        for (var i = 0; i < ProbeEvents; i++)
        {
            probe.TryNext(out _);
        }

        return (double)ProbeEvents / Math.Max(1, probe.ClockTs - from);
    }
}
