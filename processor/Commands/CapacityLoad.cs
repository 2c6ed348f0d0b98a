using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>What is to be carried and kept.</summary>
public sealed record CapacityLoad
{
    /// <summary>Events a second in the busiest minutes; processors, Redis, ClickHouse and brokers are sized for it.</summary>
    public required double PeakEventsPerSecond { get; init; }

    /// <summary>SKU and location pairs that have a position.</summary>
    public required double SkuLocations { get; init; }

    /// <summary>Months that raw events are kept.</summary>
    public double RetentionMonths { get; init; } = 13;

    /// <summary>Hours that an event_id is remembered (<c>dedupe.horizonHours</c>).</summary>
    public double HorizonHours { get; init; } = 24;

    /// <summary>Years that the ledger and what is computed from it are kept.</summary>
    public double CuratedYears { get; init; } = 3;

    /// <summary>Copies of Redis and of ClickHouse.</summary>
    public int Replicas { get; init; } = 2;

    /// <summary>The year's average rate as a share of the peak: what storage and transfers follow.</summary>
    public double AverageShare { get; init; } = 0.25;

    /// <summary>The busiest day's average rate as a share of the peak: what memory for fingerprints and Kafka's disks follow.</summary>
    public double BusiestDayShare { get; init; } = 0.5;

    /// <summary>Available-to-promise reads a second at the peak.</summary>
    public double ReadsPerSecond { get; init; } = 10_000;

    /// <summary>Bytes of a record in Kafka, headers and batch overhead included.</summary>
    public double RecordBytes { get; init; } = 200;

    /// <summary>vCPUs of each copy of ClickHouse for people's queries, above those for inserts, merges and closes.</summary>
    public int QueryVcpus { get; init; } = 32;

    /// <summary>What is added to the sum for what nobody thought of, as a share.</summary>
    public double Contingency { get; init; } = 0.3;

    /// <exception cref="UsageException">A value is out of its range; the message names its flag.</exception>
    public void Validate()
    {
        Check("--events-per-second", PeakEventsPerSecond, 1, 100_000_000);
        Check("--sku-locations", SkuLocations, 1, 1e12);
        Check("--retention", RetentionMonths, 0, 1200);
        Check("--duplicates-horizon", HorizonHours, 0.01, 24 * 366);
        Check("--curated", CuratedYears, 0, 100);
        Check("--replicas", Replicas, 1, 10);
        Check("--average-share", AverageShare, 0.001, 1);
        Check("--busiest-day-share", BusiestDayShare, AverageShare, 1);
        Check("--reads-per-second", ReadsPerSecond, 0, 100_000_000);
        Check("--record-bytes", RecordBytes, 10, 1_048_576);
        Check("--query-vcpus", QueryVcpus, 0, 100_000);
        Check("--contingency", Contingency, 0, 10);
    }

    private static void Check(string flag, double value, double least, double most)
    {
        if (!(value >= least && value <= most))
        {
            throw new UsageException(FormattableString.Invariant($"{flag} is {value}; it must be from {least} to {most}."));
        }
    }
}

/// <summary>
/// Unit prices in dollars. The defaults are AWS on demand in us-east-1 to the nearest sensible figure, without discounts; machines are priced by
/// what m7g and r7g instances cost, taken apart into processors and memory. Give a file with your own.
/// </summary>
public sealed record CapacityPrices
{
    public double VcpuHour { get; init; } = 0.0278;

    public double MemoryGibHour { get; init; } = 0.00325;

    /// <summary>Network block storage (gp3).</summary>
    public double DiskGibMonth { get; init; } = 0.08;

    /// <summary>Object storage (S3 Standard), with a tenth for requests.</summary>
    public double ObjectGibMonth { get; init; } = 0.0253;

    /// <summary>Object storage that is rarely read (Glacier Instant Retrieval).</summary>
    public double BackupGibMonth { get; init; } = 0.004;

    /// <summary>From one zone to another, both directions' charge.</summary>
    public double ZoneTransferGib { get; init; } = 0.02;

    /// <summary>Control plane, load balancers, addresses, logs.</summary>
    public double FixedMonth { get; init; } = 1000;

    /// <summary>Other environments, as a share of the machines.</summary>
    public double OtherEnvironmentsShare { get; init; } = 0.25;

    /// <exception cref="UsageException">A price is below 0 or no number.</exception>
    public void Validate()
    {
        foreach (var price in typeof(CapacityPrices).GetProperties())
        {
            if (price.GetValue(this) is double value && !(value >= 0 && double.IsFinite(value)))
            {
                throw new UsageException($"--prices: {char.ToLowerInvariant(price.Name[0])}{price.Name[1..]} must be 0 or more.");
            }
        }
    }
}
