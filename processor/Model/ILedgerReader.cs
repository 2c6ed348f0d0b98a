namespace Stockflow.Model;

/// <summary>On-hand of one position as the ledger has it.</summary>
/// <param name="OnHand">Last count by event time plus the deltas after it, units.</param>
/// <param name="LastCountTs">Event time of that count, milliseconds since 1970-01-01 UTC; 0 without one.</param>
/// <param name="LastCountQty">Units of that count.</param>
public readonly record struct LedgerOnHand(long OnHand, long LastCountTs, long LastCountQty);

/// <summary>The history's answer to a position that arrival order has unsettled.</summary>
public interface ILedgerReader
{
    /// <summary>On-hand from the movements of one lane with an offset below <paramref name="beforeOffset"/>.</summary>
    Task<LedgerOnHand> OnHandAsync(string topic, int partition, PositionKey key, long beforeOffset, CancellationToken token);
}
