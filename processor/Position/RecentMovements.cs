using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>
/// The lane's latest movements, so that an amendment of one of them, by far the most common correction, needs no question to the ledger.
/// What was named by a void is never given out, whichever came first. A place is found by the fingerprint alone and a newer movement takes it,
/// so that keeping one costs a single write: 40 bytes a movement. Not thread-safe.
/// </summary>
internal sealed class RecentMovements
{
    internal const int Capacity = 1 << 15;
    private readonly Entry[] places = new Entry[Capacity];
    private readonly HashSet<UInt128> barred = [];
    private readonly Queue<UInt128> order = new();

    /// <summary>Keeps a movement that is neither a count nor a correction.</summary>
    public void Add(in Movement movement)
    {
        if (movement.Type is not (MovementType.CycleCount or MovementType.Correction))
        {
            ref var entry = ref Place(movement.Fingerprint);
            (entry.Upper, entry.Lower) = ((ulong)(movement.Fingerprint >> 64), (ulong)movement.Fingerprint);
            entry.Sku = movement.Sku;
            entry.Location = movement.Location;
            entry.Counterpart = movement.Counterpart;
            entry.Type = movement.Type;
            entry.EventTs = movement.EventTs;
        }
    }

    /// <summary>Fetches where <see cref="Add"/> will write.</summary>
    public void Prefetch(UInt128 fingerprint) => CacheLine.Prefetch(ref Place(fingerprint));

    /// <summary>Never gives the event out, now or when it comes; the latest <see cref="Capacity"/> are remembered.</summary>
    public void Bar(UInt128 fingerprint)
    {
        if (!barred.Add(fingerprint))
        {
            return;
        }

        order.Enqueue(fingerprint);
        if (order.Count > Capacity)
        {
            barred.Remove(order.Dequeue());
        }
    }

    public bool IsBarred(UInt128 fingerprint) => barred.Contains(fingerprint);

    /// <summary>An amendment of <paramref name="target"/> as a movement of the place, the time and the type of what it amends; false if that is not known.</summary>
    public bool TryAmend(in Movement correction, UInt128 target, out Movement amendment)
    {
        amendment = correction;
        ref var entry = ref Place(target);
        if (new UInt128(entry.Upper, entry.Lower) != target || entry.Sku != correction.Sku || IsBarred(target))
        {
            return false;
        }

        amendment.Type = entry.Type;
        amendment.EventTs = entry.EventTs;
        amendment.Location = entry.Location;
        amendment.Counterpart = entry.Counterpart;
        return true;
    }

    private ref Entry Place(UInt128 fingerprint) => ref places[(int)(ulong)fingerprint & (Capacity - 1)];

    // Two halves, because UInt128 is aligned to 16 bytes and the whole would take 48.
    private struct Entry
    {
        public ulong Upper, Lower;
        public long EventTs;
        public int Sku, Location, Counterpart;
        public MovementType Type;
    }
}
