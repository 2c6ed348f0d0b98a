using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>
/// The lane's latest movements, so that an amendment of one of them, by far the most common correction, needs no question to the ledger.
/// What was named by a void is not among them, whichever came first. 64 bytes a movement. Not thread-safe.
/// </summary>
internal sealed class RecentMovements
{
    internal const int Capacity = 1 << 15;
    private readonly Dictionary<UInt128, int> places = [];
    private readonly Entry[] ring = new Entry[Capacity];
    private int next;

    /// <summary>Keeps a movement that is neither a count nor a correction.</summary>
    public void Add(in Movement movement)
    {
        if (movement.Type is MovementType.CycleCount or MovementType.Correction || places.ContainsKey(movement.Fingerprint))
        {
            return;
        }

        Put(movement.Fingerprint, new Entry(movement.Fingerprint, movement.Sku, movement.Location, movement.Counterpart, movement.Type, movement.EventTs));
    }

    /// <summary>Never gives the event out, now or when it comes.</summary>
    public void Bar(UInt128 fingerprint)
    {
        if (places.TryGetValue(fingerprint, out var place))
        {
            ring[place] = new Entry(fingerprint, -1, -1, -1, MovementType.Unknown, 0);
            return;
        }

        Put(fingerprint, new Entry(fingerprint, -1, -1, -1, MovementType.Unknown, 0));
    }

    /// <summary>An amendment of <paramref name="target"/> as a movement of the place, the time and the type of what it amends; false if that is not known.</summary>
    public bool TryAmend(in Movement correction, UInt128 target, out Movement amendment)
    {
        amendment = correction;
        if (!places.TryGetValue(target, out var place) || ring[place].Sku != correction.Sku)
        {
            return false;
        }

        ref var entry = ref ring[place];
        amendment.Type = entry.Type;
        amendment.EventTs = entry.EventTs;
        amendment.Location = entry.Location;
        amendment.Counterpart = entry.Counterpart;
        return true;
    }

    private void Put(UInt128 fingerprint, in Entry entry)
    {
        if (ring[next].Fingerprint != UInt128.Zero)
        {
            places.Remove(ring[next].Fingerprint);
        }

        ring[next] = entry;
        places[fingerprint] = next;
        next = (next + 1) % Capacity;
    }

    private readonly record struct Entry(UInt128 Fingerprint, int Sku, int Location, int Counterpart, MovementType Type, long EventTs);
}
