namespace Stockflow.Window;

/// <summary>What a close does, computed without servers. Times are milliseconds since 1970-01-01 UTC.</summary>
public static class ClosePlan
{
    /// <summary>Milliseconds of an hour and of a day.</summary>
    public const long Hour = 3_600_000, Day = 86_400_000;

    /// <summary>Start of the hour or day that a time lies in.</summary>
    public static long Floor(long ts, long length) => ts - (((ts % length) + length) % length);

    /// <summary>Offsets never go back: a lane that nobody holds for a moment keeps what was known of it.</summary>
    public static SortedDictionary<int, long> Advance(IReadOnlyDictionary<int, long> lookedAt, IReadOnlyDictionary<int, long> durable)
    {
        var next = new SortedDictionary<int, long>();
        foreach (var (partition, offset) in lookedAt.Concat(durable))
        {
            next[partition] = Math.Max(next.GetValueOrDefault(partition), Math.Max(0, offset));
        }

        return next;
    }
}
