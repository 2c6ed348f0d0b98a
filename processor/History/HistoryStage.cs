using System.Threading.Tasks.Dataflow;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.History;

/// <summary>
/// Writes the batches of all lanes to ClickHouse, many at a time, and marks them durable in their order. Two inserts may be on their way while
/// the next one is gathered: the end of one leaves a core idle, which the other takes. A row's identity is (topic, partition, offset), so
/// an insert may be repeated in any grouping.
/// </summary>
public sealed class HistoryStage(
    HistoryOptions options, IClickHouse clickHouse, Action<RecordBatch> release, ProcessorStatus status, TimeProvider time, ILogger logger)
{
    /// <summary>Records of a gap that is about to close: new ones may be written beyond it.</summary>
    private const int NarrowGap = 32_768;

    /// <summary>Bytes of records that an insert gathers at most: few records may be large.</summary>
    private const int MaximumBytes = 128 * 1024 * 1024;

    private static readonly TimeSpan RoomPoll = TimeSpan.FromSeconds(1), GatherPoll = TimeSpan.FromMilliseconds(100);

    /// <summary>Without a row for so long an insert goes at once: nothing is gained by waiting.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(500);

    // When an insert ended or one began after a rest: from there on its end is waited for.
    private long lastProgress = time.GetTimestamp();
    private readonly BufferBlock<RecordBatch> input = new(new DataflowBlockOptions { BoundedCapacity = options.WaitingBatches });

    /// <summary>
    /// Takes a batch, waiting for room while ClickHouse answers. Is it away, or without room for too long, the batch is left out: the lane's
    /// positions go on, and the gap is read again from Kafka later. While a gap is wide the new batches are left out too, so that ClickHouse
    /// is given everything once.
    /// </summary>
    public async Task TakeAsync(RecordBatch batch, CancellationToken token)
    {
        var lane = batch.Lane;
        var gap = lane.HistoryGap;
        var closesGap = batch.NextOffset <= lane.HistoryGapEnd;
        status.HistoryHasRoom = input.Count < options.WaitingBatches / 2;
        if (batch.Count > 0 && (((closesGap || gap <= NarrowGap) && input.Post(batch))
            || (gap == 0 && status.HistoryConnected && await WaitForRoomAsync(batch, token))))
        {
            return;
        }

        if (batch.Count > 0)
        {
            lane.Skipped(batch.NextOffset);
        }

        if (gap == 0 && lane.HistoryGap > 0)
        {
            logger.HistorySkips(lane.Partition, batch.FromOffset);
        }

        Traces.End(batch);
        release(batch);
    }

    /// <summary>Writes until <paramref name="token"/> ends; what is not durable by then will be read again.</summary>
    public async Task RunAsync(CancellationToken token)
    {
        var (filling, second, first) = (new Load(release), new Load(release), new Load(release));
        var (former, latter) = (Task.CompletedTask, Task.CompletedTask);
        try
        {
            while (true)
            {
                await GatherAsync(filling, former, token);
                await former;
                (filling, second, first) = (first, filling, second);
                (former, latter) = (latter, WriteAsync(second, latter, token));
            }
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            await Task.WhenAll(former, latter).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // A ClickHouse that is slow holds the lane back for as long as it gets on; one that does not get on is let go.
    private async Task<bool> WaitForRoomAsync(RecordBatch batch, CancellationToken token)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(token);
        var sending = input.SendAsync(batch, gone.Token);
        while (await Task.WhenAny(sending, Task.Delay(RoomPoll, time, token)) != sending)
        {
            if (!status.HistoryConnected || time.GetElapsedTime(lastProgress).TotalSeconds > options.PatienceSeconds)
            {
                await gone.CancelAsync();
            }
        }

        try
        {
            return await sending;
        }
        catch (OperationCanceledException) when (!token.IsCancellationRequested)
        {
            return false;
        }
    }

    // Gathers for the interval, and on for as long as two inserts are under way: a slow ClickHouse gets larger inserts, not waiting lanes.
    private async Task GatherAsync(Load load, Task former, CancellationToken token)
    {
        load.Add(await input.ReceiveAsync(token));
        var enough = Task.WhenAll(former, IntervalAsync(load, token));
        while (load.Rows < options.InsertRows && load.Bytes < MaximumBytes)
        {
            if (input.TryReceive(out var batch))
            {
                load.Add(batch);
                status.HistoryHasRoom = input.Count < options.WaitingBatches / 2;
                continue;
            }

            if (enough.IsCompleted || await Task.WhenAny(enough, input.OutputAvailableAsync(token)) == enough)
            {
                return;
            }
        }
    }

    // A lane that is to be handed over waits for its rows, and its partition stands still meanwhile: for its sake the interval ends at once.
    private async Task IntervalAsync(Load load, CancellationToken token)
    {
        var interval = TimeSpan.FromMilliseconds(options.InsertIntervalMilliseconds);
        var began = time.GetTimestamp();
        var (rows, lastCame) = (load.Rows, began);
        while (Volatile.Read(ref status.Draining) == 0 && time.GetElapsedTime(lastCame) < Quiet && interval - time.GetElapsedTime(began) is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left < GatherPoll ? left : GatherPoll, time, token);
            (rows, lastCame) = load.Rows == rows ? (rows, lastCame) : (load.Rows, time.GetTimestamp());
        }
    }

    private async Task WriteAsync(Load load, Task before, CancellationToken token)
    {
        lastProgress = before.IsCompleted ? time.GetTimestamp() : lastProgress;
        var began = time.GetUtcNow();
        await Task.WhenAll(InsertAsync("raw_events", load.Raw.Block, token), InsertAsync("ledger", load.Ledger.Block, token));
        var ended = time.GetUtcNow();
        await before;
        load.NoteWritten(began, ended);
    }

    // The client has retried what is worth retrying at once; from there on ClickHouse is away, and the history waits for it.
    private async Task InsertAsync(string table, NativeBlockWriter block, CancellationToken token)
    {
        var data = block.Build();
        if (data.Count == 0)
        {
            return;
        }

        for (var wait = TimeSpan.FromSeconds(1); ; wait = TimeSpan.FromSeconds(Math.Min(5, wait.TotalSeconds * 2)))
        {
            var started = time.GetTimestamp();
            try
            {
                await clickHouse.InsertAsync(table, block.ColumnNames, "Native", data, token);
                lastProgress = time.GetTimestamp();
                Metrics.InsertDuration.Record(time.GetElapsedTime(started).TotalSeconds);
                Interlocked.Add(ref status.HistoryRows, block.Rows);
                status.HistoryConnected = true;
                return;
            }
            catch (ClickHouseException e)
            {
                status.HistoryConnected = false;
                Interlocked.Increment(ref status.HistoryFailures);
                logger.HistoryUnavailable(e.Message);
                await Task.Delay(wait, time, token);
            }
        }
    }

    /// <summary>What goes to ClickHouse together. A batch is released as soon as its rows are here.</summary>
    private sealed class Load(Action<RecordBatch> release)
    {
        private readonly List<(LaneStatus Lane, long From, long Next)> stretches = [];
        private readonly List<FollowedEvent> followed = [];

        public LedgerBlock Ledger { get; } = new();

        public RawBlock Raw { get; } = new();

        public int Rows => Raw.Block.Rows;

        public long Bytes { get; private set; }

        public void Add(RecordBatch batch)
        {
            stretches.Add((batch.Lane, batch.FromOffset, batch.NextOffset));
            Bytes += batch.ArenaLength;
            Span<int> rows = stackalloc int[RecordColumns.Stretch], accepted = stackalloc int[RecordColumns.Stretch];
            for (var start = 0; start < batch.Count; start += RecordColumns.Stretch)
            {
                Append(batch, start, Math.Min(batch.Count, start + RecordColumns.Stretch), rows, accepted);
            }

            followed.AddRange(batch.Followed);
            release(batch);
        }

        public void NoteWritten(DateTimeOffset began, DateTimeOffset ended)
        {
            Traces.End(followed, began, ended);
            followed.Clear();
            foreach (var (lane, from, next) in stretches)
            {
                lane.Written(from, next);
            }

            stretches.Clear();
            Bytes = 0;
            Ledger.Block.Clear();
            Raw.Block.Clear();
        }

        private void Append(RecordBatch batch, int from, int until, Span<int> rows, Span<int> accepted)
        {
            var (count, good) = (0, 0);
            var durable = batch.Lane.DurableOffset;
            for (var i = from; i < until; i++)
            {
                if (batch.Records[i].Offset < durable)
                {
                    continue;
                }

                rows[count++] = i;
                if (batch.Verdicts[i] == Verdict.Accepted)
                {
                    accepted[good++] = i;
                }
            }

            Raw.Append(batch, rows[..count]);
            Ledger.Append(batch, accepted[..good]);
        }
    }
}
