using Confluent.Kafka;

namespace Stockflow.IntegrationTests.Kafka;

/// <summary>Producers and consumers as these tests need them.</summary>
internal static class KafkaClients
{
    /// <summary>Only bounds a hang; no test passes or fails by it otherwise.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);

    public static IProducer<string, byte[]> Producer(string bootstrap, Action<ProducerConfig>? change = null)
    {
        var settings = new ProducerConfig { BootstrapServers = bootstrap, Acks = Acks.All, Partitioner = Partitioner.Murmur2Random };
        change?.Invoke(settings);
        return Quiet(new ProducerBuilder<string, byte[]>(settings)).Build();
    }

    public static ConsumerBuilder<string, byte[]> Consumer(string bootstrap, string group, Action<ConsumerConfig>? change = null)
    {
        var settings = new ConsumerConfig
        {
            BootstrapServers = bootstrap,
            GroupId = group,
            EnableAutoCommit = false,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            // The listener waits for nearly the session timeout at every rebalance.
            SessionTimeoutMs = 2000,
            HeartbeatIntervalMs = 300,
        };
        change?.Invoke(settings);
        return new ConsumerBuilder<string, byte[]>(settings).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { });
    }

    /// <summary>A consumer that reads one partition from its beginning, without a group.</summary>
    public static IConsumer<string, byte[]> Reader(string bootstrap, string topic, int partition = 0, Action<ConsumerConfig>? change = null)
    {
        var consumer = Consumer(bootstrap, "reader", change).Build();
        consumer.Assign(new TopicPartitionOffset(topic, partition, Offset.Beginning));
        return consumer;
    }

    /// <summary>The next records, in the order received.</summary>
    public static List<ConsumeResult<string, byte[]>> Read(IConsumer<string, byte[]> consumer, int count)
    {
        using var bound = new CancellationTokenSource(Patience);
        var records = new List<ConsumeResult<string, byte[]>>(count);
        while (records.Count < count)
        {
            records.Add(consumer.Consume(bound.Token));
        }

        return records;
    }

    public static Message<string, byte[]> Record(string key, byte[] value) => new() { Key = key, Value = value };

    private static ProducerBuilder<string, byte[]> Quiet(ProducerBuilder<string, byte[]> builder) =>
        builder.SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { });
}
