using System.Globalization;

namespace Stockflow.Commands;

/// <summary>Partitions as an operator writes them: <c>0,3-5</c>.</summary>
internal static class PartitionSet
{
    /// <summary>The partitions in ascending order; all of <paramref name="count"/> where <paramref name="text"/> is null.</summary>
    /// <exception cref="UsageException">It is not a list, or names a partition that the topic does not have.</exception>
    public static IReadOnlyList<int> Parse(string? text, int count)
    {
        if (text is null)
        {
            return [.. Enumerable.Range(0, count)];
        }

        var set = new SortedSet<int>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var ends = part.Split('-');
            if (ends.Length > 2 || !TryRead(ends[0], out var first) || !TryRead(ends[^1], out var last) || first > last)
            {
                throw new UsageException($"--partitions '{text}' must look like 0,3-5");
            }

            if (last >= count)
            {
                throw new UsageException($"--partitions names {last}, but the topic has the partitions 0 to {count - 1}");
            }

            set.UnionWith(Enumerable.Range(first, last - first + 1));
        }

        return [.. set];

        static bool TryRead(string number, out int value) => int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }
}
