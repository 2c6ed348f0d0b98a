using System.Text;
using Stockflow.Commands;
using Stockflow.Decode;
using Stockflow.Model;
using Stockflow.Position;
using Xunit;

namespace Stockflow.Tests.Commands;

/// <summary>A duplicate and its compensations together change no position, whatever else happened, and pass the rules for movements.</summary>
public sealed class CompensationTests
{
    private static readonly MovementType[] Types = [.. Enum.GetValues<MovementType>().Where(type => type != MovementType.Unknown)];
    private static readonly string[] Places = ["A", "B", "C"];

    [Fact]
    public void Every_kind_of_movement_that_counted_twice_is_netted_out_in_every_field()
    {
        var random = new Random(20_261_121);
        for (var round = 0; round < 3000; round++)
        {
            var history = Enumerable.Range(0, random.Next(1, 12)).Select(i => Fact(random, Types[random.Next(Types.Length)], i)).ToList();
            var type = Types[round % Types.Length];
            var duplicate = Fact(random, type, history.Count);
            history.Add(duplicate);
            var compensations = Compensation.Of("t", duplicate);
            Assert.Equal(type == MovementType.CycleCount, compensations.Count == 0);

            var after = history.Append(duplicate).Concat(compensations.Select(c => duplicate with
            {
                Type = c.Type,
                LocationId = c.LocationId,
                QtyDelta = c.QtyDelta,
                CounterpartId = c.CounterpartId ?? "",
                CountedQty = null,
            }));
            Assert.Equal(Positions(history), Positions(after));
            Assert.All(compensations, c => Assert.Null(BrokenRule(duplicate, c)));
        }
    }

    [Fact]
    public void Ids_follow_from_the_place_of_the_duplicate()
    {
        var fact = Fact(new Random(1), MovementType.Ship, 7);
        Assert.Equal(Compensation.Of("t", fact), Compensation.Of("t", fact));
        var ids = new[] { fact, fact with { Offset = 8 }, fact with { Partition = 1 }, fact with { EventId = "other" } }
            .SelectMany(f => Compensation.Of("t", f)).Concat(Compensation.Of("u", fact)).Select(c => c.EventId).ToList();
        Assert.Equal(10, ids.Distinct().Count());
        Assert.All(ids, id => Assert.True(id.Length <= 128));
    }

    private static LedgerFact Fact(Random random, MovementType type, int number)
    {
        var place = random.Next(Places.Length);
        var leaves = type is MovementType.Sale or MovementType.TransferOut or MovementType.Rtv or MovementType.Reserve or MovementType.Ship
            || (type is MovementType.Adjustment or MovementType.Damage or MovementType.Correction && random.Next(2) == 0);
        long qty = random.Next(1, 9);
        return new LedgerFact
        {
            Partition = 0,
            Offset = number,
            EventId = $"e{number}",
            EventTs = 1_700_000_000_000 + random.Next(5),
            SkuId = "S",
            LocationId = Places[place],
            Type = type,
            QtyDelta = type == MovementType.CycleCount ? 0 : leaves ? -qty : qty,
            CountedQty = type == MovementType.CycleCount ? random.Next(30) : null,
            SourceSystem = "POS",
            CounterpartId = type is MovementType.TransferOut or MovementType.TransferIn ? Places[(place + 1) % Places.Length] : "",
        };
    }

    private static IEnumerable<(string, long, long, long, long, long)> Positions(IEnumerable<LedgerFact> facts)
    {
        var states = Places.ToDictionary(place => place, _ => default(PositionState));
        foreach (var fact in facts.OrderBy(f => f.EventTs).ThenBy(f => f.Type == MovementType.CycleCount).ThenBy(f => f.CountedQty))
        {
            var movement = new Movement { Type = fact.Type, EventTs = fact.EventTs, QtyDelta = fact.QtyDelta, CountedQty = fact.CountedQty ?? Movement.Absent };
            var state = states[fact.LocationId];
            PositionRules.Apply(ref state, movement);
            states[fact.LocationId] = state;
            if (fact.CounterpartId.Length > 0)
            {
                state = states[fact.CounterpartId];
                PositionRules.ApplyCounterpart(ref state, movement);
                states[fact.CounterpartId] = state;
            }
        }

        return states.Select(s => (s.Key, s.Value.OnHand, s.Value.Unsellable, s.Value.Reserved, s.Value.InTransitIn, s.Value.InTransitOut));
    }

    private static RejectReason? BrokenRule(LedgerFact duplicate, Compensation compensation)
    {
        var batch = new RecordBatch(1, 512);
        var text = compensation.EventId + duplicate.SkuId + compensation.LocationId + compensation.CounterpartId + duplicate.EventId;
        batch.Add(0, 0, default, false, Encoding.ASCII.GetBytes(text), true, null);
        var at = batch.Records[0].Value.Start;
        var movement = new Movement
        {
            Type = compensation.Type,
            EventTs = duplicate.EventTs,
            IngestTs = duplicate.EventTs,
            QtyDelta = compensation.QtyDelta,
            CountedQty = Movement.Absent,
            EventId = Take(compensation.EventId),
            SkuId = Take(duplicate.SkuId),
            LocationId = Take(compensation.LocationId),
            CounterpartId = compensation.CounterpartId is null ? Slice.None : Take(compensation.CounterpartId),
            CorrectsEventId = Take(duplicate.EventId),
            Currency = Slice.None,
            PromoId = Slice.None,
            Reason = Slice.None,
            PerformedBy = Slice.None,
            CustomerRef = Slice.None,
            ReferenceId = Slice.None,
        };
        movement.SourceSystem = movement.SkuId;
        var context = new RuleContext(new DecodeOptions(), duplicate.EventTs);
        return ValidationRules.All.FirstOrDefault(rule => rule.IsBroken(movement, batch, context))?.Reason;

        Slice Take(string part)
        {
            var slice = new Slice(at, part.Length);
            at += part.Length;
            return slice;
        }
    }
}
