using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Settings of the watch over transfers of which not as much arrived as was sent.</summary>
public sealed record TransferOptions
{
    /// <summary>Age of a transfer's first leg from which on it should have been matched, hours.</summary>
    public double UnmatchedHours { get; init; } = 72;

    /// <summary>Transfers that began earlier are no longer looked at, days.</summary>
    public int LookbackDays { get; init; } = 35;

    /// <summary>Time between two looks, minutes; 0 for none.</summary>
    public double IntervalMinutes { get; init; } = 10;

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        SetupException.ThrowIf(UnmatchedHours is not (> 0 and <= 8760), "transfers.unmatchedHours must be above 0 and at most 8760");
        SetupException.ThrowIf(LookbackDays is < 1 or > 400 || LookbackDays * 24 <= UnmatchedHours, "transfers.lookbackDays must be from 1 to 400 and longer than transfers.unmatchedHours");
        SetupException.ThrowIf(IntervalMinutes is not (0 or (>= 0.01 and <= 1440)), "transfers.intervalMinutes must be 0 or from 0.01 to 1440");
    }
}
