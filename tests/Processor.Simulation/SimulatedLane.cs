using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Dedupe;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Source;
using Stockflow.Window;

namespace Stockflow.Simulation;

/// <summary>One lane of one process: the real stages, one behind the other with bounded queues between, as the pipeline links them.</summary>
internal sealed class SimulatedLane
{
    private readonly Scenario scenario;
    private readonly World world;
    private readonly SimulatedProcess process;
    private readonly SimulatedHistory history;
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource end = new();
    private readonly IdTable ids = new();
    private readonly Channel<RecordBatch> judging = Channel.CreateBounded<RecordBatch>(2);
    private readonly Channel<RecordBatch> rejecting = Channel.CreateBounded<RecordBatch>(2);
    private readonly Channel<RecordBatch> applying = Channel.CreateBounded<RecordBatch>(2);
    private readonly Channel<RecordBatch> taking = Channel.CreateBounded<RecordBatch>(2);
    private readonly LaneRecord record;
    private readonly ResumePoint resume;
    private readonly DedupeStage dedupe;
    private readonly PositionStage positions;
    private readonly WatermarkStage watermark;
    private bool isDraining;

    private SimulatedLane(Scenario scenario, SimulatedProcess process, SimulatedHistory history, LaneRecord record, long committed)
    {
        this.scenario = scenario;
        this.process = process;
        this.history = history;
        world = scenario.World;
        this.record = record;
        resume = ResumePoint.Find(0, record.NextOffset, committed, 0);
        Status = new LaneStatus { Topic = "t", Partition = 0, Epoch = record.Epoch, NextOffset = resume.Positions, DurableOffset = resume.History, HistoryGapEnd = scenario.Mutant == Mutant.NoGap ? resume.History : resume.Positions };
        ReadOffset = scenario.Mutant == Mutant.StartAtCommit && committed >= 0 ? committed : resume.Positions;
        var options = scenario.Plan.ShortHorizon
            ? new DedupeOptions { HorizonHours = Expectation.HorizonSeconds / 3600.0, BucketSeconds = Expectation.BucketSeconds }
            : new DedupeOptions();
        dedupe = new DedupeStage(options, Status, process.Clock) { JudgedOffset = resume.Positions };
        var cached = scenario.Plan.SmallCache ? 2 : 1000;
        positions = new PositionStage(
            new PositionOptions { CachedPositionsPerLane = cached }, process, process, Status, ids, process.Clock, NullLogger.Instance)
        {
            Wake = Check,
        };
        positions.Open(record, resume.Positions, stop.Token);
        watermark = new WatermarkStage(new WindowOptions { BoundSeconds = 0, AllowedLatenessSeconds = 0 }, Status, process.Clock);
        watermark.Restore(record.Watermarks, record.Marks);
    }

    public LaneStatus Status { get; }

    public long ReadOffset { get; private set; }

    /// <summary>Ends with the fault that ended the lane; never by itself.</summary>
    public Task Completion => end.Task;

    /// <summary>What may be committed to Kafka.</summary>
    public long SafeOffset => scenario.Mutant == Mutant.CommitBeforeDurable ? Status.NextOffset : Status.SafeOffset;

    /// <summary>Takes a new epoch and starts.</summary>
    public static async Task<SimulatedLane> OpenAsync(Scenario scenario, SimulatedProcess process, SimulatedHistory history)
    {
        var broker = scenario.Broker;
        var committed = await RetryAsync(process, () => process.CallAsync(broker, "committed", () => broker.Committed));
        LaneRecord record;
        while ((record = await RetryAsync(process, () => process.AcquireAsync(0, default))).NextOffset < 0 && committed >= 0)
        {
            scenario.World.Count("waits for a rebuild");
            await process.WaitAsync(TimeSpan.FromSeconds(1), default);
        }

        var lane = new SimulatedLane(scenario, process, history, record, committed);
        scenario.World.Say(process.Name, $"opens the lane with epoch {record.Epoch}: reads from {lane.ReadOffset}, next {record.NextOffset}, committed {committed}");
        scenario.World.Count("lanes opened");
        scenario.World.Begin(lane.ReadAsync);
        scenario.World.Begin(lane.JudgeAsync);
        scenario.World.Begin(lane.RejectAsync);
        scenario.World.Begin(lane.ApplyAsync);
        scenario.World.Begin(lane.TakeAsync);
        scenario.World.Begin(lane.CheckIdleAsync);
        scenario.World.Begin(new SimulatedCatchUp(scenario.World, process, history, lane, lane.stop.Token).RunAsync);
        return lane;
    }

