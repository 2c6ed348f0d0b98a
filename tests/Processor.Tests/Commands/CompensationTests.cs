using System.Text;
using Stockflow.Commands;
using Stockflow.Decode;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Commands;

/// <summary>A duplicate's compensation takes its quantity back, at its time and place, and passes the rules for movements.</summary>
public sealed class CompensationTests
{
    private static readonly MovementType[] Types = [.. Enum.GetValues<MovementType>().Where(type => type != MovementType.Unknown)];
    private static readonly string[] Places = ["A", "B", "C"];

    [Fact]
    public void Every_kind_of_movement_that_counted_twice_is_taken_back_by_one_correction()
    {
        var random = new Random(20_261_121);
        foreach (var type in Types)
        {
            var duplicate = Fact(random, type, 1);
            if (Compensation.Of("t", duplicate) is not { } compensation)
            {
                Assert.True(type is MovementType.CycleCount or MovementType.Correction);
                continue;
            }

            Assert.Equal((duplicate.LocationId, -duplicate.QtyDelta), (compensation.LocationId, compensation.QtyDelta));
            Assert.Null(BrokenRule(duplicate, compensation));
        }
    }

    [Fact]
    public void Ids_follow_from_the_place_of_the_duplicate()
    {
        var fact = Fact(new Random(1), MovementType.Ship, 7);
        Assert.Equal(Compensation.Of("t", fact), Compensation.Of("t", fact));
        var ids = new[] { fact, fact with { Offset = 8 }, fact with { Partition = 1 }, fact with { EventId = "other" } }
            .Select(f => Compensation.Of("t", f)!).Append(Compensation.Of("u", fact)!).Select(c => c.EventId).ToList();
        Assert.Equal(5, ids.Distinct().Count());
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

    private static RejectReason? BrokenRule(LedgerFact duplicate, Compensation compensation)
    {
        var batch = new RecordBatch(1, 512);
        var text = compensation.EventId + duplicate.SkuId + compensation.LocationId + duplicate.EventId;
        batch.Add(0, 0, default, false, Encoding.ASCII.GetBytes(text), true, null);
        var at = batch.Records[0].Value.Start;
        var movement = new Movement
        {
            Type = MovementType.Correction,
            EventTs = duplicate.EventTs,
            IngestTs = duplicate.EventTs,
            QtyDelta = compensation.QtyDelta,
            CountedQty = Movement.Absent,
            EventId = Take(compensation.EventId),
            SkuId = Take(duplicate.SkuId),
            LocationId = Take(compensation.LocationId),
            CounterpartId = Slice.None,
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
