using Stockflow.Chaos.Load;

namespace Stockflow.Chaos.Verify;

/// <summary>
/// What movements amount to once corrections are worked in. A correction of 0 units voids the event that it names, any other adds its units to
/// it, a count's counted units included. Events are found within their SKU; what is corrected by a voided correction, or through a void, stays.
/// </summary>
internal static class Corrections
{
    /// <summary>A chain of more steps is not followed.</summary>
    private const int LongestChain = 16;

    public static IEnumerable<(int Partition, Fact Fact)> WorkIn(IReadOnlyCollection<(int Partition, Fact Fact)> facts)
    {
        var children = facts.Where(f => f.Fact.Kind == Kind.CORRECTION).ToLookup(f => (f.Fact.Sku, f.Fact.Corrects!), f => f.Fact);
        foreach (var (partition, fact) in facts.Where(f => f.Fact.Kind != Kind.CORRECTION))
        {
            var isVoid = IsVoid(fact, 1);
            yield return (partition, fact.Kind == Kind.CYCLE_COUNT
                ? fact with { Counted = isVoid ? null : fact.Counted + More(fact, 1) }
                : fact with { Quantity = isVoid ? 0 : fact.Quantity + More(fact, 1) });
        }

        IEnumerable<Fact> Children(Fact fact, int step) => step > LongestChain ? [] : children[(fact.Sku, fact.EventId)];

        bool IsVoid(Fact fact, int step) => Children(fact, step).Any(child => child.Quantity == 0 && !IsVoid(child, step + 1));

        long More(Fact fact, int step) => Children(fact, step).Where(child => child.Quantity != 0 && !IsVoid(child, step + 1))
            .Sum(child => child.Quantity + More(child, step + 1));
    }
}
