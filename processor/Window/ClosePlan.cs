namespace Stockflow.Window;

/// <summary>A SKU at a location that late or corrected events have touched, and the latest of them.</summary>
/// <param name="SkuId">Stock keeping unit.</param>
/// <param name="LocationId">Store or distribution centre.</param>
/// <param name="FromTs">Start of the earliest touched hour, milliseconds since 1970-01-01 UTC.</param>
/// <param name="EventId">The latest event that touched it.</param>
/// <param name="Partition">Its partition.</param>
/// <param name="Offset">Its offset.</param>
public sealed record TouchedKey(string SkuId, string LocationId, long FromTs, string EventId, int Partition, long Offset);

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

    /// <summary>Parts of at most <paramref name="most"/> keys and about <paramref name="mostBytes"/> of text: they travel in an address.</summary>
    public static IEnumerable<List<TouchedKey>> Split(IEnumerable<TouchedKey> keys, int most, int mostBytes)
    {
        var part = new List<TouchedKey>();
        var bytes = 0;
        foreach (var key in keys)
        {
            // Quotes and commas become three bytes each, and text outside ASCII up to nine a character.
            var size = 60 + Length(key.SkuId) * 2 + Length(key.LocationId) + Length(key.EventId);
            if (part.Count > 0 && (part.Count == most || bytes + size > mostBytes))
            {
                yield return part;
                (part, bytes) = ([], 0);
            }

            part.Add(key);
            bytes += size;
        }

        if (part.Count > 0)
        {
            yield return part;
        }
    }

    private static int Length(string text)
    {
        var length = 8;
        foreach (var c in text)
        {
            length += char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? 1 : 9;
        }

        return length;
    }
}
