using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Source;

/// <content>Partitions that come, go and start again.</content>
public sealed partial class KafkaSource
{
    private const int StatisticsMilliseconds = 10_000;

    // Opening a lane asks the broker and the store, which may be away for long: it goes on beside the polling. Until then the partition
    // stands at the log's end, paused as soon as the client has found it.
    private List<TopicPartitionOffset> OpenSlots(List<TopicPartition> partitions)
    {
        // One member more than there are partitions has none: connected, and idle until another leaves.
        status.SourceConnected = true;
        var places = FindPlaces(partitions);
        foreach (var partition in partitions)
        {
            var slot = new Slot(partition);
            slot.Opening = OpenLaneAsync(slot, places);
            slots[slot.Number] = slot;
            latest = null;
        }

        return partitions.ConvertAll(p => new TopicPartitionOffset(p, Offset.End));
    }

    // It uses the client, which must not be closed under it.
    private Task<Dictionary<int, Place>> FindPlaces(List<TopicPartition> partitions)
    {
        var places = FindPlacesAsync(partitions);
        asking = Task.WhenAll(asking, places);
        return places;
    }

    private async Task<Dictionary<int, Place>> FindPlacesAsync(List<TopicPartition> partitions)
    {
        while (true)
        {
            try
            {
                return await OwnThreads.RunAsync(() => consumer.Committed(partitions, ServerTimeout).ToDictionary(c => c.Partition.Value, c =>
                {
                    ended.ThrowIfCancellationRequested();
                    var log = consumer.QueryWatermarkOffsets(c.TopicPartition, ServerTimeout);
                    return new Place(c.Offset.IsSpecial ? -1 : c.Offset.Value, log.Low.Value, log.High.Value);
                }));
            }
            catch (KafkaException e) when (!e.Error.IsFatal)
            {
                logger.KafkaError(e.Error.Reason);
                await Task.Delay(TimeSpan.FromSeconds(1), time, ended);
            }
        }
    }

