using System.Text;
using Stockflow.Decode;
using Stockflow.Model;
using Stockflow.Tests.Window;
using Xunit;

namespace Stockflow.Tests.Decode;

/// <summary>
/// The one look at a good movement against the rules one by one. A lane that has met no id yet takes nothing at one look, so its verdicts
/// are the rules' own; a lane that has met them all must give the same.
/// </summary>
public sealed class GoodMovementTests
{
    private const long Now = 1_800_000_000_000;
    private const int Batches = 300, Records = 40, KeyBytes = 4096;
    private static readonly string[] Ids =
        ["S1", "SKU-12345678", "SKU-90", "L1", "L2", "STORE-0042", "both", "POS", "WMS", "é", "", " S1", "S1 ", "S\u00011", "a\u007f", "unknown",
         new('n', 64), new('n', 65), new('n', 17), new('n', 16)];

    private int textsEnd;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_lane_that_knows_its_ids_judges_like_one_that_does_not(bool requireKnownIds)
    {
        var options = new DecodeOptions { RequireKnownIds = requireKnownIds, MaximumQuantity = 1000 };
        var random = new Random(5);
        var warm = NewStage(options);
        var warmIds = new IdTable();
        int good = 0, bad = 0;
        for (var round = 0; round < Batches; round++)
        {
            var seed = random.Next();
            var warmBatch = await JudgeAsync(warm, warmIds, seed);
            for (var i = 0; i < Records; i++)
            {
                var cold = await JudgeAsync(NewStage(options), new IdTable(), seed, i);
                CheckSame(warmBatch, i, cold);
                bad += cold.Verdicts[0] == Verdict.DeadLetter ? 1 : 0;
                good += cold.Verdicts[0] == Verdict.Pending ? 1 : 0;
            }
        }

        Assert.InRange(good, Batches * Records / 8, Batches * Records);
        Assert.InRange(bad, Batches * Records / 8, Batches * Records);
    }

    [Fact]
    public void Every_type_and_quantity_is_judged_as_by_the_rules()
    {
        var batch = NewBatch();
        for (var type = 0; type < 14; type++)
        {
            foreach (var quantity in (long[])[-1001, -1000, -1, 0, 1, 1000, 1001])
            {
                textsEnd = KeyBytes;
                foreach (var counted in (long[])[Movement.Absent, -1, 0, 1000, 1001])
                {
                    var movement = Good(batch, "S1", "L1", "POS", "L2") with { Type = (MovementType)type, QtyDelta = quantity, CountedQty = counted };
                    movement.CorrectsEventId = movement.EventId;
                    Check(batch, movement, complete: true);
                }
            }
        }
    }

    [Fact]
    public void Every_id_and_currency_is_judged_as_by_the_rules()
    {
        var batch = NewBatch();
        for (var length = 1; length <= 130; length++)
        {
            for (var at = 0; at < length; at++)
            {
                textsEnd = KeyBytes;
                foreach (var odd in "x \u0001\u001f\u007f\u0080!~")
                {
                    var id = new string('x', length).ToCharArray();
                    id[at] = odd;
                    Check(batch, Good(batch, "S1", "L1", "POS", null) with { EventId = Add(batch, new string(id)) }, complete: length <= 64 && odd < 0x80);
                }
            }
        }

        foreach (var currency in (string[])["", "EUR", "EU", "EURO", "eur", "EU1", "@UR", "E[R", "EU\u0080"])
        {
            Check(batch, Good(batch, "S1", "L1", "POS", null) with { Currency = Add(batch, currency) }, complete: true);
        }
    }

    // Whether the one look may miss a good movement depends on the case; it must never take a bad one.
    private static void Check(RecordBatch batch, Movement movement, bool complete)
    {
        var context = new RuleContext(new DecodeOptions { MaximumQuantity = 1000 }, Now);
        var broken = ValidationRules.All.FirstOrDefault(rule => rule.IsBroken(movement, batch, context));
        var good = GoodMovement.IsGood(movement, batch.Arena, context);
        Assert.False(good && broken is not null, $"taken, though {broken?.Reason} is broken");
        Assert.True(good || broken is not null || !complete, "not taken, though good");
    }

    private static void CheckSame(RecordBatch warm, int i, RecordBatch cold)
    {
        Assert.Equal(cold.Verdicts[0], warm.Verdicts[i]);
        var rejections = warm.Rejections.Where(rejection => rejection.Index == i).Select(rejection => rejection with { Index = 0 });
        Assert.Equal(cold.Rejections, rejections);
        if (cold.Verdicts[0] == Verdict.Pending)
        {
            Assert.Equal(Named(cold, 0), Named(warm, i));
        }
    }

    private static (string?, string?, string?, string?, bool) Named(RecordBatch batch, int i)
    {
        var movement = batch.Movements[i];
        return (Name(movement.Sku), Name(movement.Location), Name(movement.Source), Name(movement.Counterpart), movement.Stocked);

        string? Name(int number) => number < 0 ? null : batch.Ids.Text(number);
    }

    private static ValidateStage NewStage(DecodeOptions options)
    {
        var catalog = new ReferenceCatalog();
        foreach (var id in (string[])["S1", "SKU-12345678", "SKU-90", "both", new('n', 64), new('n', 17), "é"])
        {
            catalog.PutSku(id, stocked: id != "SKU-90");
        }

        foreach (var id in (string[])["L1", "L2", "STORE-0042", "both", new('n', 16)])
        {
            catalog.PutLocation(id);
        }

        // Of two partitions, so that some SKUs are another's.
        return new ValidateStage(options, catalog, _ => Task.CompletedTask, 0, 2, new ManualTime { Now = Now });
    }

