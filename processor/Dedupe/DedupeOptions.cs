using Stockflow.Model;

namespace Stockflow.Dedupe;

/// <summary>Settings of duplicate detection.</summary>
public sealed record DedupeOptions
{
    /// <summary>How long an event_id is remembered, hours.</summary>
    public double HorizonHours { get; init; } = 24;

    /// <summary>Seconds of fingerprints that are kept and dropped together; the horizon is this coarse.</summary>
    public int BucketSeconds { get; init; } = 3600;

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(HorizonHours is not (> 0 and <= 24 * 366), "dedupe.horizonHours must be above 0 and at most 8784");
        SetupException.ThrowIf(BucketSeconds is < 1 or > 86400, "dedupe.bucketSeconds must be from 1 to 86400");
    }
}
