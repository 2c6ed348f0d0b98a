using Stockflow.Model;

namespace Stockflow.Serve.Stock;

/// <summary>Settings of the commands on stock.</summary>
public sealed record StockOptions
{
    /// <summary>How long a reservation holds unless the request says otherwise.</summary>
    public int ReservationSeconds { get; init; } = 1800;

    /// <summary>The longest that a request may ask for.</summary>
    public int MaximumReservationSeconds { get; init; } = 30 * 86400;

    /// <summary>How often a backordered line looks for stock.</summary>
    public int BackorderSeconds { get; init; } = 30;

    /// <summary>How long a finished document stays readable.</summary>
    public int RetainDays { get; init; } = 30;

    /// <summary>Pause between two looks for what has lapsed. What lapsed counts as free before that.</summary>
    public int SweepMilliseconds { get; init; } = 1000;

    /// <summary>Pause between two looks for movements of commands that Kafka does not have yet.</summary>
    public int ForwardMilliseconds { get; init; } = 20;

    /// <summary>How far ahead available-to-promise looks unless the request says otherwise.</summary>
    public int HorizonDays { get; init; } = 7;

    /// <summary>Largest quantity of one line, units.</summary>
    public long MaximumQuantity { get; init; } = 1_000_000;

    /// <summary>Followers of changes at once.</summary>
    public int MaximumFollowers { get; init; } = 500;

    /// <summary>Pause between two looks for a follower.</summary>
    public int FollowMilliseconds { get; init; } = 250;

    /// <summary>When a document that ended at <paramref name="endedAt"/> is removed, in milliseconds since 1970-01-01 UTC.</summary>
    internal long GoneTs(DateTime endedAt) => CommandParts.Ts(endedAt.AddDays(RetainDays));

    /// <exception cref="SetupException">A setting can not work; the message names it.</exception>
    public void Validate()
    {
        Check("reservationSeconds", ReservationSeconds, 1, MaximumReservationSeconds);
        Check("maximumReservationSeconds", MaximumReservationSeconds, 1, 366 * 86400);
        Check("backorderSeconds", BackorderSeconds, 1, 86400);
        Check("retainDays", RetainDays, 1, 3660);
        Check("sweepMilliseconds", SweepMilliseconds, 10, 600_000);
        Check("forwardMilliseconds", ForwardMilliseconds, 1, 60_000);
        Check("horizonDays", HorizonDays, 0, 366);
        Check("maximumQuantity", MaximumQuantity, 1, 1_000_000_000);
        Check("maximumFollowers", MaximumFollowers, 0, 100_000);
        Check("followMilliseconds", FollowMilliseconds, 10, 60_000);
    }

    private static void Check(string name, long value, long least, long most) =>
        SetupException.ThrowIf(value < least || value > most, $"stock.{name} must be from {least} to {most}");
}
