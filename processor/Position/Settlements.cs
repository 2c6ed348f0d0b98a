using System.Collections.Concurrent;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>
/// Positions of a lane whose count came after later movements. The ledger says what on-hand was as of an offset; the movements since then
/// are kept here and applied on top. Owned by the position stage; only <see cref="Answers"/> is shared.
/// </summary>
internal sealed class Settlements
{
    private readonly Dictionary<(int Sku, int Location), Pending> open = [];

    public ConcurrentQueue<Answer> Answers { get; } = new();

    public int Count => open.Count;

    /// <summary>Starts over for a position: the ledger will be asked as of <paramref name="asOf"/>.</summary>
    public void Open((int Sku, int Location) key, long asOf) => open[key] = new Pending(asOf);

    /// <summary>Keeps a movement that the ledger's answer will not hold.</summary>
    public void Note((int Sku, int Location) key, long offset, in Movement movement)
    {
        if (open.TryGetValue(key, out var pending) && offset >= pending.AsOf)
        {
            pending.Later.Add(movement);
        }
    }

    /// <summary>
    /// Puts an answer into the state. False if it is stale, or if a kept movement is itself a count that must be settled again:
    /// then <paramref name="reopen"/> is true.
    /// </summary>
    public bool Settle(in Answer answer, ref PositionState state, out bool reopen)
    {
        reopen = false;
        if (!open.TryGetValue(answer.Key, out var pending) || pending.AsOf != answer.AsOf)
        {
            return false;
        }

        var settled = state;
        settled.OnHand = answer.Ledger.OnHand;
        settled.LastCountTs = answer.Ledger.LastCountTs;
        settled.LastCountQty = answer.Ledger.LastCountQty;
        foreach (var movement in pending.Later)
        {
            if (movement.Type == MovementType.CycleCount)
            {
                // Whether later movements are in on-hand can not be told from the sums: ask once more, as of now.
                reopen = true;
                return false;
            }

            if (PositionRules.ChangesOnHand(movement.Type) && movement.EventTs > settled.LastCountTs)
            {
                settled.OnHand += movement.QtyDelta;
            }
        }

        settled.Version++;
        state = settled;
        open.Remove(answer.Key);
        return true;
    }

    internal readonly record struct Answer((int Sku, int Location) Key, long AsOf, LedgerOnHand Ledger);

    private sealed class Pending(long asOf)
    {
        public long AsOf { get; } = asOf;

        public List<Movement> Later { get; } = [];
    }
}
