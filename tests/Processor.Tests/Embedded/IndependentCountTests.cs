using Stockflow.Embedded;
using Stockflow.Model;
using Xunit;

namespace Stockflow.Tests.Embedded;

public sealed class IndependentCountTests
{
    private static readonly GeneratorOptions Options = new() { Events = 40_000, Skus = 25, Locations = 5, Seed = 11, InvalidShare = 0.02 };
    private static readonly GeneratorCatalog Catalog = new(Options);

    [Fact]
    public void Produced_is_accepted_plus_duplicates_plus_dead_letters()
    {
        var result = Count(GeneratorTests.Facts(Options));
        Assert.Equal(Options.Events, result.Produced);
        Assert.Equal(result.Produced, result.Accepted + result.Duplicates + result.DeadLetterCount);
        Assert.True(result.Duplicates > 0);
        Assert.True(result.DeadLetterCount > 0);
    }

    [Fact]
    public void Positions_equal_those_of_a_brute_force_over_all_facts()
    {
        var facts = GeneratorTests.Facts(Options);
        var result = Count(facts);
        var distinct = facts.Where(fact => fact.Flaw == FactFlaw.None && Catalog.Stocked[fact.Sku]).DistinctBy(fact => fact.Number).ToList();
        var corrections = distinct.Where(fact => fact.Type == MovementType.Correction).ToLookup(fact => fact.Corrects, fact => fact.Qty);
        Assert.NotEmpty(corrections);
        var sound = distinct.Where(fact => fact.Type != MovementType.Correction).Select(fact => fact with { Qty = fact.Qty + corrections[fact.Number].Sum() }).ToList();
        var keys = sound.Select(fact => (fact.Sku, fact.Location))
            .Concat(sound.Where(fact => fact.Counterpart >= 0).Select(fact => (fact.Sku, fact.Counterpart))).ToHashSet();
        Assert.Equal(keys.Count, result.Positions.Count);
        foreach (var (sku, location) in keys)
        {
            var expected = BruteForce(sound, sku, location);
            Assert.Equal(expected, result.Positions[new PositionKey(Catalog.SkuId(sku), Catalog.LocationId(location))]);
        }
    }

    [Fact]
    public void The_order_of_arrival_changes_no_position()
    {
        var facts = GeneratorTests.Facts(Options);
        var inOrder = Count(facts).Positions;
        var shuffled = facts.ToArray();
        new Random(5).Shuffle(shuffled);
        var result = Count(shuffled).Positions;
        Assert.Equal(inOrder.Count, result.Count);
        Assert.All(inOrder, position => Assert.Equal(position.Value, result[position.Key]));
    }

    [Fact]
    public void A_count_includes_the_movements_of_its_instant_and_the_larger_of_two_counts_holds()
    {
        var result = Count([
            Fact(1, MovementType.Sale, 100, -2),
            Fact(2, MovementType.CycleCount, 100, 0, counted: 7),
            Fact(3, MovementType.CycleCount, 100, 0, counted: 9),
            Fact(4, MovementType.Receipt, 99, 50),
            Fact(5, MovementType.Sale, 101, -1),
        ]);
        Assert.Equal(8, Assert.Single(result.Positions).Value.OnHand);
    }

    [Fact]
    public void Each_type_moves_what_it_should()
    {
        var result = Count([
            Fact(1, MovementType.Receipt, 1, 100),
            Fact(2, MovementType.Damage, 2, -3),
            Fact(3, MovementType.Reserve, 3, -10),
            Fact(4, MovementType.Release, 4, 4),
            Fact(5, MovementType.Ship, 5, -5),
            Fact(6, MovementType.TransferOut, 6, -20, counterpart: 2),
            Fact(7, MovementType.TransferIn, 7, 15, location: 2, counterpart: 1),
            Fact(7, MovementType.TransferIn, 7, 15, location: 2, counterpart: 1),
        ]);
        Assert.Equal(1, result.Duplicates);
        Assert.Equal(new CountedPosition(75, 3, 1, 0, 5), result.Positions[new PositionKey(Catalog.SkuId(0), Catalog.LocationId(1))]);
        Assert.Equal(new CountedPosition(15, 0, 0, 5, 0), result.Positions[new PositionKey(Catalog.SkuId(0), Catalog.LocationId(2))]);
    }

    private static CountedPosition BruteForce(List<GeneratedFact> facts, int sku, int location)
    {
        long countTs = long.MinValue, counted = 0;
        foreach (var fact in facts)
        {
            if (fact.Sku == sku && fact.Location == location && fact.Type == MovementType.CycleCount
                && (fact.EventTs > countTs || (fact.EventTs == countTs && fact.CountedQty > counted)))
            {
                (countTs, counted) = (fact.EventTs, fact.CountedQty);
            }
        }

        long onHand = counted, unsellable = 0, reserved = 0, comingIn = 0, goingOut = 0;
        foreach (var fact in facts)
        {
            if (fact.Sku != sku)
            {
                continue;
            }

            if (fact.Location == location)
            {
                if (fact.EventTs > countTs && fact.Type is not (MovementType.Damage or MovementType.Reserve or MovementType.Release))
                {
                    onHand += fact.Qty;
                }

                unsellable -= fact.Type == MovementType.Damage ? fact.Qty : 0;
                reserved += fact.Type is MovementType.Reserve or MovementType.Release ? -fact.Qty : fact.Type == MovementType.Ship ? fact.Qty : 0;
                goingOut += fact.Type == MovementType.TransferOut ? -fact.Qty : 0;
                comingIn -= fact.Type == MovementType.TransferIn ? fact.Qty : 0;
            }
            else if (fact.Counterpart == location)
            {
                comingIn += fact.Type == MovementType.TransferOut ? -fact.Qty : 0;
                goingOut -= fact.Type == MovementType.TransferIn ? fact.Qty : 0;
            }
        }

        return new CountedPosition(onHand, unsellable, reserved, comingIn, goingOut);
    }

    private static IndependentResult Count(IEnumerable<GeneratedFact> facts)
    {
        var count = new IndependentCount(Catalog);
        foreach (var fact in facts)
        {
            count.Add(in fact);
        }

        return count.Result();
    }

    private static GeneratedFact Fact(long number, MovementType type, long ts, long qty, long counted = -1, int location = 1, int counterpart = -1) => new()
    {
        Number = number,
        Type = type,
        EventTs = ts,
        Qty = qty,
        CountedQty = counted,
        Location = location,
        Counterpart = counterpart,
        Corrects = -1,
        Promotion = -1,
    };
}
