using Stockflow.Model;

namespace Stockflow.Dedupe;

/// <summary>
/// The fingerprints that a lane has seen, each with the offset that first carried it: an open-addressing table of 24 bytes a slot, about
/// 60 to 85 % full. Entries below the horizon's first offset count as absent and go when the table next runs out of room. Not thread-safe.
/// </summary>
public sealed class SeenTable
{
    private const double MaximumLoad = 0.85, Growth = 1.4;
    private readonly ChunkedArray<Slot> slots = new();
    private int used;
    private long horizonOffset;

    public SeenTable() => slots.Grow(1);

    /// <summary>Slots in use, entries that have left the horizon included.</summary>
    public int Count => used;

    /// <summary>Memory of the table, bytes.</summary>
    public long Bytes => slots.Bytes;

    /// <summary>
    /// The offset that first carried <paramref name="fingerprint"/>: <paramref name="offset"/> itself if it is new, and it is remembered now.
    /// </summary>
    public long FirstOffset(UInt128 fingerprint, long offset)
    {
        ref var slot = ref Find(fingerprint);
        if (slot.Mark > horizonOffset)
        {
            return slot.Mark - 1;
        }

        if (slot.Mark == 0 && ++used > slots.Length * MaximumLoad)
        {
            MakeRoom();
            used++;
            slot = ref Find(fingerprint);
        }

        slot = new Slot(fingerprint, offset);
        return offset;
    }

    /// <summary>The offset that first carried the fingerprint, or -1.</summary>
    public long Lookup(UInt128 fingerprint)
    {
        var mark = Find(fingerprint).Mark;
        return mark > horizonOffset ? mark - 1 : -1;
    }

    /// <summary>Forgets every entry with an offset below <paramref name="offset"/>.</summary>
    public void ExpireBelow(long offset) => horizonOffset = Math.Max(horizonOffset, offset);

    /// <summary>Fetches what <see cref="FirstOffset"/> will look at first, so that it need not wait for memory.</summary>
    public void Prefetch(UInt128 fingerprint) => CacheLine.Prefetch(ref slots[Place((ulong)(fingerprint >> 64))]);

    private ref Slot Find(UInt128 fingerprint)
    {
        var (upper, lower) = ((ulong)(fingerprint >> 64), (ulong)fingerprint);
        var i = Place(upper);
        while (true)
        {
            foreach (ref var slot in slots.ChunkFrom(i))
            {
                if (slot.Mark == 0 || (slot.Lower == lower && slot.Upper == upper))
                {
                    return ref slot;
                }

                i++;
            }

            i = i == slots.Length ? 0 : i;
        }
    }

    // The place grows with the upper half and with the table, so that an entry's place in a larger table is never before its former one.
    private int Place(ulong upper) => (int)Math.BigMul(upper, (ulong)slots.Length, out _);

    private void MakeRoom()
    {
        used = 0;
        for (var i = 0; i < slots.Length; i++)
        {
            used += slots[i].Mark > horizonOffset ? 1 : 0;
        }

        var (former, size) = (slots.Length, slots.Length);
        while (used * Growth > size * MaximumLoad * 1.01)
        {
            size = checked((int)(size * Growth));
        }

        if (size == former)
        {
            Sweep();
        }
        else
        {
            slots.Grow(size);
            Spread(former);
        }
    }

    // A full horizon allocates nothing. An entry's place is never before its run's beginning, and no run goes over an
    // empty slot; so from an empty slot on, each entry that is taken out finds a place at or before its own.
    private void Sweep()
    {
        var i = 0;
        while (slots[i].Mark != 0)
        {
            i++;
        }

        for (var left = slots.Length; left > 0; left--)
        {
            ref var place = ref slots[i];
            var slot = place;
            place = default;
            if (slot.Mark > horizonOffset)
            {
                Find(slot.Fingerprint) = slot;
            }

            i = i + 1 == slots.Length ? 0 : i + 1;
        }
    }

    // From the last run of occupied slots to the first each is taken out, and its entries find their places anew: at or behind the run's
    // beginning, where all runs behind it have found theirs. What finds none before the end goes on at the front when all others have theirs.
    private void Spread(int former)
    {
        var (run, over) = (new List<Slot>(), new List<Slot>());
        for (var end = former; end > 0; end--)
        {
            while (end > 0 && slots[end - 1].Mark != 0)
            {
                ref var place = ref slots[--end];
                if (place.Mark > horizonOffset)
                {
                    run.Add(place);
                }

                place = default;
            }

            foreach (var slot in run)
            {
                var i = Place(slot.Upper);
                while (i < slots.Length && slots[i].Mark != 0)
                {
                    i++;
                }

                if (i < slots.Length)
                {
                    slots[i] = slot;
                }
                else
                {
                    over.Add(slot);
                }
            }

            run.Clear();
        }

        foreach (var slot in over)
        {
            Find(slot.Fingerprint) = slot;
        }
    }

    // Two halves, because UInt128 is aligned to 16 bytes and would take 32.
    private readonly struct Slot(UInt128 fingerprint, long offset)
    {
        public readonly ulong Upper = (ulong)(fingerprint >> 64), Lower = (ulong)fingerprint;

        /// <summary>Offset + 1, so that a cleared array is an empty table.</summary>
        public readonly long Mark = offset + 1;

        public UInt128 Fingerprint => new(Upper, Lower);
    }
}
