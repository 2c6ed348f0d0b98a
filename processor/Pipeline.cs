using System.Threading.Tasks.Dataflow;
using Stockflow.Decode;
using Stockflow.Dedupe;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Source;
using Stockflow.Telemetry;
using Stockflow.Window;

namespace Stockflow;

/// <summary>What the lanes of one process share.</summary>
public sealed record PipelineParts(
    ProcessorOptions Options, IPositionStore Positions, ILedgerReader Ledger, HistoryStage History, MovementReaders Readers,
    Func<RecordBatch, CancellationToken, ValueTask> WriteDeadLetters, ReferenceCatalog Catalog, Func<CancellationToken, Task> RefreshCatalog,
    ProcessorStatus Status, int Partitions, TimeProvider Time, ILogger Logger)
{
    /// <summary>Computes a lane anew from the ledger as of the committed offset; null where an operator does it.</summary>
    public Func<int, CancellationToken, Task>? Rebuild { get; init; }

    /// <summary>What quality rules hold back; null where none does.</summary>
    public Quarantine? Quarantine { get; init; }
}

/// <summary>
/// The whole graph. One lane a partition:
/// <code>
/// source -> decode -> validate -> dedupe -> dead letters -> positions -> history (shared) -> offsets
///   ^ what the history missed is read again from Kafka                    | ClickHouse away
/// </code>
/// Each block is bounded, works on one batch at a time and keeps the order.
/// </summary>
public sealed class Pipeline(PipelineParts parts)
{
    private static readonly OwnThreads Threads = new("lanes", Environment.ProcessorCount);

    /// <summary>Opens a lane: takes a new epoch, finds where to start and links the blocks.</summary>
    public async Task<ILane> OpenAsync(int partition, long committed, long earliest, CancellationToken token)
    {
        var options = parts.Options;
        SetupException.ThrowIf(partition >= parts.Partitions,
            $"Topic {options.Kafka.Topic} has more partitions than the {parts.Partitions} that its positions were built with: keys would change lanes. See 'More partitions' in processor/README.md.");
        var record = await AcquireAsync(partition, committed, token);
        var resume = ResumePoint.Find(partition, record.NextOffset, committed, earliest);
        var status = NewStatus(partition, record.Epoch, resume);
        parts.Logger.LaneOpened(partition, record.Epoch, resume.Positions, resume.History);

        var lane = new Lane(status, parts.Status, resume.Positions);
        var decoder = new DecodeStage(options.Decode, parts.Readers, partition, parts.Time, parts.Logger);
        var validator = new ValidateStage(options.Decode, parts.Catalog, parts.RefreshCatalog, partition, parts.Partitions, parts.Time, parts.Quarantine);
        var dedupe = new DedupeStage(options.Dedupe, status, parts.Time) { JudgedOffset = resume.Positions };
        var watermark = new WatermarkStage(options.Window, status, parts.Time);
        var positions = new PositionStage(options.Positions, parts.Positions, parts.Ledger, status, lane.Ids, parts.Time, parts.Logger);
        positions.Open(record, resume.Positions, lane.Stopping);
        watermark.Restore(record.Watermarks, record.Marks);
        var seen = LoadSeenAsync(dedupe, lane);

        var decode = Block("decode", batch =>
        {
            Interlocked.Add(ref parts.Status.Followed, Traces.Follow(batch));
            return decoder.ApplyAsync(batch, lane.Stopping);
        });
        var validate = Block("validate", batch => validator.ApplyAsync(batch, lane.Stopping));
        var dedupeBlock = Block("dedupe", async batch =>
        {
            await seen;
            dedupe.Apply(batch);
        });
        var deadLetters = Block("dead_letters", batch => parts.WriteDeadLetters(batch, lane.Stopping));
        var position = Block("positions", async batch =>
        {
            var from = status.NextOffset;
            watermark.Apply(batch, from);
            await positions.ApplyAsync(batch, commit =>
            {
                commit.Bucket = dedupe.Store(commit.Seen);
                dedupe.Expire(commit.ExpiredBuckets);
                watermark.Save(commit);
            }, lane.Stopping);
            Tally.Count(batch, status, from);
        });
        positions.Connected = connected => parts.Status.PositionsConnected = connected;
        positions.Wake = () => lane.Check();
        StageClock handOver = null!;
        var history = new ActionBlock<RecordBatch>(
            async batch => Note("history", await handOver.RunAsync(batch, taken => new ValueTask(parts.History.TakeAsync(taken, lane.Stopping)))), Options());
        handOver = parts.Status.Stage("history").Start(parts.Time, () => history.InputCount, static () => 0, history.Completion);

        var link = new DataflowLinkOptions { PropagateCompletion = true };
        decode.LinkTo(validate, link);
        validate.LinkTo(dedupeBlock, link);
        dedupeBlock.LinkTo(deadLetters, link);
        deadLetters.LinkTo(position, link);
        position.LinkTo(history, link);
        lane.Start(decode, position, history.Completion);
        return lane;

        TransformBlock<RecordBatch, RecordBatch> Block(string name, Func<RecordBatch, ValueTask> work)
        {
            var stage = parts.Status.Stage(name);
            StageClock clock = null!;
            var block = new TransformBlock<RecordBatch, RecordBatch>(
                async batch =>
                {
                    var rejections = batch.Rejections.Count;
                    using var trace = Traces.Enter(batch, name);
                    Note(name, await clock.RunAsync(batch, work));
                    stage.Refuse(batch.Rejections.Count - rejections);
                    return batch;
                },
                Options());
            clock = stage.Start(parts.Time, () => block.InputCount, () => block.OutputCount, block.Completion);
            return block;
        }

        ExecutionDataflowBlockOptions Options() => new()
        {
            BoundedCapacity = options.BatchesPerBlock,
            MaxDegreeOfParallelism = 1,

            // After each batch the thread looks what else there is to do: a stage with many batches does not hold up the next one's.
            MaxMessagesPerTask = 1,
            EnsureOrdered = true,
            CancellationToken = lane.Stopping,
            TaskScheduler = Threads,
        };
    }

