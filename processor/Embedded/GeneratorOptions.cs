using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>What load the generator makes. The same options give the same events, byte for byte.</summary>
public sealed record GeneratorOptions
{
    /// <summary>Events to make; 0 for no end.</summary>
    public long Events { get; init; }

    public long Seed { get; init; } = 1;

    public int Skus { get; init; } = 2000;

    /// <summary>Stores and distribution centres together; one in sixteen is a distribution centre, at least one.</summary>
    public int Locations { get; init; } = 32;

    /// <summary>Event time that the load approaches and never passes. Events happen in the <see cref="SimulatedHours"/> before it.</summary>
    public DateTimeOffset End { get; init; } = DateTimeOffset.UnixEpoch.AddDays(20_000);

    /// <summary>Hours of retail life that <see cref="Events"/> events span.</summary>
    public double SimulatedHours { get; init; } = 48;

    /// <summary>Exponent of the SKUs' Zipf distribution.</summary>
    public double ZipfExponent { get; init; } = 0.8;

    /// <summary>Share of events that are sent again, some at once and some hours later.</summary>
    public double DuplicateShare { get; init; } = 0.015;

    /// <summary>Share of records that a processor must refuse.</summary>
    public double InvalidShare { get; init; } = 0.005;

    /// <summary>Share of store events that overtake others; EDI receipts and cycle counts come late more often.</summary>
    public double OutOfOrderShare { get; init; } = 0.02;

    /// <exception cref="SetupException">A value is outside its range; the message names it.</exception>
    public void Validate()
    {
        Check(Events >= 0, $"events is {Events}; use 0 or more.");
        Check(Skus is >= 1 and <= 5_000_000, $"skus is {Skus}; use 1 to 5,000,000.");
        Check(Locations is >= 2 and <= 9_999, $"locations is {Locations}; use 2 to 9,999.");
        Check(SimulatedHours is > 0 and <= 24 * 366, $"simulated hours is {SimulatedHours}; use more than 0, at most a year.");
        Check(ZipfExponent is >= 0 and <= 3, $"Zipf exponent is {ZipfExponent}; use 0 to 3.");
        foreach (var (name, share) in new[] { ("duplicate", DuplicateShare), ("invalid", InvalidShare), ("out-of-order", OutOfOrderShare) })
        {
            Check(share is >= 0 and <= 0.5, $"{name} share is {share}; use 0 to 0.5.");
        }
    }

    private static void Check(bool holds, string message)
    {
        if (!holds)
        {
            throw new SetupException(message);
        }
    }
}
