using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>
/// What a movement does to a position. On-hand is the last count by event time plus the deltas after it; a movement at the very instant
/// of a count is part of the count. Everything else adds up, whatever the order.
/// </summary>
public static class PositionRules
{
    /// <summary>Whether <see cref="Movement.QtyDelta"/> changes on-hand.</summary>
    public static bool ChangesOnHand(MovementType type) => type is MovementType.Sale or MovementType.Return or MovementType.Receipt
        or MovementType.TransferOut or MovementType.TransferIn or MovementType.Adjustment or MovementType.Rtv or MovementType.Ship;

    /// <summary>Applies a movement to the position at its own location.</summary>
    /// <returns>False if the movement is a count that came after later movements: on-hand must be settled against the ledger.</returns>
    public static bool Apply(ref PositionState state, in Movement movement)
    {
        var settled = true;
        if (movement.Type == MovementType.CycleCount)
        {
            settled = ApplyCount(ref state, movement);
        }
        else if (ChangesOnHand(movement.Type) && movement.EventTs > state.LastCountTs)
        {
            state.OnHand += movement.QtyDelta;
        }

        switch (movement.Type)
        {
            case MovementType.Damage:
                state.Unsellable -= movement.QtyDelta;
                break;
            case MovementType.Reserve or MovementType.Release:
                state.Reserved -= movement.QtyDelta;
                break;
            case MovementType.Ship:
                state.Reserved += movement.QtyDelta;
                break;
            case MovementType.TransferOut:
                state.InTransitOut -= movement.QtyDelta;
                break;
            case MovementType.TransferIn:
                state.InTransitIn -= movement.QtyDelta;
                break;
        }

        state.LastEventTs = Math.Max(state.LastEventTs, movement.EventTs);
        state.Version++;
        return settled;
    }

    /// <summary>Applies a transfer's leg to the position at the other end.</summary>
    public static void ApplyCounterpart(ref PositionState state, in Movement movement)
    {
        if (movement.Type == MovementType.TransferOut)
        {
            state.InTransitIn -= movement.QtyDelta;
        }
        else
        {
            state.InTransitOut -= movement.QtyDelta;
        }

        state.Version++;
    }

    /// <summary>Puts a late count into its position, unless another one has taken its place.</summary>
    /// <param name="state">The position with everything else that has come.</param>
    /// <param name="countTs">The count's event time, in milliseconds since 1970-01-01 UTC.</param>
    /// <param name="counted">Units counted.</param>
    /// <param name="since">Units by which all movements after the count change on-hand.</param>
    public static void Settle(ref PositionState state, long countTs, long counted, long since)
    {
        if (Outranks(countTs, counted, state))
        {
            state.OnHand = counted + since;
            (state.LastCountTs, state.LastCountQty) = (countTs, counted);
        }
    }

    private static bool ApplyCount(ref PositionState state, in Movement count)
    {
        if (!Outranks(count.EventTs, count.CountedQty, state))
        {
            return true;
        }

        // Later movements are already in on-hand and only the ledger knows which: the count must wait for it.
        if (state.LastEventTs > count.EventTs)
        {
            return false;
        }

        Settle(ref state, count.EventTs, count.CountedQty, since: 0);
        return true;
    }

    private static bool Outranks(long countTs, long counted, in PositionState state) =>
        countTs > state.LastCountTs || (countTs == state.LastCountTs && counted > state.LastCountQty);
}
