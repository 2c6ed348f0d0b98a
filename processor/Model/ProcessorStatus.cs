using System.Collections.Concurrent;

namespace Stockflow.Model;

/// <summary>
/// One lane's counters and marks. Each field has one writer, the block that it belongs to; readers may see a value a moment old.
/// Counts are records since the process took the lane.
/// </summary>
public sealed class LaneStatus
{
    private readonly Lock gate = new();
    private long durable = -1, gapEnd, headEnd;

    public required string Topic { get; init; }

    public required int Partition { get; init; }

    public long Epoch;

    /// <summary>Verdicts on records that this process applied; replayed ones that the store had already are in <see cref="Replayed"/>.</summary>
    public long Read, Accepted, Duplicates, DeadLetters, Late, Replayed;

    /// <summary>Positions that went below zero on-hand.</summary>
    public long NegativeOnHand;

    /// <summary>SKUs with late counts or corrections that wait for the ledger.</summary>
    public long Unsettled;

    /// <summary>Events that corrections name and that have not come yet.</summary>
    public long Held;

    /// <summary>Event ids that are remembered.</summary>
    public long Fingerprints;

    /// <summary>How long the last commit to the store took, seconds.</summary>
    public double CommitSeconds;

    /// <summary>The broker's timestamp of the last record applied, and when the lane had caught up last; milliseconds since 1970-01-01 UTC.</summary>
    public long AppliedTs, CaughtUpTs;

    /// <summary>Offset after the last record read from Kafka, applied to the positions, committed to Kafka.</summary>
    public long ReadOffset, NextOffset = -1, CommittedOffset = -1;

    /// <summary>Offset after the partition's last record, as the broker last said; -1 where unknown.</summary>
    public long EndOffset = -1;

    /// <summary>As in <see cref="LaneMarks"/>; not in the store yet for a moment.</summary>
    public long WatermarkTs, CloseTs;

    /// <summary>The lane's sources; the array is replaced, never changed.</summary>
    public SourceStatus[] Sources = [];

    /// <summary>Whether the partition is held back, and whether because the lane is ahead of the others in event time.</summary>
    public bool Paused, Aligning;

    /// <summary>Batches of the gap that the history had no room for: they must be read once more.</summary>
    public long HistoryRefusals;

    /// <summary>Offset up to which the history has every record.</summary>
    public long DurableOffset
    {
        get => Volatile.Read(ref durable);
        init => durable = value;
    }

    /// <summary>Offset after the last record that must be read again for the history; up to <see cref="DurableOffset"/> there is none.</summary>
    public long HistoryGapEnd
    {
        get => Volatile.Read(ref gapEnd);
        init => gapEnd = value;
    }

    /// <summary>Records that the positions have and the history must still be given.</summary>
    public long HistoryGap => Math.Max(0, HistoryGapEnd - DurableOffset);

    /// <summary>What may be committed: everything below it is in the positions and in the history.</summary>
    public long SafeOffset => Math.Min(NextOffset, DurableOffset);

    /// <summary>Sources that hold the watermark back no more, because nothing of them was there for long.</summary>
    public int IdleSources => Sources.Count(source => source.IsIdle);

    /// <summary>Records that wait in Kafka, 0 where the end is unknown.</summary>
    public long Lag => Math.Max(0, EndOffset - Math.Max(0, NextOffset));

    /// <summary>
    /// Age of the records that wait, seconds; 0 where none does. The oldest one is not known until it is read: it came after the last one
    /// applied, and after the lane had caught up.
    /// </summary>
    public double LagSeconds(long nowTs) => Lag == 0 ? 0 : Math.Max(0, nowTs - Math.Max(AppliedTs, CaughtUpTs)) / 1000.0;

    /// <summary>
    /// The history has the records of [<paramref name="from"/>, <paramref name="to"/>). Stretches beyond the gap come in order and without
    /// holes, because whatever is left out moves the gap's end; so they count as soon as the gap is closed.
    /// </summary>
    public void Written(long from, long to)
    {
        lock (gate)
        {
            if (from <= durable)
            {
                durable = Math.Max(durable, to);
            }
            else if (from >= gapEnd)
            {
                headEnd = Math.Max(headEnd, to);
            }

            if (durable >= gapEnd)
            {
                durable = Math.Max(durable, headEnd);
            }
        }
    }

