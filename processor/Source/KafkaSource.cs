using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Source;

/// <summary>
/// Reads the topic, gathers each partition's records into batches and hands them to that partition's lane. A lane that is full has its
/// partition paused, the others go on; polling never stops. All Kafka calls are made on one thread of its own.
/// </summary>
public sealed class KafkaSource(
    KafkaOptions options, LaneOpener open, BatchPool pool, ProcessorStatus status, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan ServerTimeout = TimeSpan.FromSeconds(15);
    private readonly Dictionary<int, Slot> slots = [];
    private IConsumer<byte[], byte[]> consumer = null!;
    private CancellationToken stopping;
    private Exception? fatal;

    /// <summary>Reads until <paramref name="token"/> ends, then drains the lanes and leaves the group.</summary>
    /// <exception cref="SetupException">The log has lost records that were not read yet, or the client refuses to go on.</exception>
    public Task RunAsync(CancellationToken token)
    {
        stopping = token;
        return Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void Run()
    {
        consumer = Build();
        try
        {
            consumer.Subscribe(options.Topic);
            long nextScan = 0, nextUpkeep = 0;
            while (!stopping.IsCancellationRequested && fatal is null)
            {
                var more = Read(10);
                for (var i = 0; more && i < 1000; i++)
                {
                    more = Read(0);
                }

                var now = Environment.TickCount64;
                if (!more || now >= nextScan)
                {
                    ScanSlots(now);
                    nextScan = now + Math.Max(1, options.BatchLingerMilliseconds / 4);
                }

                if (now >= nextUpkeep)
                {
                    Upkeep();
                    nextUpkeep = now + options.CommitIntervalMilliseconds;
                }
            }
        }
        finally
        {
            status.SourceConnected = false;
            CloseSlots([.. slots.Values]);
            consumer.Close();
            consumer.Dispose();
        }

        if (fatal is not null)
        {
            throw fatal;
        }
    }

    private bool Read(int timeoutMilliseconds)
    {
        try
        {
            if (consumer.Consume(timeoutMilliseconds) is not { } result)
            {
                return false;
            }

            if (slots.TryGetValue(result.Partition.Value, out var slot))
            {
                Gather(slot, result);
            }

            return true;
        }
        catch (ConsumeException e) when (e.Error.Code is ErrorCode.Local_AutoOffsetReset or ErrorCode.OffsetOutOfRange)
        {
            fatal = new SetupException(
                $"Topic {options.Topic}: records were deleted before they were read ({e.Error.Reason}). Nothing was skipped. Restore them, or rebuild from another source before you start again.", e);
            return false;
        }
        catch (ConsumeException e) when (!e.Error.IsFatal)
        {
            logger.KafkaError(e.Error.Reason);
            return false;
        }
        catch (KafkaException e)
        {
            fatal = new SetupException($"Kafka: {e.Error.Reason}", e);
            return false;
        }
    }

    private void Gather(Slot slot, ConsumeResult<byte[], byte[]> result)
    {
        if (slot.Filling is not { } batch)
        {
            slot.Filling = batch = pool.Rent();
            batch.Lane = slot.Lane.Status;
            batch.Ids = slot.Lane.Ids;
            batch.ReadAt = time.GetTimestamp();
            slot.FillingSince = Environment.TickCount64;
        }

        var message = result.Message;
        batch.Add(result.Offset.Value, message.Timestamp.UnixTimestampMs, message.Key, message.Key is not null,
            message.Value, message.Value is not null, Headers(message.Headers));
        slot.Lane.Status.ReadOffset = result.Offset.Value + 1;
        if (batch.IsFull)
        {
            slot.Ready.Enqueue(batch);
            slot.Filling = null;
            Forward(slot);
        }
    }

    private static KeyValuePair<string, byte[]?>[]? Headers(Headers? headers)
    {
        if (headers is not { Count: > 0 })
        {
            return null;
        }

        var copy = new KeyValuePair<string, byte[]?>[headers.Count];
        for (var i = 0; i < copy.Length; i++)
        {
            copy[i] = new(headers[i].Key, headers[i].GetValueBytes());
        }

        return copy;
    }

    private void Forward(Slot slot)
    {
        while (slot.Ready.TryPeek(out var batch))
        {
            // A batch that is posted belongs to the lane.
            var end = batch.NextOffset;
            if (!slot.Lane.TryPost(batch))
            {
                break;
            }

            slot.Ready.Dequeue();
            slot.PostedOffset = end;
        }

        if (slot.Ready.Count > 0 && !slot.Lane.Status.Paused)
        {
            consumer.Pause([slot.Partition]);
            slot.Lane.Status.Paused = true;
        }
    }

    private void ScanSlots(long now)
    {
        foreach (var slot in slots.Values.ToArray())
        {
            if (slot.Lane.Completion.IsCompleted)
            {
                Restart(slot);
                continue;
            }

            // A lane that is busy gains nothing from a small batch behind the one it works on: the batch grows until the lane is free.
            if (slot.Filling is { } batch && now - slot.FillingSince >= options.BatchLingerMilliseconds
                && slot.Lane.Status.NextOffset >= slot.PostedOffset)
            {
                slot.Ready.Enqueue(batch);
                slot.Filling = null;
            }

            Forward(slot);

            // Resuming refills the client's queue from the broker: wait until the lane is nearly empty.
            if (slot.Lane.Status.Paused && slot.Ready.Count == 0 && slot.Lane.Waiting <= 1)
            {
                consumer.Resume([slot.Partition]);
                slot.Lane.Status.Paused = false;
            }
        }
    }

    // A lane ends by itself only with a fault. Where the store lost its tail the lane starts again where the store now stands.
    // Where another processor took the lane it stays shut for a session's time: the group takes the partition away, or leaves it here.
    private void Restart(Slot slot)
    {
        var fault = slot.Lane.Completion.Exception?.GetBaseException();
        if (fault is not LaneLostException lost)
        {
            fatal = fault ?? new InvalidOperationException("A lane ended without being closed.");
            return;
        }

        var now = Environment.TickCount64;
        if (slot.RestartAt == 0)
        {
            logger.LaneRestarts(slot.Partition.Partition, lost.Message);
            consumer.Pause([slot.Partition]);
            slot.RestartAt = now + (lost.Outcome == CommitOutcome.StaleEpoch ? options.SessionTimeoutMilliseconds : 0);
        }

        if (now < slot.RestartAt)
        {
            return;
        }

        var opened = OpenSlots([slot.Partition]);
        if (fatal is null)
        {
            consumer.Seek(opened[0]);
            consumer.Resume([slot.Partition]);
        }
    }

    private void Upkeep()
    {
        foreach (var slot in slots.Values)
        {
            StoreOffset(slot);
            var high = consumer.GetWatermarkOffsets(slot.Partition).High;
            if (high != Offset.Unset)
            {
                slot.Lane.Status.EndOffset = high.Value;
            }
        }
    }

    // What may be committed is in the positions and in the history; a batch in work is in neither.
    private void StoreOffset(Slot slot)
    {
        var lane = slot.Lane.Status;
        var safe = Math.Min(lane.NextOffset, lane.DurableOffset);
        if (safe <= lane.CommittedOffset)
        {
            return;
        }

        try
        {
            consumer.StoreOffset(new TopicPartitionOffset(slot.Partition, safe));
            lane.CommittedOffset = safe;
        }
        catch (KafkaException e)
        {
            logger.OffsetCommitFailed(e.Error.Reason);
        }
    }

    private List<TopicPartitionOffset> OpenSlots(List<TopicPartition> partitions)
    {
        var starts = new List<TopicPartitionOffset>();
        try
        {
            var committed = consumer.Committed(partitions, ServerTimeout);
            var opening = committed.Select(c =>
            {
                var log = consumer.QueryWatermarkOffsets(c.TopicPartition, ServerTimeout);
                return (c.TopicPartition, Log: log, Lane: open(c.Partition.Value, c.Offset.IsSpecial ? -1 : c.Offset.Value, log.Low.Value, stopping));
            }).ToList();
            foreach (var (partition, log, task) in opening)
            {
                // Kafka asks for start offsets inside its callback, which can not wait asynchronously; this thread is the source's own.
                var lane = task.GetAwaiter().GetResult();
                lane.Status.EndOffset = log.High.Value;
                lane.Status.ReadOffset = lane.StartOffset;
                slots[partition.Partition.Value] = new Slot(partition, lane);
                status.Lanes[partition.Partition.Value] = lane.Status;
                starts.Add(new TopicPartitionOffset(partition, lane.StartOffset));
            }

            status.SourceConnected = true;
        }
        catch (KafkaException e)
        {
            fatal = new SetupException($"Kafka: {e.Error.Reason}", e);
        }
        catch (Exception e) when (e is SetupException or StoreUnavailableException or OperationCanceledException)
        {
            fatal = e;
        }

        return starts;
    }

    private void CloseSlots(List<Slot> closing)
    {
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(options.DrainSeconds), time);
        var drains = closing.Select(slot => DrainAsync(slot, bound.Token)).ToArray();
        Task.WhenAll(drains).GetAwaiter().GetResult();
        var offsets = new List<TopicPartitionOffset>();
        foreach (var slot in closing)
        {
            // Also stored, or an automatic commit of the former mark may come after the commit below and take it back.
            StoreOffset(slot);
            slots.Remove(slot.Partition.Partition.Value);
            status.Lanes.TryRemove(new(slot.Partition.Partition.Value, slot.Lane.Status));
            var lane = slot.Lane.Status;
            var safe = Math.Min(lane.NextOffset, lane.DurableOffset);
            if (safe >= 0)
            {
                offsets.Add(new TopicPartitionOffset(slot.Partition, safe));
            }

            logger.LaneClosed(lane.Partition, lane.NextOffset, safe);
        }

        try
        {
            if (offsets.Count > 0)
            {
                consumer.Commit(offsets);
            }
        }
        catch (KafkaException e)
        {
            logger.OffsetCommitFailed(e.Error.Reason);
        }
    }

    private async Task DrainAsync(Slot slot, CancellationToken bound)
    {
        try
        {
            await slot.Lane.DrainAsync(bound);
        }
        catch (OperationCanceledException)
        {
            logger.LaneNotDrained(slot.Lane.Status.Partition, options.DrainSeconds);
        }
        catch (Exception e) when (e is LaneLostException or StoreUnavailableException)
        {
            logger.LaneRestarts(slot.Lane.Status.Partition, e.Message);
        }
        finally
        {
            slot.Lane.Abort();
        }
    }

    private void Lose(List<Slot> lost)
    {
        foreach (var slot in lost)
        {
            slot.Lane.Abort();
            slots.Remove(slot.Partition.Partition.Value);
            status.Lanes.TryRemove(new(slot.Partition.Partition.Value, slot.Lane.Status));
            logger.PlaceLost(slot.Partition.Partition.Value, "the group gave it to another member");
        }
    }

    private List<Slot> Find(IEnumerable<TopicPartitionOffset> partitions) =>
        [.. partitions.Select(p => slots.GetValueOrDefault(p.Partition.Value)).OfType<Slot>()];

    private IConsumer<byte[], byte[]> Build()
    {
        var properties = options.ClientProperties();

        // One fetch at a time goes to a broker. With the client's defaults of 500 and 1000 ms a partition that is resumed waits
        // behind a fetch of others that have nothing new.
        properties.TryAdd("fetch.wait.max.ms", "20");
        properties.TryAdd("fetch.queue.backoff.ms", "20");
        var config = new ConsumerConfig(properties)
        {
            GroupId = options.GroupId,
            GroupInstanceId = options.InstanceId,
            EnableAutoCommit = true,
            EnableAutoOffsetStore = false,
            AutoCommitIntervalMs = options.CommitIntervalMilliseconds,
            AutoOffsetReset = AutoOffsetReset.Error,
            PartitionAssignmentStrategy = PartitionAssignmentStrategy.CooperativeSticky,
            SessionTimeoutMs = options.SessionTimeoutMilliseconds,
            HeartbeatIntervalMs = Math.Min(3000, options.SessionTimeoutMilliseconds / 4),
            EnablePartitionEof = false,
            AllowAutoCreateTopics = false,
        };
        return new ConsumerBuilder<byte[], byte[]>(config)
            .SetPartitionsAssignedHandler((_, partitions) => OpenSlots(partitions))
            .SetPartitionsRevokedHandler((_, partitions) => CloseSlots(Find(partitions)))
            .SetPartitionsLostHandler((_, partitions) => Lose(Find(partitions)))
            .SetErrorHandler((_, e) => logger.KafkaError(e.Reason))
            .SetLogHandler((_, m) => logger.KafkaError(m.Message))
            .SetOffsetsCommittedHandler((_, committed) =>
            {
                if (committed.Error.IsError)
                {
                    logger.OffsetCommitFailed(committed.Error.Reason);
                }
            })
            .Build();
    }

    private sealed class Slot(TopicPartition partition, ILane lane)
    {
        public TopicPartition Partition { get; } = partition;

        public ILane Lane { get; } = lane;

        public Queue<RecordBatch> Ready { get; } = new();

        public RecordBatch? Filling { get; set; }

        public long FillingSince { get; set; }

        /// <summary>Offset after the last record that the lane was given.</summary>
        public long PostedOffset { get; set; } = -1;

        public long RestartAt { get; set; }
    }
}
