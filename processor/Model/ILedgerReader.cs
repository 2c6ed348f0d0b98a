namespace Stockflow.Model;

/// <summary>
/// Some positions of one SKU, as of an offset of its lane: those at <paramref name="Locations"/>, and those of every movement that a correction
/// from <paramref name="FromOffset"/> on corrects, both ends of a transfer.
/// </summary>
/// <param name="SkuId">The SKU; asked for once a call.</param>
/// <param name="Locations">Locations whose position is wanted in any case.</param>
/// <param name="FromOffset">First offset of the corrections that matter.</param>
/// <param name="BeforeOffset">The records with a lower offset count.</param>
public readonly record struct LedgerQuestion(string SkuId, IReadOnlyList<string> Locations, long FromOffset, long BeforeOffset);

/// <summary>What the ledger says to a <see cref="LedgerQuestion"/>.</summary>
/// <param name="Positions">Positions that have movements.</param>
/// <param name="Awaited">Fingerprints of the events that corrections of this SKU name and that the ledger does not have.</param>
public sealed record LedgerAnswer(IReadOnlyList<StockPosition> Positions, IReadOnlyList<UInt128> Awaited);

/// <summary>The history's answers to positions that only it can tell: after late counts, and after corrections.</summary>
public interface ILedgerReader
{
    /// <summary>An answer for each question, in their order, from the movements of one lane.</summary>
    /// <exception cref="StoreUnavailableException">The history does not answer.</exception>
    Task<IReadOnlyList<LedgerAnswer>> AskAsync(string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token);
}
