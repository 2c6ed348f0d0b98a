using System.Runtime.CompilerServices;
using Stockflow.Model;

namespace Stockflow.Dedupe;

/// <summary>
/// The fingerprints that a lane has seen, each with the offset that first carried it: an open-addressing table of 24 bytes a slot, about
/// 60 to 85 % full. Entries below the horizon's first offset count as absent and go when the table next runs out of room. Not thread-safe.
/// </summary>
public sealed class SeenTable
{
    private const int MinimumSlots = 1024;
    private const double MaximumLoad = 0.85, Growth = 1.4;
    private Slot[] slots = new Slot[MinimumSlots];
    private int used;
    private long horizonOffset;

    /// <summary>Slots in use, entries that have left the horizon included.</summary>
    public int Count => used;

    /// <summary>Memory of the table, bytes.</summary>
    public long Bytes => (long)slots.Length * Unsafe.SizeOf<Slot>();

    /// <summary>
    /// The offset that first carried <paramref name="fingerprint"/>: <paramref name="offset"/> itself if it is new, and it is remembered now.
    /// </summary>
    public long FirstOffset(UInt128 fingerprint, long offset)
    {
        ref var slot = ref Find(slots, fingerprint);
        if (slot.Mark > horizonOffset)
        {
            return slot.Mark - 1;
        }

        if (slot.Mark == 0 && ++used > slots.Length * MaximumLoad)
        {
            MakeRoom();
            used++;
            slot = ref Find(slots, fingerprint);
        }

        slot = new Slot(fingerprint, offset);
        return offset;
    }

    /// <summary>The offset that first carried the fingerprint, or -1.</summary>
    public long Lookup(UInt128 fingerprint)
    {
        var mark = Find(slots, fingerprint).Mark;
        return mark > horizonOffset ? mark - 1 : -1;
    }

    /// <summary>Forgets every entry with an offset below <paramref name="offset"/>.</summary>
    public void ExpireBelow(long offset) => horizonOffset = Math.Max(horizonOffset, offset);

    /// <summary>Fetches what <see cref="FirstOffset"/> will look at first, so that it need not wait for memory.</summary>
    public void Prefetch(UInt128 fingerprint) => CacheLine.Prefetch(ref slots[Place(slots, (ulong)(fingerprint >> 64))]);

    // The place grows with the upper half, so that growth goes through the old table and the new one in their order.
    private static ref Slot Find(Slot[] slots, UInt128 fingerprint)
    {
        var (upper, lower) = ((ulong)(fingerprint >> 64), (ulong)fingerprint);
        for (var i = Place(slots, upper); ; i = i + 1 == slots.Length ? 0 : i + 1)
        {
            ref var slot = ref slots[i];
            if (slot.Mark == 0 || (slot.Lower == lower && slot.Upper == upper))
            {
                return ref slot;
            }
        }
    }

    private static int Place(Slot[] slots, ulong upper) => (int)Math.BigMul(upper, (ulong)slots.Length, out _);

    private void MakeRoom()
    {
        var live = 0;
        foreach (ref readonly var slot in slots.AsSpan())
        {
            live += slot.Mark > horizonOffset ? 1 : 0;
        }

        var size = slots.Length;
        while (live * Growth > size * MaximumLoad * 1.01)
        {
            size = checked((int)(size * Growth));
        }

        if (size == slots.Length)
        {
            Sweep();
        }
        else
        {
            MoveTo(new Slot[size]);
        }

        used = live;
    }

    // In place, so that a full horizon allocates nothing. An entry's place is never before its run's beginning, and no run goes over an
    // empty slot; so from an empty slot on, each entry that is taken out finds a place at or before its own.
    private void Sweep()
    {
        var i = Array.FindIndex(slots, slot => slot.Mark == 0);
        for (var left = slots.Length; left > 0; left--)
        {
            var slot = slots[i];
            slots[i] = default;
            if (slot.Mark > horizonOffset)
            {
                Find(slots, slot.Fingerprint) = slot;
            }

            i = i + 1 == slots.Length ? 0 : i + 1;
        }
    }

    private void MoveTo(Slot[] larger)
    {
        foreach (ref readonly var slot in slots.AsSpan())
        {
            if (slot.Mark > horizonOffset)
            {
                Find(larger, slot.Fingerprint) = slot;
            }
        }

        slots = larger;
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
