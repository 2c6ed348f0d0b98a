namespace Stockflow.Model;

/// <summary>On-hand of one position as the ledger has it.</summary>
/// <param name="OnHand">Last count by event time plus the deltas after it, units.</param>
/// <param name="LastCountTs">Event time of that count, milliseconds since 1970-01-01 UTC; 0 without one.</param>
/// <param name="LastCountQty">Units of that count.</param>
public readonly record struct LedgerOnHand(long OnHand, long LastCountTs, long LastCountQty);

/// <summary>One position, as of an offset of its lane: the movements with a lower offset count.</summary>
public readonly record struct LedgerQuestion(PositionKey Key, long BeforeOffset);

/// <summary>The history's answers to positions that arrival order has unsettled.</summary>
public interface ILedgerReader
{
    /// <summary>On-hand for each question, in their order, from the movements of one lane. A position may be asked for once a call.</summary>
    /// <exception cref="StoreUnavailableException">The history does not answer.</exception>
    Task<IReadOnlyList<LedgerOnHand>> OnHandAsync(string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token);
}
