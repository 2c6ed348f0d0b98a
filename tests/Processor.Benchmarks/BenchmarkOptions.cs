using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>What all benchmarks of a run share.</summary>
public sealed record BenchmarkOptions
{
    /// <summary>Events of the load.</summary>
    public long Events { get; init; } = 1_000_000;

    /// <summary>Partitions of the topic; the listener keeps 5 MiB of each.</summary>
    public int Partitions { get; init; } = 64;

    /// <summary>Timed rounds; the median counts. Each benchmark warms up before.</summary>
    public int Rounds { get; init; } = 3;

    public int Skus { get; init; } = 20_000;

    public int Locations { get; init; } = 100;

    public long Seed { get; init; } = 1;

    /// <exception cref="SetupException">A value is outside its range.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(Events is < 10_000 or > 100_000_000, "--events must be from 10000 to 100000000");
        SetupException.ThrowIf(Partitions is < 1 or > 1000, "--partitions must be from 1 to 1000");
        SetupException.ThrowIf(Rounds is < 1 or > 100, "--rounds must be from 1 to 100");
        Generator(0).Validate();
    }

    /// <summary>The load; 0 events for one without an end.</summary>
    public GeneratorOptions Generator(long events) => new()
    {
        Events = events,
        Seed = Seed,
        Skus = Skus,
        Locations = Locations,
        End = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds()),
    };
}
