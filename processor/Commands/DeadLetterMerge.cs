namespace Stockflow.Commands;

/// <summary>Makes one page of the partitions' latest letters.</summary>
internal static class DeadLetterMerge
{
    /// <summary>The latest letters first; within a partition by falling offset, whatever their times say, so that a page ends at one offset of each.</summary>
    /// <param name="windows">The latest letters of each partition.</param>
    /// <param name="limit">Letters of the page.</param>
    /// <param name="at">Time of a letter.</param>
    /// <param name="next">By partition the offset that the next page stays below; null where nothing is left.</param>
    public static List<T> Take<T>(IReadOnlyList<DeadLetterWindow<T>> windows, int limit, Func<T, DateTime> at, out IReadOnlyDictionary<int, long>? next)
    {
        var page = new List<T>();
        var taken = new int[windows.Count];
        while (page.Count < limit)
        {
            var latest = -1;
            for (var i = 0; i < windows.Count; i++)
            {
                if (taken[i] < windows[i].Letters.Count
                    && (latest < 0 || at(windows[i].Letters[taken[i]].Letter) > at(windows[latest].Letters[taken[latest]].Letter)))
                {
                    latest = i;
                }
            }

            if (latest < 0)
            {
                break;
            }

            page.Add(windows[latest].Letters[taken[latest]++].Letter);
        }

        var places = new Dictionary<int, long>();
        var isLast = true;
        for (var i = 0; i < windows.Count; i++)
        {
            var window = windows[i];
            // A window that was used up moves to its start: below its last letter there may be offsets without a record.
            var place = taken[i] == window.Letters.Count ? window.Start : taken[i] == 0 ? window.End : window.Letters[taken[i] - 1].Offset;
            places[window.Partition] = place;
            isLast &= place <= window.Low;
        }

        next = isLast ? null : places;
        return page;
    }
}
