using System.Threading.Tasks.Dataflow;
using Stockflow.Avro;
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
    ProcessorOptions Options, IPositionStore Positions, ILedgerReader Ledger, HistoryStage History, ISchemaSource Schemas,
    AvroSchema MovementSchema, DeadLetterWriter DeadLetters, ReferenceCatalog Catalog, Func<CancellationToken, Task> RefreshCatalog,
    ProcessorStatus Status, int Partitions, TimeProvider Time, ILogger Logger);

/// <summary>
/// The whole graph. One lane a partition:
/// <code>source -> decode -> validate -> dedupe -> dead letters -> positions -> history (shared) -> offsets</code>
/// Each block is bounded, works on one batch at a time and keeps the order.
/// </summary>
public sealed class Pipeline(PipelineParts parts)
{
    /// <summary>Opens a lane: takes a new epoch, finds where to start and links the blocks.</summary>
    public async Task<ILane> OpenAsync(int partition, long committed, long earliest, CancellationToken token)
    {
        var options = parts.Options;
        var record = await RetryAsync(partition, () => parts.Positions.AcquireAsync(partition, token), token);
        var resume = ResumePoint.Find(partition, record.NextOffset, committed, earliest);
        var status = NewStatus(partition, record.Epoch, resume);
        parts.Logger.LaneOpened(partition, record.Epoch, resume.Start, resume.Positions, resume.History);

        var lane = new Lane(status, resume.Start);
        var decoder = new DecodeStage(options.Decode, parts.Schemas, parts.MovementSchema, partition, parts.Time, parts.Logger);
        var validator = new ValidateStage(options.Decode, parts.Catalog, parts.RefreshCatalog, partition, parts.Partitions, parts.Time);
        var dedupe = new DedupeStage(options.Dedupe, status, parts.Time) { AppliedOffset = resume.Positions };
        var watermark = new WatermarkStage(options.Window, status);
        var positions = new PositionStage(options.Positions, parts.Positions, parts.Ledger, status, lane.Ids, parts.Time, parts.Logger);
        positions.Open(record, resume.Positions, lane.Stopping);
        watermark.Restore(record.Watermarks);
        var seen = LoadSeenAsync(dedupe, partition, lane.Stopping);

        var decode = Block(batch => decoder.ApplyAsync(batch, lane.Stopping));
        var validate = Block(batch => validator.ApplyAsync(batch, lane.Stopping));
        var dedupeBlock = Block(async batch =>
        {
            await seen;
            dedupe.Apply(batch);
        });
        var deadLetters = Block(batch => parts.DeadLetters.WriteAsync(batch, resume.Positions, lane.Stopping));
        var position = Block(async batch =>
        {
            var from = status.NextOffset;
            watermark.Apply(batch, from);
            await positions.ApplyAsync(batch, commit =>
            {
                commit.Bucket = dedupe.CurrentBucket();
                dedupe.Expire(commit.ExpiredBuckets);
                watermark.Save(commit.Watermarks);
            }, lane.Stopping);
            Tally.Count(batch, status, from);
        });
        positions.Connected = connected => parts.Status.PositionsConnected = connected;
        positions.Wake = () => _ = position.SendAsync(new RecordBatch(0, 0) { Lane = status, Ids = lane.Ids });

        var link = new DataflowLinkOptions { PropagateCompletion = true };
        decode.LinkTo(validate, link);
        validate.LinkTo(dedupeBlock, link);
        dedupeBlock.LinkTo(deadLetters, link);
        deadLetters.LinkTo(position, link);
        position.LinkTo(parts.History.Input);
        lane.Start(decode, position.Completion);
        return lane;

        TransformBlock<RecordBatch, RecordBatch> Block(Func<RecordBatch, ValueTask> stage) => new(
            async batch =>
            {
                await stage(batch);
                return batch;
            },
            new ExecutionDataflowBlockOptions
            {
                BoundedCapacity = options.BatchesPerBlock,
                MaxDegreeOfParallelism = 1,
                EnsureOrdered = true,
                CancellationToken = lane.Stopping,
            });
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
            NextOffset = resume.Positions,
            DurableOffset = resume.History,
            CommittedOffset = resume.History,
        };
    }

    // A load that breaks off starts over: what was loaded already is found again as it is.
    private Task<bool> LoadSeenAsync(DedupeStage dedupe, int partition, CancellationToken token) => RetryAsync(partition, async () =>
    {
        await foreach (var (bucket, entries) in parts.Positions.LoadSeenAsync(partition, token))
        {
            dedupe.Load(bucket, entries);
        }

        return true;
    }, token);

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
