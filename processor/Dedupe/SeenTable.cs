using Stockflow.Model;

namespace Stockflow.Dedupe;

/// <summary>
/// The fingerprints that a lane has seen, each with the offset that first carried it: an open-addressing table of 24 bytes a slot.
/// Entries below the horizon's first offset count as absent and go when the table is next rebuilt. Not thread-safe.
/// </summary>
public sealed class SeenTable
{
    private const int MinimumSlots = 1024;
    private const long Empty = 0;
    private UInt128[] fingerprints = new UInt128[MinimumSlots];

    // Offset + 1, so that a cleared array is an empty table.
    private long[] offsets = new long[MinimumSlots];
    private int used;
    private long horizonOffset;

    /// <summary>Slots in use, entries that have left the horizon included.</summary>
    public int Count => used;

    /// <summary>Memory of the table, bytes.</summary>
    public long Bytes => (long)fingerprints.Length * 24;

    /// <summary>
    /// The offset that first carried <paramref name="fingerprint"/>: <paramref name="offset"/> itself if it is new, and it is remembered now.
    /// </summary>
    public long FirstOffset(UInt128 fingerprint, long offset)
    {
        var slot = Find(fingerprint);
        if (offsets[slot] != Empty && offsets[slot] > horizonOffset)
        {
            return offsets[slot] - 1;
        }

        if (offsets[slot] == Empty && ++used * 4L > fingerprints.Length * 3L)
        {
            Rebuild();
            used++;
            slot = Find(fingerprint);
        }

        fingerprints[slot] = fingerprint;
        offsets[slot] = offset + 1;
        return offset;
    }

    /// <summary>The offset that first carried the fingerprint, or -1.</summary>
    public long Lookup(UInt128 fingerprint)
    {
        var stored = offsets[Find(fingerprint)];
        return stored > horizonOffset ? stored - 1 : -1;
    }

    /// <summary>Forgets every entry with an offset below <paramref name="offset"/>.</summary>
    public void ExpireBelow(long offset) => horizonOffset = Math.Max(horizonOffset, offset);

    private int Find(UInt128 fingerprint)
    {
        var mask = fingerprints.Length - 1;
        var slot = (int)(ulong)fingerprint & mask;
        while (offsets[slot] != Empty && fingerprints[slot] != fingerprint)
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }

    private void Rebuild()
    {
        var live = 0;
        foreach (var stored in offsets)
        {
            live += stored > horizonOffset ? 1 : 0;
        }

        var size = fingerprints.Length;
        while (live * 2L >= size)
        {
            size *= 2;
        }

        var (oldFingerprints, oldOffsets) = (fingerprints, offsets);
        fingerprints = new UInt128[size];
        offsets = new long[size];
        used = live;
        for (var i = 0; i < oldOffsets.Length; i++)
        {
            if (oldOffsets[i] > horizonOffset)
            {
                var slot = Find(oldFingerprints[i]);
                fingerprints[slot] = oldFingerprints[i];
                offsets[slot] = oldOffsets[i];
            }
        }
    }
}
