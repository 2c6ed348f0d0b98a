using System.Globalization;
using System.Text;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Source;
using Stockflow.Telemetry;

namespace Stockflow.Commands;

/// <summary>
/// Processes ranges of the past again, into a database and a Redis prefix of their own, by the same pipeline as the live processing, which goes on
/// meanwhile. Before the ranges the shadow is a copy of the live ledger and of the positions that follow from it.
/// </summary>
internal sealed class Replay(ProcessorOptions live, ProcessorOptions shadow, IReadOnlyList<OffsetRange> ranges, IReplayInput input, TextWriter output, TimeProvider time)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20), ProgressInterval = TimeSpan.FromSeconds(5);
    private readonly ProcessorStatus status = new() { SourceConnected = true, PositionsConnected = true, HistoryConnected = true };

    /// <summary>Runs to the end of the ranges.</summary>
    /// <exception cref="SetupException">It can not go on; the shadow must be dropped before another try.</exception>
    public async Task RunAsync(GroupOffsets offsets, CancellationToken token)
    {
        using var loggers = live.Log.CreateFactory();
        var logger = loggers.CreateLogger("Stockflow");
        using var clickHouse = new ClickHouseClient(live.Clickhouse);
        using var target = new ClickHouseClient(shadow.Clickhouse);
        await using var positions = new RedisPositionStore(shadow.Positions, time, logger);
        var ledger = new ShadowLedger(clickHouse, target.Database, live.Kafka.Topic, ranges);
        await new Migrations(target, Migrations.DefaultFolder).ApplyAsync(token);
        await SeedAsync(ledger, clickHouse, positions, offsets, logger, token);

        using var registry = live.Registry.Urls.Length > 0 ? new SchemaRegistryClient(live.Registry, time, logger) : null;
        ISchemaSource schemas = registry is null ? new FolderSchemaSource(SchemaCatalog.DefaultFolder) : registry;
        var pool = new BatchPool(shadow.Kafka.BatchRecords, shadow.Kafka.PooledBytes);
        var history = new HistoryStage(shadow.History, target, pool.Return, status, time, logger);
        var reference = new ReferenceCatalog();
        var referenceStage = new ReferenceStage(schemas, RunCommand.LoadSchema("Sku"), RunCommand.LoadSchema("Location"), RunCommand.LoadSchema("SkuVendor"), reference, time, logger);
        using var referenceReader = new CompactedTopicReader(live.Kafka, [ReferenceStage.SkuTopic, ReferenceStage.LocationTopic],
            (r, t) => referenceStage.ApplyAsync(r.Topic, r.Partition, r.Offset, r.Key, r.Value, t), logger);
        var pipeline = new Pipeline(new PipelineParts(shadow, positions, new LedgerReader(target), history,
            new MovementReaders(shadow.Decode, schemas, RunCommand.LoadSchema("InventoryMovement")), CountDeadLetters, reference, referenceReader.RefreshAsync, status, ranges.Count, time, logger)
        {
            Quarantine = Quarantine.Of(shadow.Quality.Load()),
        });

        using var ends = CancellationTokenSource.CreateLinkedTokenSource(token);
        Task[] background = [history.RunAsync(ends.Token), referenceReader.RunAsync(ends.Token)];
        await await Task.WhenAny([referenceReader.RefreshAsync(token), .. background]);
        var lanes = Parallel.ForEachAsync(ranges.Where(range => range.Length > 0),
            new ParallelOptions { MaxDegreeOfParallelism = 2 * Environment.ProcessorCount, CancellationToken = ends.Token },
            async (range, stop) => await RunLaneAsync(pipeline, pool, range, stop));
        var telling = TellAsync(lanes, token);
        try
        {
            await await Task.WhenAny([lanes, .. background]);
        }
        finally
        {
            await ends.CancelAsync();
            await Task.WhenAll([lanes, telling, .. background]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await ledger.KeepRecordedTimesAsync(token);
        await ledger.FinishAsync(token);
    }

    /// <summary>What the replay's lanes counted.</summary>
    public (long Accepted, long Duplicates, long DeadLetters) Counts() => status.Lanes.Values.Aggregate((0L, 0L, 0L), (sum, lane) =>
        (sum.Item1 + lane.Accepted, sum.Item2 + lane.Duplicates, sum.Item3 + lane.DeadLetters));

    private async Task SeedAsync(ShadowLedger ledger, ClickHouseClient clickHouse, RedisPositionStore positions, GroupOffsets offsets, ILogger logger, CancellationToken token)
    {
        await positions.PinPartitionsAsync(live.Kafka.Topic, ranges.Count, token);
        var begun = ranges.Where(range => range.From > 0).ToList();
        if (begun.Count == 0)
        {
            return;
        }

        await output.WriteLineAsync($"copies the ledger before the ranges, {begun.Sum(range => range.From):N0} offsets");
        await ledger.CopyBeforeAsync(token);
        await using var redis = new RedisRebuild(shadow.Positions, time, logger);
        var seeding = new LaneRebuild(shadow, ranges.Count, offsets, new LedgerSnapshot(clickHouse), redis, positions, TextWriter.Null, time);
        foreach (var range in begun)
        {
            await seeding.RunAsync(range.Partition, range.From, token);
        }
    }

    private async Task RunLaneAsync(Pipeline pipeline, BatchPool pool, OffsetRange range, CancellationToken token)
    {
        var lane = await pipeline.OpenAsync(range.Partition, range.From > 0 ? range.From : -1, range.From, token);
        status.Lanes[range.Partition] = lane.Status;
        try
        {
            var end = range.From;
            await foreach (var batch in input.ReadAsync(range, pool.Rent, token))
            {
                end = batch.NextOffset;
                batch.Lane = lane.Status;
                batch.Ids = lane.Ids;
                await UntilAsync(lane, () => lane.TryPost(batch), token);
            }

            await UntilAsync(lane, () => lane.Status.NextOffset >= end && (lane.Status.DurableOffset >= end || lane.Status.HistoryGap > 0) && lane.Status.Unsettled == 0, token);
            SetupException.ThrowIf(lane.Status.HistoryGap > 0,
                $"ClickHouse was away for more than {shadow.History.PatienceSeconds} s; the replay is not whole. Drop it and start again.");
        }
        finally
        {
            lane.Abort();
        }
    }

    private async Task UntilAsync(ILane lane, Func<bool> condition, CancellationToken token)
    {
        while (!condition())
        {
            if (lane.Completion.IsCompleted)
            {
                await lane.Completion;
            }

            await Task.Delay(Poll, time, token);
        }
    }

    // The live processing has sent them; the shadow's raw events keep verdict and reason.
    private ValueTask CountDeadLetters(RecordBatch batch, CancellationToken token)
    {
        foreach (var rejection in batch.Rejections)
        {
            status.DeadLetterReasons.AddOrUpdate(rejection.Reason, 1, static (_, n) => n + 1);
        }

        return ValueTask.CompletedTask;
    }

    private async Task TellAsync(Task lanes, CancellationToken token)
    {
        var total = ranges.Sum(range => range.Length);
        while (await Task.WhenAny(lanes, Task.Delay(ProgressInterval, time, token)) != lanes && !token.IsCancellationRequested)
        {
            var done = ranges.Sum(range => status.Lanes.TryGetValue(range.Partition, out var lane) ? Math.Max(0, Math.Min(range.To, lane.SafeOffset) - range.From) : 0);
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{done:N0} of {total:N0} offsets"));
        }
    }
}
