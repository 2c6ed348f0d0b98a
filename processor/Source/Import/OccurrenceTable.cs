using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>
/// Counts how often each record content came, so that exact duplicates get ids of their own: the n-th line with the same content is
/// number n, wherever it stands. Keeps 64 bits of a content's hash; the id itself holds 128, so a collision here does no harm.
/// </summary>
public sealed class OccurrenceTable
{
    private ulong[] hashes = new ulong[1024];
    private int[] counts = new int[1024];
    private int used;

    /// <summary>The number of this occurrence, from 1.</summary>
    /// <exception cref="SetupException">More distinct records than <see cref="ImportLimits.DistinctRows"/>.</exception>
    public int Next(UInt128 content)
    {
        var hash = (ulong)content;
        var mask = hashes.Length - 1;
        for (var i = (int)hash & mask; ; i = (i + 1) & mask)
        {
            if (counts[i] == 0)
            {
                hashes[i] = hash;
                counts[i] = 1;
                Grow();
                return 1;
            }

            if (hashes[i] == hash)
            {
                return ++counts[i];
            }
        }
    }

    private void Grow()
    {
        if (++used * 2L < hashes.Length)
        {
            return;
        }

        if (used >= ImportLimits.DistinctRows)
        {
            throw new SetupException(
                $"the file has more than {ImportLimits.DistinctRows} distinct records; split it, or use {{@line}} instead of {{@occurrence}} in the mapping's event_id.");
        }

        var (oldHashes, oldCounts) = (hashes, counts);
        hashes = new ulong[oldHashes.Length * 2];
        counts = new int[hashes.Length];
        var mask = hashes.Length - 1;
        for (var old = 0; old < oldHashes.Length; old++)
        {
            if (oldCounts[old] > 0)
            {
                var i = (int)oldHashes[old] & mask;
                while (counts[i] != 0)
                {
                    i = (i + 1) & mask;
                }

                hashes[i] = oldHashes[old];
                counts[i] = oldCounts[old];
            }
        }
    }
}
