using FsCheck;
using FsCheck.Fluent;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.Tests.Position;

/// <summary>Any order of arrival gives the same position as sorting by event time.</summary>
public sealed class PositionOrderTests
{
    private static readonly MovementType[] Types =
    [
        MovementType.Sale, MovementType.Return, MovementType.Receipt, MovementType.Adjustment, MovementType.CycleCount,
        MovementType.Damage, MovementType.Reserve, MovementType.Release, MovementType.Ship, MovementType.Rtv,
    ];

    [Fact]
    public void Positions_do_not_depend_on_the_order_of_arrival()
    {
        var movement =
            from type in Gen.Elements(Types)
            from ts in Gen.Choose(1, 12)
            from qty in Gen.Choose(1, 9)
            select new Movement
            {
                Type = type,
                EventTs = ts,
                QtyDelta = type == MovementType.CycleCount ? 0 : type is MovementType.Sale or MovementType.Reserve or MovementType.Ship ? -qty : qty,
                CountedQty = type == MovementType.CycleCount ? qty : Movement.Absent,
            };
        var property = Prop.ForAll(
            Arb.From(from history in Gen.ListOf(movement) from seed in Gen.Choose(0, int.MaxValue) select (history.ToArray(), seed)),
            c => Final(Shuffle(c.Item1, c.seed)) == Expected(c.Item1));
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(3000), property);
    }

    [Fact]
    public void A_movement_at_the_instant_of_a_count_is_part_of_it()
    {
        var state = default(PositionState);
        Assert.True(PositionRules.Apply(ref state, new Movement { Type = MovementType.CycleCount, EventTs = 100, CountedQty = 7 }));
        PositionRules.Apply(ref state, new Movement { Type = MovementType.Sale, EventTs = 100, QtyDelta = -2 });
        Assert.Equal(7, state.OnHand);
    }

    [Fact]
    public void A_transfer_moves_stock_through_in_transit_to_zero()
    {
        PositionState from = default, to = default;
        var leave = new Movement { Type = MovementType.TransferOut, EventTs = 1, QtyDelta = -5 };
        var arrive = new Movement { Type = MovementType.TransferIn, EventTs = 2, QtyDelta = 5 };
        PositionRules.Apply(ref from, leave);
        PositionRules.ApplyCounterpart(ref to, leave);
        Assert.Equal((-5, 5, 5), (from.OnHand, from.InTransitOut, to.InTransitIn));
        PositionRules.Apply(ref to, arrive);
        PositionRules.ApplyCounterpart(ref from, arrive);
        Assert.Equal((5, 0, 0), (to.OnHand, to.InTransitIn, from.InTransitOut));
    }

    // The lane's way: apply in order of arrival, and where that can not tell, ask the ledger (here: the sum over all that has arrived).
    private static (long, long, long) Final(Movement[] arrival)
    {
        var state = default(PositionState);
        for (var i = 0; i < arrival.Length; i++)
        {
            if (!PositionRules.Apply(ref state, arrival[i]))
            {
                (state.OnHand, state.LastCountTs, state.LastCountQty) = Ledger(arrival[..(i + 1)]);
            }
        }

        return (state.OnHand, state.Unsellable, state.Reserved);
    }

    private static (long OnHand, long Ts, long Qty) Ledger(Movement[] rows)
    {
        var counts = rows.Where(r => r.Type == MovementType.CycleCount).OrderBy(r => r.EventTs).ThenBy(r => r.CountedQty).ToArray();
        var (ts, qty) = counts.Length == 0 ? (0L, 0L) : (counts[^1].EventTs, counts[^1].CountedQty);
        var onHand = qty;
        foreach (var row in rows)
        {
            if (row.EventTs > ts && row.Type is not (MovementType.CycleCount or MovementType.Damage or MovementType.Reserve or MovementType.Release))
            {
                onHand += row.QtyDelta;
            }
        }

        return (onHand, ts, qty);
    }

    private static (long, long, long) Expected(Movement[] history)
    {
        long unsellable = 0, reserved = 0;
        foreach (var m in history)
        {
            unsellable -= m.Type == MovementType.Damage ? m.QtyDelta : 0;
            reserved -= m.Type is MovementType.Reserve or MovementType.Release ? m.QtyDelta : 0;
            reserved += m.Type == MovementType.Ship ? m.QtyDelta : 0;
        }

        return (Ledger(history).OnHand, unsellable, reserved);
    }

    private static Movement[] Shuffle(Movement[] history, int seed)
    {
        var copy = history.ToArray();
        new Random(seed).Shuffle(copy);
        return copy;
    }
}
