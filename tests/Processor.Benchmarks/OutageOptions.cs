using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>The server that is stopped.</summary>
public enum OutageSink
{
    /// <summary>Killed, and started again over its files.</summary>
    ClickHouse,

    /// <summary>Stopped by SIGSTOP: it keeps its connections and answers nothing.</summary>
    Redis,
}

/// <summary>Settings of the outage run.</summary>
public sealed record OutageOptions
{
    /// <summary>What the listener keeps of a partition, and the memory of one event in it, its share of the batch included, bytes.</summary>
    private const double PartitionBytes = 5 * 1024 * 1024, EventBytes = 190;

    /// <summary>Keys are not spread evenly; time to spare for the listener's slow moments.</summary>
    private const double Headroom = 1.6;

    public required OutageSink Sink { get; init; }

    /// <summary>Length of the outage.</summary>
    public double Minutes { get; init; } = 5;

    public double EventsPerSecond { get; init; } = 20_000;

    /// <summary>Partitions of the topic; 0 for as many as the whole run needs.</summary>
    public int Partitions { get; init; }

    /// <summary>Load before the outage, seconds.</summary>
    public int BeforeSeconds { get; init; } = 60;

    /// <summary>Load after the outage, until the producer stops, seconds.</summary>
    public int AfterSeconds { get; init; } = 30;

    /// <summary>kafka.inFlightMegabytes of the processor.</summary>
    public int InFlightMegabytes { get; init; } = 512;

    public int Skus { get; init; } = 50_000;

    public int Locations { get; init; } = 8;

    public TimeSpan Outage => TimeSpan.FromMinutes(Minutes);

    /// <exception cref="SetupException">A value is outside its range.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(Minutes is not (>= 0.2 and <= 60), "--minutes must be from 0.2 to 60");
        SetupException.ThrowIf(EventsPerSecond is not (>= 100 and <= 1e6), "--events-per-second must be from 100 to 1000000");
        SetupException.ThrowIf(Partitions is < 0 or > 1000, "--partitions must be from 1 to 1000");
        SetupException.ThrowIf(BeforeSeconds is < 10 or > 3600, "--before-seconds must be from 10 to 3600");
        SetupException.ThrowIf(AfterSeconds is < 1 or > 3600, "--after-seconds must be from 1 to 3600");
        SetupException.ThrowIf(InFlightMegabytes is < 16 or > 16_384, "--in-flight-megabytes must be from 16 to 16384");
        SetupException.ThrowIf(Partitions == 0 && NeededPartitions > 1000,
            $"the whole run needs {NeededPartitions:N0} partitions of 5 MiB and the listener's limit is 1000; lower --events-per-second or --minutes.");
        Generator().Validate();
    }

    /// <summary>Partitions of the topic.</summary>
    public int TopicPartitions() => Partitions > 0 ? Partitions : (int)Math.Max(64, NeededPartitions);

    /// <summary>A load without an end. All SKUs alike: one that sells most would overflow its partition.</summary>
    public GeneratorOptions Generator() => new()
    {
        Skus = Skus,
        Locations = Locations,
        ZipfExponent = 0,
        End = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds()),
    };

    private double NeededPartitions =>
        Math.Ceiling(EventsPerSecond * (BeforeSeconds + Outage.TotalSeconds + AfterSeconds + 30) * EventBytes * Headroom / PartitionBytes);
}
