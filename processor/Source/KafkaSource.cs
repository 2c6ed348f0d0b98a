using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Source;

/// <summary>
/// Reads the topic, gathers each partition's records into batches and hands them to that partition's lane. A lane that is full has its
/// partition paused, the others go on; polling never stops. All Kafka calls are made on one thread of its own.
/// </summary>
public sealed partial class KafkaSource(
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

    private void Upkeep()
    {
        if (!status.SourceConnected && slots.Count > 0)
        {
            Probe(slots.Values.First().Partition);
        }

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

    // The client says when no broker answers, and not when one does again.
    private void Probe(TopicPartition partition)
    {
        try
        {
            consumer.QueryWatermarkOffsets(partition, TimeSpan.FromSeconds(1));
            status.SourceConnected = true;
        }
        catch (KafkaException)
        {
            // Still away; the client has logged it.
        }
    }

    // What may be committed is in the positions and in the history; a batch in work is in neither.
    private void StoreOffset(Slot slot)
    {
        var lane = slot.Lane.Status;
        var safe = Math.Min(lane.NextOffset, lane.DurableOffset);
        if (safe <= slot.StoredOffset)
        {
            return;
        }

        try
        {
            consumer.StoreOffset(new TopicPartitionOffset(slot.Partition, safe));
            slot.StoredOffset = safe;
        }
        catch (KafkaException e)
        {
            logger.OffsetCommitFailed(e.Error.Reason);
        }
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

        /// <summary>What the client will commit next; committed only when the broker has said so.</summary>
        public long StoredOffset { get; set; } = lane.Status.CommittedOffset;

        public long RestartAt { get; set; }
    }
}