    /// <summary>The history was not given the records up to <paramref name="to"/>.</summary>
    public void Skipped(long to)
    {
        lock (gate)
        {
            if (to <= gapEnd)
            {
                HistoryRefusals++;
                return;
            }

            // What was written beyond the gap is written once more, which changes nothing.
            gapEnd = to;
            headEnd = 0;
        }
    }
}

/// <summary>One source_system of a lane.</summary>
public sealed class SourceStatus(string name)
{
    /// <summary>The source_system, or <c>other</c> for all beyond the number that is told apart: the least of their watermarks, the sum of their counts.</summary>
    public string Name { get; } = name;

    /// <summary>Milliseconds since 1970-01-01 UTC. Goes back when an idle source comes back with older events; the lane's does not.</summary>
    public long WatermarkTs;

    /// <summary>Accepted records with an event time below the lane's watermark.</summary>
    public long Late;

    /// <summary>Those of them whose hour was past its allowed lateness: where it is closed, it is restated.</summary>
    public long TooLate;

    public bool IsIdle;
}

/// <summary>What the process tells about itself: readiness and its lanes.</summary>
public sealed class ProcessorStatus
{
    public ConcurrentDictionary<int, LaneStatus> Lanes { get; } = new();

    public ConcurrentDictionary<RejectReason, long> DeadLetterReasons { get; } = new();

    /// <summary>The stages of a lane in their order.</summary>
    public StageStatus[] Stages { get; } = [.. new[] { "decode", "validate", "dedupe", "dead_letters", "positions", "history" }.Select(name => new StageStatus(name))];

    public StageStatus Stage(string name) => Array.Find(Stages, stage => stage.Name == name) ?? throw new ArgumentException($"There is no stage {name}.", nameof(name));

    /// <summary>Writes that the position store refused because another process has taken the lane.</summary>
    public ConcurrentDictionary<(string Topic, int Partition), long> Fenced { get; } = new();

    /// <summary>Times that the group's partitions were dealt out anew.</summary>
    public long Rebalances;

    /// <summary>What the Kafka client tells about its brokers; null before it first does.</summary>
    public KafkaUsage? Kafka;

    /// <summary>What Redis tells about itself; null before the first look and where there is none.</summary>
    public RedisUsage? Redis;

    /// <summary>What ClickHouse tells about its tables; empty where another process looks.</summary>
    public IReadOnlyList<TableUsage> Tables = [];

    /// <summary>Whether the last call to the server succeeded.</summary>
    public bool SourceConnected, PositionsConnected, HistoryConnected;

    /// <summary>The least of the marks of all partitions, whichever process has them, milliseconds since 1970-01-01 UTC; 0 while a lane's are unknown.</summary>
    public long GlobalWatermarkTs, GlobalCloseTs;

    /// <summary>Closed hours.</summary>
    public CloseStatus Close { get; } = new();

    /// <summary>The last reconciliation of the positions, by whichever process; null before the first.</summary>
    public ReconcileResult? Reconciled;

    /// <summary>Lanes with movements of commands that Kafka does not have yet, of whatever process; and movements that this process sent.</summary>
    public long Outboxes, Forwarded;

    /// <summary>Transfers with open units that are older than the setting; -1 before the first look.</summary>
    public long UnmatchedTransfers = -1;

    /// <summary>How long an event_id is remembered at least, seconds.</summary>
    public double HorizonSeconds;

    /// <summary>Rows that ClickHouse took, and inserts that it did not take at once.</summary>
    public long HistoryRows, HistoryFailures;

    /// <summary>Events that were followed by a trace.</summary>
    public long Followed;

    /// <summary>Latest results of the quality rules; empty where another process evaluates them. The array is replaced, never changed.</summary>
    public QualityResult[] Quality = [];

    /// <summary>Events in quarantine; -1 where another process counts them.</summary>
    public long Quarantined = -1;

    /// <summary>Whether the history could take a few batches at once.</summary>
    public bool HistoryHasRoom = true;

    /// <summary>Lanes that end once the history has what they read.</summary>
    public int Draining;

    /// <summary>Lanes whose positions are gone from the store and wait for <c>processor rebuild</c>.</summary>
    public ConcurrentDictionary<int, bool> AwaitingRebuild { get; } = new();

    /// <summary>Whether positions are kept up to date and can be read. The history may lag behind: it is read again from Kafka.</summary>
    public bool IsReady => SourceConnected && PositionsConnected && AwaitingRebuild.IsEmpty;
}