    private static void Note(string stage, TimeSpan took) => Metrics.StageDuration.Record(took.TotalSeconds, new KeyValuePair<string, object?>("stage", stage));

    // A store that outlives the process and has nothing of a lane that the group has committed has lost its data. Reading again from the
    // start of the log would show wrong positions for as long as it takes, so the lane is rebuilt from the ledger before it goes on.
    private async Task<LaneRecord> AcquireAsync(int partition, long committed, CancellationToken token)
    {
        try
        {
            while (true)
            {
                var record = await RetryAsync(partition, () => parts.Positions.AcquireAsync(partition, token), token);
                if (record.NextOffset >= 0 || committed < 0 || !parts.Positions.OutlivesProcess)
                {
                    return record;
                }

                if (parts.Status.AwaitingRebuild.TryAdd(partition, true))
                {
                    parts.Logger.AwaitsRebuild(partition, committed);
                }

                await TryRebuildAsync(partition, token);
                await Task.Delay(TimeSpan.FromSeconds(1), parts.Time, token);
            }
        }
        finally
        {
            parts.Status.AwaitingRebuild.TryRemove(partition, out _);
        }
    }

    private async Task TryRebuildAsync(int partition, CancellationToken token)
    {
        try
        {
            await (parts.Rebuild?.Invoke(partition, token) ?? Task.CompletedTask);
        }
        catch (Exception e) when (e is SetupException or StoreUnavailableException)
        {
            parts.Logger.RebuildFailed(partition, e.Message);
        }
    }

    // Counters go on over a lane's restart, so that a rate over them stays true.
    private LaneStatus NewStatus(int partition, long epoch, ResumePoint resume)
    {
        parts.Status.Lanes.TryGetValue(partition, out var former);
        return new LaneStatus
        {
            Topic = parts.Options.Kafka.Topic,
            Partition = partition,
            Epoch = epoch,
            Read = former?.Read ?? 0,
            Accepted = former?.Accepted ?? 0,
            Duplicates = former?.Duplicates ?? 0,
            DeadLetters = former?.DeadLetters ?? 0,
            Late = former?.Late ?? 0,
            Replayed = former?.Replayed ?? 0,
            Sources = former?.Sources ?? [],
            NextOffset = resume.Positions,
            DurableOffset = resume.History,
            HistoryGapEnd = resume.Positions,
            CommittedOffset = resume.History,
            CaughtUpTs = parts.Time.GetUtcNow().ToUnixTimeMilliseconds(),
        };
    }

    // A load that breaks off starts over: what was loaded already is found again as it is. A store that lost its tail meanwhile shows it by
    // having lost the epoch too; without this look, records that it had applied would be recalled as duplicates.
    private async Task LoadSeenAsync(DedupeStage dedupe, Lane lane)
    {
        var partition = lane.Status.Partition;
        var isOwner = await RetryAsync(partition, async () =>
        {
            await foreach (var (bucket, entries) in parts.Positions.LoadSeenAsync(partition, lane.Stopping))
            {
                dedupe.Load(bucket, entries);
            }

            return await parts.Positions.IsOwnerAsync(partition, lane.Status.Epoch, lane.Stopping);
        }, lane.Stopping);
        LaneLostException.ThrowUnless(isOwner ? CommitOutcome.Applied : CommitOutcome.StaleEpoch, partition);
    }

    private async Task<T> RetryAsync<T>(int partition, Func<Task<T>> call, CancellationToken token)
    {
        while (true)
        {
            try
            {
                return await call();
            }
            catch (StoreUnavailableException e)
            {
                parts.Status.PositionsConnected = false;
                parts.Logger.PositionsUnavailable(partition, e.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), parts.Time, token);
            }
        }
    }
}
