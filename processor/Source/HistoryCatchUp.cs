using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Source;

/// <summary>
/// Reads again what lanes have applied and the history lacks, after ClickHouse was away or a process died, and gives it to the lanes beside
/// their new records. Kafka is the buffer: nothing is kept in memory or on disk meanwhile. A consumer without a group, on a thread of its own.
/// </summary>
public sealed class HistoryCatchUp(
    KafkaOptions options, IReadOnlyDictionary<int, ILane> lanes, BatchPool pool, ProcessorStatus status, ILogger logger)
{
    /// <summary>Lanes that catch up at a time, and records of all of them that are read and not yet durable: the bounds on memory.</summary>
    private const int TracksAtATime = 32, RecordsUnderWay = 500_000;

    private const int ScanMilliseconds = 20, LongestWaitMilliseconds = 1000;
    private readonly Dictionary<int, Track> tracks = [];
    private IConsumer<byte[], byte[]> consumer = null!;

    /// <summary>Works until <paramref name="token"/> ends.</summary>
    /// <exception cref="SetupException">The log has lost records that the history still lacks.</exception>
    public Task RunAsync(CancellationToken token) =>
        Task.Factory.StartNew(() => Run(token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Run(CancellationToken token)
    {
        using (consumer = Build())
        {
            long nextScan = 0;
            while (!token.IsCancellationRequested)
            {
                var now = Environment.TickCount64;
                if (now >= nextScan)
                {
                    TryScan(now);
                    nextScan = now + ScanMilliseconds;
                }

                if (tracks.Count == 0)
                {
                    token.WaitHandle.WaitOne(ScanMilliseconds);
                }
                else
                {
                    Read();
                }
            }

            consumer.Close();
        }
    }

    private void TryScan(long now)
    {
        try
        {
            Scan(now);
        }
        catch (KafkaException e) when (!e.Error.IsFatal)
        {
            // The client is not ready for it yet: again with the next scan.
            logger.KafkaError(e.Error.Reason);
        }
    }

    private void Scan(long now)
    {
        foreach (var (partition, lane) in lanes)
        {
            if (tracks.Count < TracksAtATime && !tracks.ContainsKey(partition) && status.HistoryConnected && lane.Status.HistoryGap > 0)
            {
                Begin(partition, lane);
            }
        }

        foreach (var track in tracks.Values.ToArray())
        {
            var lane = track.Lane.Status;
            if (!status.HistoryConnected || lane.HistoryGap == 0 || lane.HistoryRefusals != track.Refusals || track.Lane.Completion.IsCompleted
                || !lanes.TryGetValue(lane.Partition, out var current) || current != track.Lane)
            {
                // Is the gap still open, it is taken up anew from where the history stands.
                End(track);
                continue;
            }

            track.End = lane.HistoryGapEnd;
            Forward(track, now);
        }
    }

    private void Begin(int partition, ILane lane)
    {
        var track = new Track(new TopicPartition(options.Topic, partition), lane) { Next = lane.Status.DurableOffset, End = lane.Status.HistoryGapEnd };
        logger.HistoryCatchesUp(partition, track.Next, track.End);
        consumer.IncrementalAssign([new TopicPartitionOffset(track.Partition, track.Next)]);
        tracks.Add(partition, track);

        // The client remembers that a partition was paused when it is taken up again.
        consumer.Resume([track.Partition]);
    }

    private void End(Track track)
    {
        consumer.IncrementalUnassign([track.Partition]);
        tracks.Remove(track.Partition.Partition.Value);
        foreach (var batch in new[] { track.Filling, track.Ready })
        {
            if (batch is not null)
            {
                pool.Return(batch);
            }
        }
    }

    private void Read()
    {
        try
        {
            if (consumer.Consume(ScanMilliseconds) is { } result && tracks.TryGetValue(result.Partition.Value, out var track)
                && track.Ready is null && result.Offset.Value >= track.Next && result.Offset.Value < track.End)
            {
                Gather(track, result);
            }
        }
        catch (ConsumeException e) when (e.Error.Code is ErrorCode.Local_AutoOffsetReset or ErrorCode.OffsetOutOfRange)
        {
            throw KafkaSource.RecordsGone(options.Topic, e.Error.Reason);
        }
        catch (ConsumeException e) when (!e.Error.IsFatal)
        {
            logger.KafkaError(e.Error.Reason);
        }
    }

    private void Gather(Track track, ConsumeResult<byte[], byte[]> result)
    {
        if (track.Filling is not { } batch)
        {
            track.Filling = batch = pool.Rent();
            batch.Lane = track.Lane.Status;
            batch.Ids = track.Lane.Ids;
            batch.FromOffset = track.Next;
        }

        batch.Add(result);
        track.Next = batch.NextOffset;
        if (batch.IsFull || track.Next >= track.End)
        {
            // Held until the lane has taken the batch: one at a time, so that the lane's new records go on.
            track.Filling = null;
            track.Ready = batch;
            track.ReadySince = Environment.TickCount64;
            consumer.Pause([track.Partition]);
            track.IsPaused = true;
        }
    }

    private void Forward(Track track, long now)
    {
        var underWay = track.Next - track.Lane.Status.DurableOffset;
        var mayPost = status.HistoryHasRoom && underWay <= RecordsUnderWay / Math.Min(TracksAtATime, tracks.Count)
            && (track.Lane.Waiting <= 1 || now - track.ReadySince > LongestWaitMilliseconds);
        if (track.Ready is { } batch && mayPost && track.Lane.TryPostAgain(batch))
        {
            track.Ready = null;
        }

        if (track.IsPaused && track.Ready is null && track.Next < track.End)
        {
            consumer.Seek(new TopicPartitionOffset(track.Partition, track.Next));
            consumer.Resume([track.Partition]);
            track.IsPaused = false;
        }
    }

    private IConsumer<byte[], byte[]> Build() =>
        new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig(options.ConsumerProperties())
        {
            GroupId = options.GroupId + "-history",
            EnableAutoCommit = false,
            AutoOffsetReset = AutoOffsetReset.Error,
            AllowAutoCreateTopics = false,
        })
            .SetErrorHandler((_, e) => logger.KafkaError(e.Reason))
            .SetLogHandler((_, m) => logger.KafkaError(m.Message))
            .Build();

    private sealed class Track(TopicPartition partition, ILane lane)
    {
        public TopicPartition Partition { get; } = partition;

        public ILane Lane { get; } = lane;

        /// <summary>The lane's refusals at the start; another one means that records are missing again.</summary>
        public long Refusals { get; } = lane.Status.HistoryRefusals;

        /// <summary>Offset of the next record to read, and the one after the last.</summary>
        public long Next { get; set; }

        public long End { get; set; }

        public RecordBatch? Filling { get; set; }

        public RecordBatch? Ready { get; set; }

        public long ReadySince { get; set; }

        public bool IsPaused { get; set; }
    }
}
