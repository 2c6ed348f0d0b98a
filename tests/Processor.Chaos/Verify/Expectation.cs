using Stockflow.Chaos.Load;

namespace Stockflow.Chaos.Verify;

/// <summary>What became of a record, by the names that raw_events uses.</summary>
internal enum Fate
{
    accepted,
    duplicate,
    dead_letter,
}

/// <summary>A position's quantities in units; times in milliseconds since 1970, 0 for none.</summary>
internal readonly record struct ExpectedPosition(
    long OnHand, long Unsellable, long Reserved, long InTransitIn, long InTransitOut, long LastEventTs, long LastCountTs, long LastCountQty);

/// <summary>
/// What the log must lead to, computed from all of it at once: of each event_id the first valid record of its partition counts. A position is
/// its last count by event time, of two at one instant the larger, and all later movements, each as its corrections have left it; sums are over
/// everything else.
/// </summary>
internal sealed class Expectation
{
    private static readonly HashSet<Kind> MoveStock =
        [Kind.SALE, Kind.RETURN, Kind.RECEIPT, Kind.TRANSFER_OUT, Kind.TRANSFER_IN, Kind.ADJUSTMENT, Kind.RTV, Kind.SHIP];

    public Expectation(IReadOnlyList<LogRecord> log)
    {
        var seen = new HashSet<(int, string)>();
        foreach (var record in log)
        {
            var fate = record.Fact.Reject is not null ? Fate.dead_letter
                : seen.Add((record.Partition, record.Fact.EventId)) ? Fate.accepted : Fate.duplicate;
            Records.Add((record.Partition, record.Offset), (record.Fact, fate));
            Accepted += fate == Fate.accepted ? 1 : 0;
            Duplicates += fate == Fate.duplicate ? 1 : 0;
            DeadLetters += fate == Fate.dead_letter ? 1 : 0;
        }

        var own = new Dictionary<(int, string, string), List<Fact>>();
        var legs = new Dictionary<(int, string, string), List<Fact>>();
        var counting = Records.Where(r => r.Value.Fate == Fate.accepted && r.Value.Fact.IsStocked).Select(r => (r.Key.Partition, r.Value.Fact)).ToList();
        foreach (var (partition, fact) in Corrections.WorkIn(counting))
        {
            Add(own, (partition, fact.Sku, fact.Location), fact);
            if (fact.Counterpart is { } other && fact.Kind is Kind.TRANSFER_OUT or Kind.TRANSFER_IN)
            {
                Add(legs, (partition, fact.Sku, other), fact);
            }
        }

        foreach (var key in own.Keys.Union(legs.Keys))
        {
            Positions[key] = Position(own.GetValueOrDefault(key) ?? [], legs.GetValueOrDefault(key) ?? []);
        }

        Movements = own;
    }

    public Dictionary<(int Partition, long Offset), (Fact Fact, Fate Fate)> Records { get; } = [];

    public Dictionary<(int Partition, string Sku, string Location), ExpectedPosition> Positions { get; } = [];

    /// <summary>The accepted movements of each position's own location.</summary>
    public IReadOnlyDictionary<(int Partition, string Sku, string Location), List<Fact>> Movements { get; }

    public long Accepted { get; }

    public long Duplicates { get; }

    public long DeadLetters { get; }

    private static ExpectedPosition Position(List<Fact> own, List<Fact> legs)
    {
        var count = own.Where(f => f.Kind == Kind.CYCLE_COUNT && f.Counted is not null).OrderByDescending(f => f.EventTs).ThenByDescending(f => f.Counted).FirstOrDefault();
        var since = count?.EventTs ?? 0;
        return new ExpectedPosition(
            OnHand: (count?.Counted ?? 0) + own.Where(f => MoveStock.Contains(f.Kind) && f.EventTs > since).Sum(f => f.Quantity),
            Unsellable: -Sum(own, Kind.DAMAGE),
            // A reservation and a release carry the sign of what is left free; a shipment takes its units out of what was held.
            Reserved: -Sum(own, Kind.RESERVE) - Sum(own, Kind.RELEASE) + Sum(own, Kind.SHIP),
            // What a transfer brings arrives here by the other end's TRANSFER_OUT and is received by this end's TRANSFER_IN.
            InTransitIn: -Sum(legs, Kind.TRANSFER_OUT) - Sum(own, Kind.TRANSFER_IN),
            InTransitOut: -Sum(own, Kind.TRANSFER_OUT) - Sum(legs, Kind.TRANSFER_IN),
            LastEventTs: own.Count == 0 ? 0 : own.Max(f => f.EventTs),
            LastCountTs: since,
            LastCountQty: count?.Counted ?? 0);
    }

    private static long Sum(List<Fact> facts, Kind kind) => facts.Where(f => f.Kind == kind).Sum(f => f.Quantity);

    private static void Add(Dictionary<(int, string, string), List<Fact>> map, (int, string, string) key, Fact fact)
    {
        if (!map.TryGetValue(key, out var facts))
        {
            map[key] = facts = [];
        }

        facts.Add(fact);
    }
}
