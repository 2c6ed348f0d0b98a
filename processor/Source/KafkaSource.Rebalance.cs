using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Source;

/// <content>Partitions that come, go and start again.</content>
public sealed partial class KafkaSource
{
    private List<TopicPartitionOffset> OpenSlots(List<TopicPartition> partitions)
    {
        var starts = new List<TopicPartitionOffset>();
        if (partitions.Count == 0)
        {
            // One member more than there are partitions: connected, and idle until another leaves.
            status.SourceConnected = true;
            return starts;
        }

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

    private void NoteCommitted(CommittedOffsets committed)
    {
        if (committed.Error.IsError)
        {
            logger.OffsetCommitFailed(committed.Error.Reason);
            return;
        }

        foreach (var offset in committed.Offsets)
        {
            if (!offset.Error.IsError && !offset.Offset.IsSpecial && slots.TryGetValue(offset.Partition.Value, out var slot))
            {
                slot.Lane.Status.CommittedOffset = offset.Offset.Value;
            }
        }
    }

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
            .SetErrorHandler((_, e) =>
            {
                status.SourceConnected &= e.Code != ErrorCode.Local_AllBrokersDown;
                logger.KafkaError(e.Reason);
            })
            .SetLogHandler((_, m) => logger.KafkaError(m.Message))
            .SetOffsetsCommittedHandler((_, committed) => NoteCommitted(committed))
            .Build();
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
}
