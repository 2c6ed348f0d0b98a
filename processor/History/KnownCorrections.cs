using Stockflow.Model;

namespace Stockflow.History;

/// <summary>A row of the ledger that a correction names. Counterpart is empty for all but transfers.</summary>
internal sealed record RootRow(string EventId, string Topic, int Partition, long Offset, long EventTs, string LocationId, string Counterpart);

/// <summary>The corrections of one SKU that are known at a time, and the rows that they are about.</summary>
/// <param name="effects">What they amount to.</param>
/// <param name="rows">By rising offset; an event_id may stand in several.</param>
internal sealed class KnownCorrections(CorrectionEffects effects, IReadOnlyList<RootRow> rows)
{
    private readonly ILookup<string, RootRow> byEvent = rows.ToLookup(row => row.EventId, StringComparer.Ordinal);

    /// <summary>Corrections of events that are not known, and those that lead nowhere.</summary>
    public IEnumerable<LedgerCorrection> Held =>
        effects.Resolved.Where(correction => !byEvent.Contains(correction.Fact.RootId)).Concat(effects.Unresolved);

    /// <summary>Events at or to a location whose quantity corrections in effect change.</summary>
    public IReadOnlyCollection<string> Corrected(string locationId, long at) =>
        [.. rows.Where(row => Touches(row, locationId, at) && On(row.EventId).Count > 0).Select(row => row.EventId).Distinct(StringComparer.Ordinal)];

    /// <summary>Corrections in effect on movements at or to a location.</summary>
    public IEnumerable<LedgerCorrection> InEffect(string locationId, long at) =>
        rows.Where(row => Touches(row, locationId, at)).Select(row => row.EventId).Distinct(StringComparer.Ordinal)
            .SelectMany(On);

    /// <summary>Corrections in effect on a movement.</summary>
    public IReadOnlyList<LedgerCorrection> On(string eventId) => effects.VoidOf(eventId) is { } made ? [made] : effects.AmendmentsOf(eventId);

    /// <summary>A movement with what corrections add to it, each as an entry of its own behind it; a corrected count is one entry.</summary>
    public IEnumerable<LedgerEntry> Entries(LedgerEntry movement)
    {
        var isVoided = effects.VoidOf(movement.EventId);
        var amendments = effects.AmendmentsOf(movement.EventId);
        if (movement.Counted is { } counted)
        {
            var last = isVoided ?? (amendments.Count > 0 ? amendments[^1] : null);
            return
            [
                last is null ? movement : movement with
                {
                    Counted = isVoided is null ? counted + amendments.Sum(correction => correction.Fact.Quantity) : null,
                    EffectOf = last.Fact.EventId,
                    Corrects = last.Fact.Corrects,
                },
            ];
        }

        if (isVoided is not null)
        {
            return [movement, Effect(movement, isVoided) with { Quantity = -movement.Quantity, UnitPrice = movement.UnitPrice }];
        }

        var first = byEvent[movement.EventId].FirstOrDefault();
        return amendments.Count == 0 || first is null || (first.Topic, first.Partition, first.Offset) != (movement.Topic, movement.Partition, movement.Offset)
            ? [movement]
            : [movement, .. amendments.OrderBy(a => a.Fact.EventId, StringComparer.Ordinal).Select(correction => Effect(movement, correction))];
    }

    private static LedgerEntry Effect(LedgerEntry movement, LedgerCorrection correction) => movement with
    {
        Quantity = correction.Fact.Quantity,
        UnitPrice = correction.UnitPrice ?? movement.UnitPrice,
        RecordedTs = correction.Fact.RecordedTs,
        EffectOf = correction.Fact.EventId,
        Corrects = correction.Fact.Corrects,
    };

    private static bool Touches(RootRow row, string locationId, long at) =>
        row.EventTs <= at && (row.LocationId == locationId || row.Counterpart == locationId);
}
