using System.Collections.Concurrent;
using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Source;

/// <summary>
/// Reads the topic, gathers each partition's records into batches and hands them to that partition's lane. A lane that is full has its
/// partition paused, and so has one that is too far ahead in event time; the others go on; polling never stops. The consumer is polled on one thread of its own.
/// </summary>
public sealed partial class KafkaSource(
    KafkaOptions options, LaneOpener open, BatchPool pool, ProcessorStatus status, TimeProvider time, ILogger logger)
{
    private const int IdleCheckMilliseconds = 5000;

    /// <summary>A turn takes so many records at most; after one that found fewer the thread rests, because the client would wake it for each partition's fetch.</summary>
    private const int TurnRecords = 2048, RestMilliseconds = 10;

    private static readonly TimeSpan ServerTimeout = TimeSpan.FromSeconds(5);
    private readonly Dictionary<int, Slot> slots = [];
    private IConsumer<byte[], byte[]> consumer = null!;
    private Task asking = Task.CompletedTask;
    private CancellationToken stopping, ended;
    private Exception? fatal;
    private Slot? latest;

    /// <summary>The open lanes by partition; for readers on other threads.</summary>
    public ConcurrentDictionary<int, ILane> Lanes { get; } = new();

    /// <summary>Reads until <paramref name="token"/> ends, then drains the lanes and leaves the group.</summary>
    /// <exception cref="SetupException">The log has lost records that were not read yet, or the client refuses to go on.</exception>
    public Task RunAsync(CancellationToken token)
    {
        stopping = token;
        return Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void Run()
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        ended = ending.Token;
        consumer = Build();
        IAdminClient? admin = null;
        NativeConsumer? records = null;
        try
        {
            consumer.Subscribe(options.Topic);
            records = new NativeConsumer(consumer.Handle, TurnRecords);
            admin = new DependentAdminClientBuilder(consumer.Handle).Build();
            long nextScan = 0, nextUpkeep = 0, nextCheck = 0, nextEnds = 0;
            while (!stopping.IsCancellationRequested && fatal is null)
            {
                var more = records.Take(Take) == TurnRecords;
                if (!more)
                {
                    stopping.WaitHandle.WaitOne(RestMilliseconds);
                }

                var now = Environment.TickCount64;
                if (!more || now >= nextScan)
                {
                    ScanSlots(now);
                    nextScan = now + Math.Max(1, options.BatchLingerMilliseconds / 4);
                }

                if (now >= nextEnds)
                {
                    AskForEnds(admin);
                    nextEnds = now + EndsMilliseconds;
                }

                if (now >= nextUpkeep)
                {
                    Upkeep(checkIdle: now >= nextCheck);
                    nextCheck = now >= nextCheck ? now + IdleCheckMilliseconds : nextCheck;
                    nextUpkeep = now + options.CommitIntervalMilliseconds;
                }
            }
        }
        finally
        {
            status.SourceConnected = false;
            CloseSlots([.. slots.Values]);
            ending.Cancel();
            Task.WhenAll(asking, askingEnds ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
            admin?.Dispose();
            records?.Dispose();
            consumer.Close();
            consumer.Dispose();
        }

        if (fatal is not null)
        {
            throw fatal;
        }
    }

    private void Take(in NativeMessage message)
    {
        switch (message.Error)
        {
            case ErrorCode.NoError or ErrorCode.Local_PartitionEOF:
                if (Find(message.Partition) is { } slot)
                {
                    Take(slot, in message);
                }

                break;
            case ErrorCode.Local_AutoOffsetReset or ErrorCode.OffsetOutOfRange:
                fatal ??= RecordsGone(options.Topic, message.Reason);
                break;
            case ErrorCode.Local_Fatal:
                fatal ??= new SetupException($"Kafka: {message.Reason}");
                break;
            default:
                logger.KafkaError(message.Reason);
                break;
        }
    }

    private void Take(Slot slot, in NativeMessage message)
    {
        slot.IsPlaced = true;
        if (message.Error == ErrorCode.Local_PartitionEOF)
        {
            slot.NoteEmpty(message.Offset);
        }

        // Before its lane is open a partition stands at the log's end, and after a rebalance the client may rewind.
        else if (slot.Lane is { } lane && message.Offset >= slot.ReadOffset)
        {
            Gather(slot, lane, in message);
        }
    }

    // Records come in runs of a partition.
    private Slot? Find(int partition)
    {
        if (latest is null || latest.Number != partition)
        {
            slots.TryGetValue(partition, out latest);
        }

        return latest;
    }

    internal static SetupException RecordsGone(string topic, string reason) => new(
        $"Topic {topic}: records were deleted before they were read ({reason}). Nothing was skipped. Restore them, or rebuild from another source before you start again.");

    private void Gather(Slot slot, ILane lane, in NativeMessage message)
    {
        if (slot.Filling is not { } batch)
        {
            slot.Filling = batch = pool.Rent();
            batch.Lane = lane.Status;
            batch.Ids = lane.Ids;
            batch.FromOffset = slot.ReadOffset;
            slot.FillingSince = Environment.TickCount64;
        }

        batch.Add(message.Offset, message.BrokerTs, message.Key, message.HasKey, message.Value, message.HasValue, message.Headers);
        slot.ReadOffset = lane.Status.ReadOffset = batch.NextOffset;
        if (batch.IsFull)
        {
            slot.Ready.Enqueue(batch);
            slot.Filling = null;
            Forward(slot, lane);
        }
    }

    private void Forward(Slot slot, ILane lane)
    {
        slot.Forward();
        var share = options.InFlightMegabytes * 1024L * 1024 / slots.Count;
        var bytes = slot.BytesInFlight;
        var mustWait = Alignment.IsAhead(lane.Status.WatermarkTs, status.GlobalWatermarkTs, MaximumDriftMilliseconds, lane.Status.Aligning);
        lane.Status.Aligning = mustWait;
        if (!slot.IsPaused && (mustWait || slot.Ready.Count > 0 || bytes >= share))
        {
            consumer.Pause([slot.Partition]);
            slot.IsPaused = lane.Status.Paused = true;
            slot.Break();
        }

        // Resuming refills the client's queue from the broker: wait until the lane is nearly empty.
        else if (slot.IsPaused && !mustWait && slot.Ready.Count == 0 && bytes <= share / 2 && lane.Waiting <= 1)
        {
            consumer.Resume([slot.Partition]);
            slot.IsPaused = lane.Status.Paused = false;
        }
    }

    private void ScanSlots(long now)
    {
        TakeEnds();
        foreach (var slot in slots.Values.ToArray())
        {
            if (slot.Lane is not { } lane)
            {
                Attach(slot);
                continue;
            }

            if (lane.Completion.IsCompleted)
            {
                Restart(slot, lane);
                continue;
            }

            // A lane that is busy gains nothing from a small batch behind the one it works on: the batch grows until the lane is free.
            if (slot.Filling is { } batch && now - slot.FillingSince >= options.BatchLingerMilliseconds && lane.Status.NextOffset >= slot.PostedOffset)
            {
                slot.Ready.Enqueue(batch);
                slot.Filling = null;
            }

            Forward(slot, lane);
            slot.TellWhetherCaughtUp();
        }
    }

    private void Upkeep(bool checkIdle)
    {
        if (!status.SourceConnected && slots.Count > 0)
        {
            Probe(slots.Values.First().Partition);
        }

        foreach (var slot in slots.Values)
        {
            if (slot.Lane is not { } lane)
            {
                continue;
            }

            StoreOffset(slot, lane.Status);
            if (checkIdle && lane.Status.NextOffset >= slot.ReadOffset)
            {
                lane.Check();
            }

            var high = consumer.GetWatermarkOffsets(slot.Partition).High;
            if (high != Offset.Unset)
            {
                lane.Status.EndOffset = high.Value;
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

    private void StoreOffset(Slot slot, LaneStatus lane)
    {
        var safe = lane.SafeOffset;
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
}
