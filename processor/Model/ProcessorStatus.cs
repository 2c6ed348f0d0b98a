using System.Collections.Concurrent;

namespace Stockflow.Model;

/// <summary>
/// One lane's counters and marks. Each field has one writer, the block that it belongs to; readers may see a value a moment old.
/// Counts are records since the process took the lane.
/// </summary>
public sealed class LaneStatus
{
    public required string Topic { get; init; }

    public required int Partition { get; init; }

    public long Epoch;

    /// <summary>Verdicts on records that this process applied; replayed ones that the store had already are in <see cref="Replayed"/>.</summary>
    public long Read, Accepted, Duplicates, DeadLetters, Late, Replayed;

    /// <summary>Positions that went below zero on-hand.</summary>
    public long NegativeOnHand;

    /// <summary>Late counts that wait for the ledger.</summary>
    public long Unsettled;

    /// <summary>Offset after the last record read from Kafka, applied to the positions, durable in the history, committed to Kafka.</summary>
    public long ReadOffset, NextOffset = -1, DurableOffset = -1, CommittedOffset = -1;

    /// <summary>Offset after the partition's last record, as the broker last said; -1 where unknown.</summary>
    public long EndOffset = -1;

    /// <summary>Milliseconds since 1970-01-01 UTC; 0 before the first event.</summary>
    public long WatermarkTs;

    public bool Paused;

    /// <summary>Records that wait in Kafka, 0 where the end is unknown.</summary>
    public long Lag => Math.Max(0, EndOffset - Math.Max(0, NextOffset));
}

/// <summary>What the process tells about itself: readiness and its lanes.</summary>
public sealed class ProcessorStatus
{
    public ConcurrentDictionary<int, LaneStatus> Lanes { get; } = new();

    public ConcurrentDictionary<RejectReason, long> DeadLetterReasons { get; } = new();

    /// <summary>Whether the last call to the server succeeded; not ready until all three have.</summary>
    public bool SourceConnected, PositionsConnected, HistoryConnected;

    /// <summary>The last reconciliation of the positions, by whichever process; null before the first.</summary>
    public ReconcileResult? Reconciled;

    public bool IsReady => SourceConnected && PositionsConnected && HistoryConnected;
}