    private async Task<ILane> OpenLaneAsync(Slot slot, Task<Dictionary<int, Place>> places)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(ended, slot.Abandoned);
        var place = (await places.WaitAsync(ends.Token))[slot.Number];
        var lane = await open(slot.Number, place.Committed, place.Earliest, ends.Token);
        lane.Status.EndOffset = place.End;
        lane.Status.ReadOffset = lane.StartOffset;
        return lane;
    }

    private void Attach(Slot slot)
    {
        try
        {
            if (!slot.IsStarted)
            {
                // The client keeps a partition paused that was so when it was taken away, and would never find the log's end.
                consumer.Resume([slot.Partition]);
                slot.IsStarted = true;
            }

            if (!slot.IsPlaced)
            {
                return;
            }

            if (!slot.IsPaused)
            {
                consumer.Pause([slot.Partition]);
                slot.IsPaused = true;
            }

            if (!slot.Opening.IsCompleted)
            {
                return;
            }

            if (slot.Opening.Exception?.GetBaseException() is { } fault)
            {
                fatal = fault is KafkaException k ? new SetupException($"Kafka: {k.Error.Reason}", k) : fault;
                return;
            }

            if (slot.Opening.IsCanceled)
            {
                return;
            }

            var lane = slot.Opening.GetAwaiter().GetResult();
            consumer.Seek(new TopicPartitionOffset(slot.Partition, lane.StartOffset));
            consumer.Resume([slot.Partition]);
            slot.IsPaused = false;
            slot.Attach(lane);
            Lanes[slot.Number] = lane;
            status.Lanes[slot.Number] = lane.Status;
        }
        catch (KafkaException e)
        {
            // The client is not ready for it yet: again with the next scan.
            logger.KafkaError(e.Error.Reason);
        }
    }

    private void CloseSlots(List<Slot> closing)
    {
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(options.DrainSeconds), time);
        Task.WhenAll(closing.Select(slot => DrainAsync(slot, bound.Token))).GetAwaiter().GetResult();
        var offsets = new List<TopicPartitionOffset>();
        foreach (var slot in closing)
        {
            if (slot.Lane?.Status is { } lane)
            {
                // Also stored, or an automatic commit of the former mark may come after the commit below and take it back.
                StoreOffset(slot, lane);
                if (lane.SafeOffset > lane.CommittedOffset)
                {
                    offsets.Add(new TopicPartitionOffset(slot.Partition, lane.SafeOffset));
                }

                logger.LaneClosed(lane.Partition, lane.NextOffset, lane.SafeOffset);
            }

            Remove(slot);
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
        if (slot.Lane is not { } lane)
        {
            return;
        }

        try
        {
            await lane.DrainAsync(bound);
        }
        catch (OperationCanceledException)
        {
            logger.LaneNotDrained(slot.Number, options.DrainSeconds);
        }
        catch (Exception e) when (e.GetBaseException() is LaneLostException or StoreUnavailableException)
        {
            // Another owner has gone on, or the store stands further back: the next owner finds out where.
            NoteFenced(slot.Number, e.GetBaseException());
            logger.LaneRestarts(slot.Number, e.GetBaseException().Message);
        }
        catch (Exception e)
        {
            fatal ??= e.GetBaseException();
        }
    }

    private void Lose(List<Slot> lost)
    {
        foreach (var slot in lost)
        {
            Remove(slot);
            logger.PlaceLost(slot.Number, "the group gave it to another member");
        }
    }

    private void Remove(Slot slot)
    {
        slots.Remove(slot.Number);
        latest = null;
        Lanes.TryRemove(slot.Number, out _);
        status.Lanes.TryRemove(slot.Number, out _);
        slot.Detach(pool);
        slot.Dispose();
    }

    private List<Slot> Find(IEnumerable<TopicPartitionOffset> partitions) =>
        [.. partitions.Select(p => slots.GetValueOrDefault(p.Partition.Value)).OfType<Slot>()];

    // A lane ends by itself only with a fault. Where the store lost its tail the lane starts again where the store now stands.
    // Where another processor took the lane it stays shut for a session's time: the group takes the partition away, or leaves it here.
    private void Restart(Slot slot, ILane lane)
    {
        var fault = lane.Completion.Exception?.GetBaseException();
        if (fault is not LaneLostException lost)
        {
            fatal = fault ?? new InvalidOperationException("A lane ended without being closed.");
            return;
        }

        logger.LaneRestarts(slot.Number, lost.Message);
        NoteFenced(slot.Number, lost);
        Lanes.TryRemove(slot.Number, out _);
        slot.Detach(pool);
        var wait = lost.Outcome == CommitOutcome.StaleEpoch ? options.SessionTimeoutMilliseconds : 0;
        slot.Opening = ReopenAsync(slot, TimeSpan.FromMilliseconds(wait));
    }

    private void NoteFenced(int partition, Exception fault)
    {
        if (fault is LaneLostException { Outcome: CommitOutcome.StaleEpoch })
        {
            status.Fenced.AddOrUpdate((options.Topic, partition), 1, static (_, count) => count + 1);
        }
    }

    private async Task<ILane> ReopenAsync(Slot slot, TimeSpan wait)
    {
        await Task.Delay(wait, time, slot.Abandoned);
        return await OpenLaneAsync(slot, FindPlaces([slot.Partition]));
    }

    private void NoteCommitted(CommittedOffsets committed)
    {
        if (committed.Error.IsError)
        {
            logger.OffsetCommitFailed(committed.Error.Reason);
            return;
        }

        foreach (var offset in committed.Offsets)
        {
            if (!offset.Error.IsError && !offset.Offset.IsSpecial && slots.GetValueOrDefault(offset.Partition.Value)?.Lane is { } lane)
            {
                lane.Status.CommittedOffset = offset.Offset.Value;
            }
        }
    }

    private IConsumer<byte[], byte[]> Build()
    {
        var config = new ConsumerConfig(options.ConsumerProperties())
        {
            GroupId = options.GroupId,
            GroupInstanceId = options.InstanceId,
            EnableAutoCommit = true,
            EnableAutoOffsetStore = false,
            AutoCommitIntervalMs = options.CommitIntervalMilliseconds,
            AutoOffsetReset = AutoOffsetReset.Error,
            PartitionAssignmentStrategy = options.Assignor,
            SessionTimeoutMs = options.SessionTimeoutMilliseconds,
            HeartbeatIntervalMs = Math.Min(3000, options.SessionTimeoutMilliseconds / 4),
            EnablePartitionEof = true,
            AllowAutoCreateTopics = false,
            StatisticsIntervalMs = StatisticsMilliseconds,
        };
        return new ConsumerBuilder<byte[], byte[]>(config)
            .SetPartitionsAssignedHandler((_, partitions) => Watched(() =>
            {
                status.Rebalances++;
                return OpenSlots(partitions);
            }))
            .SetPartitionsRevokedHandler((_, partitions) => Watched(() => CloseSlots(Find(partitions))))
            .SetPartitionsLostHandler((_, partitions) => Watched(() => Lose(Find(partitions))))
            .SetErrorHandler((_, e) =>
            {
                status.SourceConnected &= e.Code != ErrorCode.Local_AllBrokersDown;
                logger.KafkaError(e.Reason);
            })
            .SetLogHandler((_, m) => logger.KafkaError(m.Message))
            .SetStatisticsHandler((_, json) => status.Kafka = KafkaStatistics.Read(json) ?? status.Kafka)
            .SetOffsetsCommittedHandler((_, committed) => NoteCommitted(committed))
            .Build();
    }

    // The client keeps what a handler throws for its own Consume(), which is not called.
    private T Watched<T>(Func<T> handler)
    {
        try
        {
            return handler();
        }
        catch (Exception e)
        {
            fatal ??= e;
            throw;
        }
    }

    private void Watched(Action handler) => Watched(() =>
    {
        handler();
        return true;
    });

    /// <summary>What the broker knows of a partition; <see cref="Committed"/> is -1 where the group has nothing.</summary>
    private readonly record struct Place(long Committed, long Earliest, long End);
}