    private RecordBatch NewBatch()
    {
        textsEnd = KeyBytes;
        return new RecordBatch(Records, KeyBytes * 16) { Ids = new IdTable(), Lane = new LaneStatus { Topic = "t", Partition = 0 } };
    }

    // The whole batch of a seed, or one record of it.
    private async Task<RecordBatch> JudgeAsync(ValidateStage stage, IdTable ids, int seed, int only = -1)
    {
        var random = new Random(seed);
        var batch = NewBatch();
        batch.Ids = ids;
        for (var i = 0; i < Records; i++)
        {
            var sku = Pick(random, 0, 3);
            var key = random.Next(30) == 0 ? Pick(random, 0, 3) : sku;
            var movement = (Sku: sku, Location: Pick(random, 3, 7), Source: Pick(random, 7, 9), Counterpart: random.Next(3) == 0 ? Pick(random, 3, 7) : null);
            var (hasKey, seedOfFlaws) = (random.Next(60) != 0, random.Next());
            if (only >= 0 && only != i)
            {
                continue;
            }

            batch.Add(batch.Count, Now, Encoding.UTF8.GetBytes(key), hasKey, [], true, null);
            batch.Movements[batch.Count - 1] = Flawed(batch, Good(batch, movement.Sku, movement.Location, movement.Source, movement.Counterpart), new Random(seedOfFlaws));
        }

        await stage.ApplyAsync(batch, CancellationToken.None);
        return batch;
    }

    private static string Pick(Random random, int from, int to) => Ids[random.Next(8) == 0 ? random.Next(Ids.Length) : random.Next(from, to)];

    private Movement Flawed(RecordBatch batch, Movement m, Random random)
    {
        m.Type = (MovementType)random.Next(14);
        m.QtyDelta = m.Type is MovementType.CycleCount ? 0 : m.Type is MovementType.Return or MovementType.Receipt or MovementType.TransferIn or MovementType.Release ? 3 : -3;
        m.CountedQty = m.Type == MovementType.CycleCount ? 5 : Movement.Absent;
        m.CorrectsEventId = m.Type == MovementType.Correction ? m.EventId : Slice.None;
        switch (random.Next(30))
        {
            case 0: m.QtyDelta = random.Next(-1, 2); break;
            case 1: m.QtyDelta = random.Next(2) == 0 ? 1001 : -1001; break;
            case 2: m.CountedQty = random.Next(-1, 1002); break;
            case 3: m.EventTs = Now + 600_000 + random.Next(-1, 2); break;
            case 4: m.IngestTs = Now + 600_000 + random.Next(-1, 2); break;
            case 5: m.EventTs = ValidationRules.EarliestTs + random.Next(-1, 2); break;
            case 6: m.IngestTs = ValidationRules.EarliestTs + random.Next(-1, 2); break;
            case 7: m.UnitPrice = Movement.OutOfRange; break;
            case 8: m.UnitCost = Movement.OutOfRange; break;
            case 9: m.Currency = Add(batch, Ids[random.Next(Ids.Length)]); break;
            case 10: m.EventId = Add(batch, Ids[random.Next(Ids.Length)]); break;
            case 11: m.CorrectsEventId = Slice.None; break;
            case 12: m.ReferenceId = Add(batch, new string('r', random.Next(255, 258))); break;
            case 13: m.CustomerRef = Add(batch, new string('r', random.Next(255, 258))); break;
            case 14: m.Attributes = Map(batch, random.Next(31, 34), random.Next(2)); break;
            case 15: m.EventId = Add(batch, new string('e', random.Next(1, 130))); break;
        }

        return m;
    }

    private Slice Map(RecordBatch batch, int entries, int length)
    {
        var map = new StringBuilder().Append((char)(entries * 2));
        for (var i = 0; i < entries; i++)
        {
            map.Append((char)(length * 2)).Append('k', length).Append('\0');
        }

        return Add(batch, map.Append('\0').ToString());
    }

    private Movement Good(RecordBatch batch, string sku, string location, string source, string? counterpart) => new()
    {
        EventTs = Now - 10,
        IngestTs = Now - 5,
        Type = MovementType.Sale,
        QtyDelta = -1,
        CountedQty = Movement.Absent,
        UnitPrice = 5,
        UnitCost = Movement.Absent,
        Sku = -1,
        Location = -1,
        Counterpart = -1,
        Source = -1,
        Stocked = true,
        EventId = Add(batch, "0f8fad5b-d9cb-469f-a165-70867728950e"),
        SkuId = Add(batch, sku),
        LocationId = Add(batch, location),
        SourceSystem = Add(batch, source),
        ReferenceId = Add(batch, "R-1"),
        Currency = Add(batch, "EUR"),
        PromoId = Slice.None,
        Reason = Slice.None,
        PerformedBy = Slice.None,
        CounterpartId = counterpart is null ? Slice.None : Add(batch, counterpart),
        CorrectsEventId = Slice.None,
        CustomerRef = Slice.None,
        Attributes = Slice.None,
    };

    // Behind the records' own keys, which take less than the first part.
    private Slice Add(RecordBatch batch, string text)
    {
        var slice = new Slice(textsEnd, Encoding.UTF8.GetBytes(text, batch.Arena.AsSpan(textsEnd)));
        textsEnd += slice.Length;
        return slice;
    }
}
