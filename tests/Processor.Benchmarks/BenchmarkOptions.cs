using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>What all benchmarks of a run share.</summary>
public sealed record BenchmarkOptions
{
    /// <summary>Events of the load; what warms a whole pipeline up comes on top.</summary>
    public long Events { get; init; } = 1_000_000;

    /// <summary>Partitions of the topic; the listener keeps 5 MiB of each.</summary>
    public int Partitions { get; init; } = 64;

    /// <summary>Timed rounds; the median counts. Each benchmark warms up before.</summary>
    public int Rounds { get; init; } = 3;

    public int Skus { get; init; } = 20_000;

    public int Locations { get; init; } = 100;

    public long Seed { get; init; } = 1;

    /// <summary>Events a second of the runs at fixed rates; the last is a national retailer's holiday peak.</summary>
    public IReadOnlyList<double> Rates { get; init; } = [50_000, 100_000, PeakRate];

    /// <summary>Time that each of them is measured for, seconds.</summary>
    public int RateSeconds { get; init; } = 15;

    /// <summary>Share of events that are sent again, and of those that come out of order; null for the generator's own.</summary>
    public double? DuplicateShare { get; init; }

    public double? OutOfOrderShare { get; init; }

    /// <exception cref="SetupException">A value is outside its range.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(Rates.Any(rate => rate is not (>= 1000 and <= 1e6)), "--rates must be from 1000 to 1000000");
        SetupException.ThrowIf(RateSeconds is < 5 or > 3600, "--rate-seconds must be from 5 to 3600");
        SetupException.ThrowIf(Events is < 10_000 or > 100_000_000, "--events must be from 10000 to 100000000");
        SetupException.ThrowIf(Partitions is < 1 or > 1000, "--partitions must be from 1 to 1000");
        SetupException.ThrowIf(Rounds is < 1 or > 100, "--rounds must be from 1 to 100");
        Generator(0).Validate();
    }

    /// <summary>Events a second of the load's own time: a national retailer's holiday peak.</summary>
    public const int PeakRate = 183_000;

    /// <summary>Events that the length of a load without an end is reckoned by.</summary>
    private const long Endless = 500_000;

    /// <summary>The load, whose events happen at <see cref="PeakRate"/>; 0 events for one without an end.</summary>
    public GeneratorOptions Generator(long events) => new()
    {
        Events = events,
        Seed = Seed,
        Skus = Skus,
        Locations = Locations,
        DuplicateShare = DuplicateShare ?? new GeneratorOptions().DuplicateShare,
        OutOfOrderShare = OutOfOrderShare ?? new GeneratorOptions().OutOfOrderShare,
        SimulatedHours = (events == 0 ? Endless : events) / (double)PeakRate / 3600,
        End = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds()),
    };
}
