namespace Stockflow.Model;

/// <summary>
/// Some positions of one SKU, as of an offset of its lane: those at <paramref name="Locations"/>, and those of every movement that a correction
/// from <paramref name="FromOffset"/> on corrects, both ends of a transfer. Or, much cheaper, what came after <paramref name="Counts"/>, and nothing else.
/// </summary>
/// <param name="SkuId">The SKU; asked for once a call.</param>
/// <param name="Locations">Locations whose position is wanted in any case.</param>
/// <param name="Counts">Counts, one a location, whose later movements are wanted; none where positions are.</param>
/// <param name="FromOffset">First offset of the corrections that matter.</param>
/// <param name="BeforeOffset">The records with a lower offset count.</param>
public readonly record struct LedgerQuestion(string SkuId, IReadOnlyList<string> Locations, IReadOnlyList<LateCount> Counts, long FromOffset, long BeforeOffset);

/// <summary>A count that came after later movements of its position.</summary>
/// <param name="EventTs">Milliseconds since 1970-01-01 UTC.</param>
public readonly record struct LateCount(string LocationId, long EventTs);

/// <summary>What the ledger says to a <see cref="LedgerQuestion"/>.</summary>
/// <param name="Positions">Positions that have movements.</param>
/// <param name="Since">For each of the question's counts the units by which movements after it change on-hand, with what corrections make of them.</param>
/// <param name="Awaited">Fingerprints of the events that corrections of this SKU name and that the ledger does not have; none where counts were asked about.</param>
public sealed record LedgerAnswer(IReadOnlyList<StockPosition> Positions, IReadOnlyList<long> Since, IReadOnlyList<UInt128> Awaited);

/// <summary>The history's answers to positions that only it can tell: after late counts, and after corrections.</summary>
public interface ILedgerReader
{
    /// <summary>An answer for each question, in their order, from the movements of one lane.</summary>
    /// <exception cref="StoreUnavailableException">The history does not answer.</exception>
    Task<IReadOnlyList<LedgerAnswer>> AskAsync(string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token);
}
