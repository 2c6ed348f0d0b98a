using System.Text;
using Confluent.Kafka;
using Stockflow.Model;

namespace Stockflow.Source.Import;

/// <summary>Sends records to Kafka: idempotent, acknowledged by all replicas, partitioned like the Java client.</summary>
public sealed class KafkaImportTarget : IImportTarget, IDisposable
{
    private static readonly TimeSpan MetadataTimeout = TimeSpan.FromSeconds(10), Poll = TimeSpan.FromMilliseconds(5);
    private readonly IProducer<byte[], byte[]> producer;
    private readonly Dictionary<string, int> partitions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long[]> sent = new(StringComparer.Ordinal);
    private string lastError = "";

    /// <param name="properties">librdkafka properties, with bootstrap.servers.</param>
    /// <param name="topics">Topics that must exist.</param>
    /// <param name="deliverySeconds">How long a record may wait for the broker.</param>
    /// <exception cref="StoreUnavailableException">No broker answers.</exception>
    /// <exception cref="SetupException">A property is wrong, or a topic does not exist.</exception>
    public KafkaImportTarget(IReadOnlyDictionary<string, string> properties, IReadOnlyList<string> topics, int deliverySeconds)
    {
        var settings = new ProducerConfig(new Dictionary<string, string>(properties))
        {
            EnableIdempotence = true,
            Acks = Acks.All,
            Partitioner = Partitioner.Murmur2,
            CompressionType = CompressionType.Lz4,
            LingerMs = 20,
            MessageTimeoutMs = deliverySeconds * 1000,
            DeliveryReportFields = "none",
        };
        try
        {
            producer = new ProducerBuilder<byte[], byte[]>(settings)
                .SetErrorHandler((_, error) => lastError = error.Reason)
                .SetLogHandler((_, _) => { })
                .Build();
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or KafkaException)
        {
            throw new SetupException($"the Kafka client refuses its settings: {error.Message}", error);
        }

        try
        {
            using var admin = new DependentAdminClientBuilder(producer.Handle).Build();
            foreach (var topic in topics)
            {
                var found = admin.GetMetadata(topic, MetadataTimeout).Topics.Find(entry => entry.Topic == topic);
                if (found is null || found.Error.IsError || found.Partitions.Count == 0)
                {
                    throw new SetupException($"the broker has no topic '{topic}' ({found?.Error.Reason ?? "not listed"}); create it first.");
                }

                partitions[topic] = found.Partitions.Count;
                sent[topic] = new long[found.Partitions.Count];
            }
        }
        catch (KafkaException error)
        {
            producer.Dispose();
            throw new StoreUnavailableException($"no broker answers at {properties["bootstrap.servers"]}: {(lastError.Length > 0 ? lastError : error.Error.Reason)}", error);
        }
        catch (SetupException)
        {
            producer.Dispose();
            throw;
        }
    }

    /// <summary>Partitions of a topic.</summary>
    public int Partitions(string topic) => partitions[topic];

    /// <summary>Topic whose partitions take no more records in all than <see cref="Limit"/> says; for listeners that drop what is not read in time.</summary>
    public string LimitedTopic { get; set; } = "";

    /// <summary>By partition, see <see cref="LimitedTopic"/>; null for no limit.</summary>
    public Func<int, long>? Limit { get; set; }

    public async ValueTask SendAsync(string topic, string key, byte[] value, Action<string?> done, CancellationToken token)
    {
        var keyBytes = Encoding.UTF8.GetBytes(key);
        var partition = Murmur2.Partition(keyBytes, partitions[topic]);
        if (Limit is not null && topic == LimitedTopic)
        {
            while (sent[topic][partition] >= Limit(partition))
            {
                await Task.Delay(Poll, token);
            }
        }

        // The broker's clock, not the event's: a broker would delete records of 2010 at once.
        var message = new Message<byte[], byte[]> { Key = keyBytes, Value = value };
        while (true)
        {
            try
            {
                producer.Produce(new TopicPartition(topic, partition), message, report => done(report.Error.IsError ? Describe(topic, report.Error) : null));
                sent[topic][partition]++;
                return;
            }
            catch (ProduceException<byte[], byte[]> error) when (error.Error.Code == ErrorCode.Local_QueueFull)
            {
                await Task.Delay(Poll, token);
            }
            catch (ProduceException<byte[], byte[]> error)
            {
                throw new StoreUnavailableException(Describe(topic, error.Error), error);
            }
        }
    }

    public async Task FlushAsync(CancellationToken token)
    {
        while (producer.Flush(TimeSpan.Zero) > 0)
        {
            await Task.Delay(Poll, token);
        }
    }

    public void Dispose() => producer.Dispose();

    private string Describe(string topic, Error error) =>
        $"the broker did not take a record for {topic}: {error.Reason}{(lastError.Length > 0 && lastError != error.Reason ? $" ({lastError})" : "")}";
}
