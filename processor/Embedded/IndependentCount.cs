using System.Numerics;
using Stockflow.Model;

namespace Stockflow.Embedded;

/// <summary>A position as the independent count has it, units.</summary>
public readonly record struct CountedPosition(long OnHand, long Unsellable, long Reserved, long InTransitIn, long InTransitOut);

/// <summary>What a processor must arrive at.</summary>
/// <param name="Produced">Records sent.</param>
/// <param name="Accepted">Distinct good events.</param>
/// <param name="Duplicates">Good events that were sent before.</param>
/// <param name="DeadLetters">Broken records by the reason that each must get.</param>
/// <param name="UnitsByType">Sum of qty_delta of the accepted events by type.</param>
/// <param name="Positions">Every position that an accepted event of a stocked SKU touched.</param>
public sealed record IndependentResult(
    long Produced,
    long Accepted,
    long Duplicates,
    IReadOnlyDictionary<RejectReason, long> DeadLetters,
    IReadOnlyDictionary<MovementType, long> UnitsByType,
    IReadOnlyDictionary<PositionKey, CountedPosition> Positions)
{
    public long DeadLetterCount => DeadLetters.Values.Sum();
}

/// <summary>
/// Says what counts and positions a load must lead to, from the plain facts as they are sent, by another method than the
/// processor's: it keeps every distinct fact and at the end lays each position's facts out in event-time order.
/// It shares no code with the stages. Needs 64 bytes a fact. Not thread-safe.
/// </summary>
public sealed class IndependentCount
{
    private const int ChunkFacts = 1 << 14;
    private readonly GeneratorCatalog catalog;
    private readonly List<Entry[]> chunks = [];
    private readonly long[] flaws = new long[FactFlaws.Kinds + 1];
    private readonly long[] units = new long[MovementTypes.Names.Length];
    private readonly Dictionary<long, (int Sku, long Corrects, long Qty)> corrections = [];
    private ulong[] sent = new ulong[1024];
    private long produced, accepted, duplicates;
    private int used = ChunkFacts;

    public IndependentCount(GeneratorCatalog catalog)
    {
        this.catalog = catalog;
    }

    /// <summary>Takes one record that is sent, repeated ones too.</summary>
    public void Add(in GeneratedFact fact)
    {
        produced++;
        if (fact.Flaw != FactFlaw.None)
        {
            flaws[(int)fact.Flaw]++;
            return;
        }

        var word = fact.Number >> 6;
        if (word >= sent.Length)
        {
            Array.Resize(ref sent, (int)BitOperations.RoundUpToPowerOf2((ulong)word + 1));
        }

        var bit = 1UL << (int)(fact.Number & 63);
        if ((sent[word] & bit) != 0)
        {
            duplicates++;
            return;
        }

        sent[word] |= bit;
        accepted++;
        units[(int)fact.Type] += fact.Qty;
        if (catalog.Stocked[fact.Sku])
        {
            Keep(new Entry(fact.Sku, fact.Location, fact.Counterpart, fact.Type, fact.EventTs, fact.Qty, fact.CountedQty, fact.Number));
            if (fact.Type == MovementType.Correction)
            {
                corrections[fact.Number] = (fact.Sku, fact.Corrects, fact.Qty);
            }
        }
    }

    /// <summary>The count of everything added so far.</summary>
    public IndependentResult Result()
    {
        var reasons = new SortedDictionary<RejectReason, long>();
        for (var flaw = 1; flaw < flaws.Length; flaw++)
        {
            if (flaws[flaw] > 0)
            {
                var reason = FactFlaws.ExpectedReason((FactFlaw)flaw);
                reasons[reason] = reasons.GetValueOrDefault(reason) + flaws[flaw];
            }
        }

        var unitsByType = new SortedDictionary<MovementType, long>();
        for (var type = 0; type < units.Length; type++)
        {
            if (units[type] != 0)
            {
                unitsByType[(MovementType)type] = units[type];
            }
        }

        return new IndependentResult(produced, accepted, duplicates, reasons, unitsByType, Positions());
    }

    private Dictionary<PositionKey, CountedPosition> Positions()
    {
        var changes = Changes();
        var entries = new List<Entry>();
        for (var i = 0; i < chunks.Count; i++)
        {
            foreach (var fact in chunks[i].AsSpan(0, i == chunks.Count - 1 ? used : ChunkFacts))
            {
                if (fact.Type == MovementType.Correction)
                {
                    continue;
                }

                var entry = changes.TryGetValue((fact.Sku, fact.Number), out var change) ? fact with { Qty = fact.Qty + change } : fact;
                entries.Add(entry);
                if (entry.Counterpart >= 0)
                {
                    // The other end of a transfer sees it too, in transit only.
                    entries.Add(entry with { Location = entry.Counterpart, Counterpart = entry.Location, IsOtherEnd = true });
                }
            }
        }

        var positions = new Dictionary<PositionKey, CountedPosition>();
        foreach (var group in entries.GroupBy(entry => (entry.Sku, entry.Location)))
        {
            positions.Add(new PositionKey(catalog.SkuId(group.Key.Sku), catalog.LocationId(group.Key.Location)), Lay(group));
        }

        return positions;
    }

    // What the corrections add to each movement. The load makes amendments only, perhaps of amendments, and none of a count.
    private Dictionary<(int Sku, long Number), long> Changes()
    {
        var changes = new Dictionary<(int, long), long>();
        foreach (var (sku, corrects, qty) in corrections.Values)
        {
            var root = corrects;
            while (corrections.TryGetValue(root, out var next) && next.Sku == sku)
            {
                root = next.Corrects;
            }

            changes[(sku, root)] = changes.GetValueOrDefault((sku, root)) + qty;
        }

        return changes;
    }

    private static CountedPosition Lay(IEnumerable<Entry> facts)
    {
        // At one instant movements come before counts, because a count includes them, and the largest count comes last.
        var inOrder = facts
            .OrderBy(fact => fact.EventTs)
            .ThenBy(fact => fact.Type == MovementType.CycleCount)
            .ThenBy(fact => fact.Counted);
        long onHand = 0, unsellable = 0, reserved = 0, comingIn = 0, goingOut = 0;
        foreach (var fact in inOrder)
        {
            switch (fact.Type)
            {
                case MovementType.TransferOut when fact.IsOtherEnd:
                    comingIn -= fact.Qty;
                    break;
                case MovementType.TransferIn when fact.IsOtherEnd:
                    goingOut -= fact.Qty;
                    break;
                case MovementType.CycleCount:
                    onHand = fact.Counted;
                    break;
                case MovementType.Damage:
                    unsellable -= fact.Qty;
                    break;
                case MovementType.Reserve or MovementType.Release:
                    reserved -= fact.Qty;
                    break;
                case MovementType.Ship:
                    reserved += fact.Qty;
                    onHand += fact.Qty;
                    break;
                case MovementType.TransferOut:
                    goingOut -= fact.Qty;
                    onHand += fact.Qty;
                    break;
                case MovementType.TransferIn:
                    comingIn -= fact.Qty;
                    onHand += fact.Qty;
                    break;
                default:
                    onHand += fact.Qty;
                    break;
            }
        }

        return new CountedPosition(onHand, unsellable, reserved, comingIn, goingOut);
    }

    private void Keep(Entry entry)
    {
        if (used == ChunkFacts)
        {
            chunks.Add(new Entry[ChunkFacts]);
            used = 0;
        }

        chunks[^1][used++] = entry;
    }

    private readonly record struct Entry(
        int Sku, int Location, int Counterpart, MovementType Type, long EventTs, long Qty, long Counted, long Number, bool IsOtherEnd = false);
}
