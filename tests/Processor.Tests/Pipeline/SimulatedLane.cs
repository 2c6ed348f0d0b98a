using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Dedupe;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Source;

namespace Stockflow.Tests.Pipeline;

/// <summary>What one process holds of a lane; all of it is gone after a crash but what the store and the ledger have.</summary>
internal sealed class SimulatedLane : IDisposable
{
    private readonly LaneHistory history;
    private readonly ManualTime time;
    private readonly CancellationTokenSource stop = new();
    private readonly IdTable ids = new();
    private readonly DedupeStage dedupe;
    private readonly PositionStage positions;
    private readonly Queue<RecordBatch> undurable = new();
    private long readOffset;
    private int wakes;

    private SimulatedLane(LaneHistory history, FaultyStore store, ILedgerReader ledger, ManualTime time, ResumePoint resume, int cached)
    {
        this.history = history;
        this.time = time;
        Status = new LaneStatus { Topic = "t", Partition = 0, NextOffset = resume.Positions, DurableOffset = resume.History };
        readOffset = resume.Start;
        dedupe = new DedupeStage(new DedupeOptions(), Status, time) { AppliedOffset = resume.Positions };
        var options = new PositionOptions { CachedPositionsPerLane = cached };
        positions = new PositionStage(options, store, ledger, Status, ids, time, NullLogger.Instance) { Wake = () => wakes++ };
    }

    public LaneStatus Status { get; }

    public bool AtEnd => readOffset == history.Log.Count;

    public bool IsDone => AtEnd && undurable.Count == 0 && wakes == 0 && Status.Unsettled == 0;

    public override string ToString() =>
        $"next {Status.NextOffset}, durable {Status.DurableOffset}, read {readOffset} of {history.Log.Count}, {undurable.Count} waiting, {wakes} wakes, {Status.Unsettled} unsettled";

    public static async Task<SimulatedLane> OpenAsync(LaneHistory history, FaultyStore store, ILedgerReader ledger, ManualTime time, long committed, int cached)
    {
        var record = await store.AcquireAsync(0, default);
        var resume = ResumePoint.Find(0, record.NextOffset, committed, 0);
        var lane = new SimulatedLane(history, store, ledger, time, resume, cached);
        lane.positions.Open(record, resume.Positions, lane.stop.Token);
        await foreach (var (bucket, entries) in store.LoadSeenAsync(0, default))
        {
            lane.dedupe.Load(bucket, entries);
        }

        return lane;
    }

    /// <summary>Reads the next records and applies them.</summary>
    public async Task ReadAsync(int count, Action<long, Verdict> verdict)
    {
        if (AtEnd)
        {
            return;
        }

        var batch = new RecordBatch(count, 64) { Lane = Status, Ids = ids };
        for (; batch.Count < count && !AtEnd; readOffset++)
        {
            Add(batch, readOffset);
        }

        dedupe.Apply(batch);
        await ApplyAsync(batch);
        for (var i = 0; i < batch.Count; i++)
        {
            verdict(batch.Records[i].Offset, batch.Verdicts[i]);
        }
    }

    /// <summary>Lets the answers of the ledger in, as the pipeline does when the position stage calls.</summary>
    public async Task WakeAsync()
    {
        for (; wakes > 0; wakes--)
        {
            await ApplyAsync(new RecordBatch(0, 0) { Lane = Status, Ids = ids });
        }
    }

    /// <summary>The history stores the oldest batches, and says so.</summary>
    public void MakeDurable(int batches, Action<long> store)
    {
        while (batches-- > 0 && undurable.TryDequeue(out var batch))
        {
            Write(batch, _ => true, store);
            Status.DurableOffset = Math.Max(Status.DurableOffset, batch.NextOffset);
        }
    }

    /// <summary>Ends without a word; of the inserts that were on their way some rows may have arrived.</summary>
    public void Crash(Random random, Action<long> store)
    {
        stop.Cancel();
        foreach (var batch in undurable)
        {
            Write(batch, _ => random.Next(2) == 0, store);
        }
    }

    public void Dispose() => stop.Dispose();

    private void Write(RecordBatch batch, Func<long, bool> arrives, Action<long> store)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            var offset = batch.Records[i].Offset;
            if (offset >= Status.DurableOffset && batch.Verdicts[i] == Verdict.Accepted && arrives(offset))
            {
                store(offset);
            }
        }
    }

    private async Task ApplyAsync(RecordBatch batch)
    {
        var applying = positions.ApplyAsync(batch, commit =>
        {
            commit.Bucket = dedupe.CurrentBucket();
            dedupe.Expire(commit.ExpiredBuckets);
        }, stop.Token);
        while (!applying.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await applying;
        undurable.Enqueue(batch);
    }

    private void Add(RecordBatch batch, long offset)
    {
        var record = history.Log[(int)offset];
        var i = batch.Count;
        batch.Add(offset, 0, default, false, default, false, null);
        batch.Movements[i] = new Movement
        {
            Fingerprint = SipHash128.Hash(Encoding.UTF8.GetBytes($"event-{record.Event}")),
            Type = record.Type,
            EventTs = record.EventTs,
            QtyDelta = record.Qty,
            CountedQty = record.Type == MovementType.CycleCount ? record.Counted : Movement.Absent,
            Sku = ids.Intern(Encoding.UTF8.GetBytes(LaneHistory.SkuId(record.Sku))),
            Location = ids.Intern(Encoding.UTF8.GetBytes(LaneHistory.LocationId(record.Location))),
            Counterpart = record.Counterpart < 0 ? -1 : ids.Intern(Encoding.UTF8.GetBytes(LaneHistory.LocationId(record.Counterpart))),
            Stocked = record.Stocked,
        };
        if (record.IsBroken)
        {
            batch.Reject(i, "validate", RejectReason.QuantitySign, "broken");
        }
    }
}
