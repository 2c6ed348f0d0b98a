using Confluent.Kafka;

namespace Stockflow.Embedded;

/// <summary>
/// Keeps a sender from running away from its readers on the embedded listener, which drops what exceeds 5 MiB a partition: a partition takes
/// no more than <see cref="MaximumAhead"/> records beyond the group's committed offset. Asks the broker twice a second.
/// </summary>
public sealed class LagBrake : IDisposable
{
    /// <summary>The processor's consumer group.</summary>
    public const string DefaultGroup = "stockflow";

    /// <summary>Records beyond the committed offset: at 150 bytes each less than half of what the listener keeps.</summary>
    public const int MaximumAhead = 16_000;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500), ServerTimeout = TimeSpan.FromSeconds(5);
    private readonly IConsumer<Ignore, Ignore> consumer;
    private readonly TopicPartition[] partitions;
    private readonly long[] committed, first;
    private readonly Timer timer;
    private int busy;

    public LagBrake(string bootstrap, string topic, string group, int partitionCount)
    {
        var settings = new ConsumerConfig { BootstrapServers = bootstrap, GroupId = group, EnableAutoCommit = false };
        consumer = new ConsumerBuilder<Ignore, Ignore>(settings).SetErrorHandler((_, _) => { }).SetLogHandler((_, _) => { }).Build();
        partitions = [.. Enumerable.Range(0, partitionCount).Select(partition => new TopicPartition(topic, partition))];
        committed = new long[partitionCount];
        first = new long[partitionCount];
        for (var i = 0; i < partitionCount; i++)
        {
            // A sender counts from its own first record; the offsets before it are others'.
            first[i] = consumer.QueryWatermarkOffsets(partitions[i], ServerTimeout).High.Value;
        }

        Refresh();
        timer = new Timer(_ => Refresh(), null, Interval, Interval);
    }

    /// <summary>The group's committed offset of a partition, 0 before the first commit.</summary>
    public long CommittedOf(int partition) => Volatile.Read(ref committed[partition]);

    /// <summary>Whether the group has committed everything that a sender sent, by its count for each partition.</summary>
    public bool IsCommitted(Func<int, long> sentTo)
    {
        for (var i = 0; i < partitions.Length; i++)
        {
            var sent = sentTo(i);
            if (sent > 0 && CommittedOf(i) < first[i] + sent)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Records that a sender may send to a partition in all.</summary>
    public long LimitOf(int partition) => CommittedOf(partition) - first[partition] + MaximumAhead;

    /// <summary>Records committed in all partitions.</summary>
    public long CommittedTotal => committed.Sum();

    public void Dispose()
    {
        timer.Dispose();
        while (Interlocked.Exchange(ref busy, 1) == 1)
        {
            Thread.Sleep(5);
        }

        consumer.Dispose();
    }

    /// <summary>Asks now.</summary>
    public void Refresh()
    {
        if (Interlocked.Exchange(ref busy, 1) == 1)
        {
            return;
        }

        try
        {
            foreach (var offset in consumer.Committed(partitions, ServerTimeout))
            {
                if (offset.Offset.Value > 0)
                {
                    Volatile.Write(ref committed[offset.Partition.Value], offset.Offset.Value);
                }
            }
        }
        catch (KafkaException)
        {
            // The marks stay as they are, and so does the sender's bound, until the broker answers again.
        }
        finally
        {
            Volatile.Write(ref busy, 0);
        }
    }
}
