using Stockflow.Model;

namespace Stockflow.History;

/// <summary>A correction as the ledger has it, with the price and discount that it may carry.</summary>
internal sealed record LedgerCorrection(CorrectionFact Fact, decimal? UnitPrice);

/// <summary>
/// What the corrections of one SKU amount to, the rules of view <c>corrections_resolved</c> for a handful of rows: planning that view
/// takes ClickHouse longer than reading a SKU.
/// </summary>
internal sealed class CorrectionEffects
{
    /// <summary>Steps from a correction to the movement that it is about.</summary>
    private const int MaximumSteps = 16;

    private readonly Dictionary<string, LedgerCorrection> byId = new(StringComparer.Ordinal);
    private readonly HashSet<string> dead;
    private readonly Dictionary<string, LedgerCorrection> voids = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<LedgerCorrection>> amendments = new(StringComparer.Ordinal);
    private readonly List<LedgerCorrection> resolved = [];

    /// <param name="corrections">By rising offset: of one event_id the first counts.</param>
    public CorrectionEffects(IEnumerable<LedgerCorrection> corrections)
    {
        var inOrder = corrections.Where(correction => byId.TryAdd(correction.Fact.EventId, correction)).ToList();

        // A void is taken back by a void in effect that names it. Each round sets right one more step of a chain of voids.
        var targets = inOrder.Where(correction => correction.Fact.Quantity == 0).Select(correction => correction.Fact).ToList();
        dead = new HashSet<string>(StringComparer.Ordinal);
        for (var round = 0; round <= MaximumSteps; round++)
        {
            var next = targets.Where(fact => !dead.Contains(fact.EventId)).Select(fact => fact.Corrects).ToHashSet(StringComparer.Ordinal);
            if (next.SetEquals(dead))
            {
                break;
            }

            dead = next;
        }

        foreach (var correction in inOrder)
        {
            Add(correction);
        }
    }

    /// <summary>All that lead to an event which is no correction, in effect or not, each with the event that it leads to.</summary>
    public IReadOnlyList<LedgerCorrection> Resolved => resolved;

    /// <summary>Corrections that lead nowhere: in a circle, or by too many steps.</summary>
    public List<LedgerCorrection> Unresolved { get; } = [];

    public bool IsEmpty => byId.Count == 0;

    /// <summary>Events whose quantity corrections in effect change.</summary>
    public IReadOnlyCollection<string> Corrected => field ??= voids.Keys.Concat(amendments.Keys).ToHashSet(StringComparer.Ordinal);

    /// <summary>The void in effect on a movement, or null.</summary>
    public LedgerCorrection? VoidOf(string eventId) => voids.GetValueOrDefault(eventId);

    /// <summary>The amendments in effect on a movement, none where it is voided.</summary>
    public IReadOnlyList<LedgerCorrection> AmendmentsOf(string eventId) => voids.ContainsKey(eventId) ? [] : amendments.GetValueOrDefault(eventId) ?? [];

    private void Add(LedgerCorrection correction)
    {
        var path = new List<string> { correction.Fact.Corrects };
        while (path.Count <= MaximumSteps && byId.TryGetValue(path[^1], out var step))
        {
            path.Add(step.Fact.Corrects);
        }

        var root = path[^1];
        correction = correction with { Fact = correction.Fact with { RootId = root } };
        if (byId.ContainsKey(root))
        {
            Unresolved.Add(correction);
            return;
        }

        resolved.Add(correction);
        var through = path.SkipLast(1);
        if (dead.Contains(correction.Fact.EventId) || through.Any(step => dead.Contains(step) || byId[step].Fact.Quantity == 0))
        {
            return;
        }

        if (correction.Fact.Quantity != 0)
        {
            (amendments.TryGetValue(root, out var list) ? list : amendments[root] = []).Add(correction);
        }
        else if (path.Count == 1)
        {
            voids.TryAdd(root, correction);
        }
    }
}