    /// <summary>Reads no more, and waits until all that was read is durable.</summary>
    public async Task DrainAsync(CancellationToken bound)
    {
        isDraining = true;
        while (Status.DurableOffset < ReadOffset && Status.HistoryGap == 0 && history.IsConnected)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), process.Clock, bound);
            if (end.Task.IsCompleted)
            {
                return;
            }
        }
    }

    public void Abort() => stop.Cancel();

    /// <summary>Gives the lane records that it has applied before; false if it is full.</summary>
    public bool TryPostAgain(RecordBatch batch) => judging.Writer.TryWrite(batch);

    /// <summary>Reads records of the log.</summary>
    public RecordBatch Read(long from, int count)
    {
        var batch = new RecordBatch(count, 64) { Lane = Status, Ids = ids, FromOffset = from };
        while (batch.Count < count)
        {
            Add(batch, from + batch.Count);
        }

        return batch;
    }

    private static async Task<T> RetryAsync<T>(SimulatedProcess process, Func<Task<T>> call)
    {
        while (true)
        {
            try
            {
                return await call();
            }
            catch (Exception e) when (e is StoreUnavailableException or NoAnswerException)
            {
                await process.WaitAsync(TimeSpan.FromSeconds(1), default);
            }
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            while (!isDraining)
            {
                await process.WaitAsync(world.Between(1, 50), stop.Token);
                if (isDraining || ReadOffset >= scenario.Broker.End)
                {
                    continue;
                }

                var count = (int)Math.Min(scenario.Broker.End - ReadOffset, world.Random.Next(1, 9));
                var batch = Read(ReadOffset, count);
                ReadOffset = batch.NextOffset;
                world.Count("batches");
                await judging.Writer.WriteAsync(batch, stop.Token);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The lane was aborted.
        }
    }

    // Where there is no room, the batches before it do its work.
    private void Check() => applying.Writer.TryWrite(new RecordBatch(0, 0) { Lane = Status, Ids = ids });

    private async Task CheckIdleAsync()
    {
        try
        {
            while (true)
            {
                await process.WaitAsync(TimeSpan.FromSeconds(5), stop.Token);
                Check();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The lane was aborted.
        }
    }

    private Task JudgeAsync()
    {
        var loading = RetryAsync(process, LoadAsync);
        return StageAsync(judging, rejecting, async batch =>
        {
            await loading;
            dedupe.JudgedOffset = scenario.Mutant == Mutant.NoRecall ? 0 : dedupe.JudgedOffset;
            dedupe.Apply(batch);
        });
    }

    // Fingerprints that were loaded from a store which has gone back since the acquire are not those of the records below the lane's offset.
    private async Task<bool> LoadAsync()
    {
        await foreach (var (bucket, entries) in process.LoadSeenAsync(0, stop.Token))
        {
            dedupe.Load(bucket, entries);
        }

        var isOwner = scenario.Mutant == Mutant.NoCheckAfterLoad || await process.IsOwnerAsync(0, record.Epoch, stop.Token);
        LaneLostException.ThrowUnless(isOwner ? CommitOutcome.Applied : CommitOutcome.StaleEpoch, 0);
        return true;
    }

    private Task RejectAsync() => StageAsync(rejecting, applying, async batch =>
    {
        for (var i = 0; i < batch.Count; i++)
        {
            var offset = batch.Records[i].Offset;
            if (batch.Verdicts[i] == Verdict.DeadLetter && offset >= batch.JudgedOffset)
            {
                await RetryAsync(process, () => process.CallAsync(scenario.Broker, "dead letter", () => scenario.Broker.DeadLetters.Add(offset)));
            }
        }
    });

    private Task TakeAsync() => StageAsync(taking, null, batch => history.TakeAsync(batch, stop.Token));

    private Task ApplyAsync() => StageAsync(applying, taking, async batch =>
    {
        var from = Status.NextOffset;
        watermark.Apply(batch, from);
        await positions.ApplyAsync(batch, commit =>
        {
            commit.Bucket = dedupe.Store(commit.Seen);
            dedupe.Expire(commit.ExpiredBuckets);
            watermark.Save(commit);
        }, stop.Token);
        if (batch.Count > 0)
        {
            world.Say(process.Name, $"has applied {batch.Records[0].Offset}..{batch.NextOffset}, next was {from}");
        }
    });

    private async Task StageAsync(Channel<RecordBatch> input, Channel<RecordBatch>? output, Func<RecordBatch, Task> work)
    {
        try
        {
            while (true)
            {
                var batch = await input.Reader.ReadAsync(stop.Token);
                await process.WaitAsync(world.Between(0, scenario.Plan.StageMilliseconds), stop.Token);
                await work(batch);
                if (output is not null)
                {
                    await output.Writer.WriteAsync(batch, stop.Token);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The lane was aborted.
        }
        catch (LaneLostException e)
        {
            world.Say(process.Name, $"loses the lane: {e.Outcome}");
            stop.Cancel();
            end.TrySetException(e);
        }
    }

    private void Add(RecordBatch batch, long offset)
    {
        var record = scenario.History.Log[(int)offset];
        var i = batch.Count;
        scenario.Expectation.Read(offset, world.Now);
        batch.Add(offset, 0, default, false, Encoding.UTF8.GetBytes(LaneHistory.EventId(record.Corrects)), true, null);
        batch.Movements[i] = new Movement
        {
            CorrectsEventId = batch.Records[i].Value,
            Fingerprint = scenario.History.Fingerprint(offset),
            Type = record.Type,
            EventTs = record.EventTs,
            QtyDelta = record.Qty,
            CountedQty = record.Type == MovementType.CycleCount ? record.Counted : Movement.Absent,
            Sku = ids.Intern(Encoding.UTF8.GetBytes(LaneHistory.SkuId(record.Sku))),
            Location = ids.Intern(Encoding.UTF8.GetBytes(LaneHistory.LocationId(record.Location))),
            Counterpart = record.Counterpart < 0 ? -1 : ids.Intern(Encoding.UTF8.GetBytes(LaneHistory.LocationId(record.Counterpart))),
            Stocked = record.Stocked,
            Source = ids.Intern("POS"u8),
        };
        if (record.IsBroken || (record.IsUncertain && world.Random.Next(2) == 0))
        {
            batch.Reject(i, "validate", RejectReason.QuantitySign, "broken");
        }
    }
}
