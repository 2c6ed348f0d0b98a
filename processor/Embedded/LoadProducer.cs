using Confluent.Kafka;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Embedded;

/// <summary>Where and how fast a generated load goes.</summary>
public sealed record LoadOptions
{
    public string Topic { get; init; } = "inventory.movements";

    /// <summary>librdkafka client properties, with <c>bootstrap.servers</c>.</summary>
    public required IReadOnlyDictionary<string, string> ClientProperties { get; init; }

    /// <summary>Events a second at most; 0 for as fast as the broker takes them.</summary>
    public double EventsPerSecond { get; init; }

    /// <summary>How long to send; zero for until the generator ends.</summary>
    public TimeSpan Duration { get; init; }

    public required GeneratorOptions Generator { get; init; }

    /// <summary>The registry's id of a record's schema, by its name: <c>InventoryMovement</c>, <c>Sku</c>, ...</summary>
    public required Func<string, int> SchemaId { get; init; }
}

/// <summary>
/// Sends a generated load to Kafka: reference records first, then movements keyed by sku_id on the partition that Kafka's murmur2
/// partitioner gives, acks=all, idempotent. One sender at a time; the counters may be read from anywhere.
/// </summary>
public sealed class LoadProducer : IDisposable
{
    private static readonly TimeSpan ServerTimeout = TimeSpan.FromSeconds(15);
    private readonly LoadOptions options;
    private readonly Generator generator;
    private readonly FactEncoder encoder;
    private readonly IProducer<byte[], byte[]> producer;
    private bool isDisposed;
    private readonly int[] partitionOfSku;
    private readonly Action<DeliveryReport<byte[], byte[]>> delivered;
    private readonly long[] sentByPartition;
    private long sent, acknowledged, failures;
    private string? firstFailure;

    /// <summary>Connects and looks up the topic's partitions.</summary>
    /// <exception cref="SetupException">No broker answers, or it does not have the topic, or a property is wrong.</exception>
    public LoadProducer(LoadOptions options)
    {
        this.options = options;
        generator = new Generator(options.Generator);
        encoder = new FactEncoder(generator.Catalog, options.Generator, new FactSchemaIds(options.SchemaId("InventoryMovement"), options.SchemaId("Vendor")));
        delivered = Delivered;
        producer = Connect(options);
        Partitions = CountPartitions();
        sentByPartition = new long[Partitions];
        partitionOfSku = [.. generator.Catalog.SkuIds.Select(sku => Murmur2.Partition(sku, Partitions))];
    }

    public GeneratorCatalog Catalog => generator.Catalog;

    /// <summary>Partitions of the movements' topic.</summary>
    public int Partitions { get; }

    /// <summary>Movements handed to the client, and those that the broker has acknowledged.</summary>
    public long Sent => Volatile.Read(ref sent);

    /// <summary>Records that the broker has acknowledged, reference records included.</summary>
    public long Acknowledged => Volatile.Read(ref acknowledged);

    /// <summary>Event time that the load has reached, milliseconds since 1970-01-01 UTC.</summary>
    public long ClockTs => generator.ClockTs;

    /// <summary>
    /// Records of a partition that may be sent in all; the sender waits in front of it. Null sends without a bound.
    /// For listeners that drop what nobody has read yet.
    /// </summary>
    public Func<int, long>? SendLimit { get; set; }

    /// <summary>Movements sent to one partition.</summary>
    public long SentTo(int partition) => Volatile.Read(ref sentByPartition[partition]);

    /// <summary>Sends every reference record and waits until the broker has them.</summary>
    /// <exception cref="SetupException">The broker refused one.</exception>
    public async Task<int> SendReferenceAsync(CancellationToken token)
    {
        var count = 0;
        foreach (var record in ReferenceEncoder.Records(Catalog, options.Generator, options.SchemaId))
        {
            await SendAsync(record.Topic, Partition.Any, record.Key, record.Value, token);
            count++;
        }

        await FlushAsync(token);
        return count;
    }

    /// <summary>Sends movements until the load ends, the duration is over or <paramref name="token"/> ends; then waits for the broker.</summary>
    /// <exception cref="SetupException">The broker refused one.</exception>
    public async Task SendMovementsAsync(IndependentCount? count, CancellationToken token)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!token.IsCancellationRequested && firstFailure is null)
        {
            var elapsed = TimeProvider.System.GetElapsedTime(started);
            if (options.Duration > TimeSpan.Zero && elapsed >= options.Duration)
            {
                break;
            }

            var burst = 1000L;
            if (options.EventsPerSecond > 0)
            {
                burst = Math.Min(burst, (long)(elapsed.TotalSeconds * options.EventsPerSecond) + 1 - sent);
                if (burst <= 0)
                {
                    await Task.Delay(5, CancellationToken.None);
                    continue;
                }
            }

            if (!await SendBurstAsync(burst, count, token))
            {
                break;
            }
        }

        // What was counted must arrive, also when the sender was asked to stop.
        await FlushAsync(CancellationToken.None);
    }

    /// <summary>A sending that is still under way ends with <see cref="ObjectDisposedException"/>: the client itself would crash the process.</summary>
    public void Dispose()
    {
        lock (producer)
        {
            isDisposed = true;
            producer.Dispose();
        }
    }

    private async Task<bool> SendBurstAsync(long burst, IndependentCount? count, CancellationToken token)
    {
        for (var i = 0; i < burst && !token.IsCancellationRequested; i++)
        {
            if (!generator.TryNext(out var fact))
            {
                return false;
            }

            encoder.Encode(in fact);
            var shared = encoder.Key.SequenceEqual(Catalog.SkuIds[fact.Sku]);
            var key = shared ? Catalog.SkuIds[fact.Sku] : encoder.Key.ToArray();
            var partition = shared ? partitionOfSku[fact.Sku] : Murmur2.Partition(key, Partitions);
            var value = encoder.HasValue ? encoder.Value.ToArray() : null;
            while (SendLimit is { } limit && sentByPartition[partition] >= limit(partition))
            {
                if (token.IsCancellationRequested)
                {
                    return false;
                }

                await Task.Delay(2, CancellationToken.None);
            }

            await SendAsync(options.Topic, partition, key, value, CancellationToken.None);
            count?.Add(in fact);
            sentByPartition[partition]++;
            Volatile.Write(ref sent, sent + 1);
        }

        return true;
    }

    private async ValueTask SendAsync(string topic, Partition partition, byte[] key, byte[]? value, CancellationToken token)
    {
        var message = new Message<byte[], byte[]> { Key = key, Value = value! };
        var report = delivered;
        if (topic == options.Topic && Traces.Publish(topic, message) is { } span)
        {
            report = sent =>
            {
                span.Dispose();
                Delivered(sent);
            };
        }

        while (true)
        {
            try
            {
                lock (producer)
                {
                    ObjectDisposedException.ThrowIf(isDisposed, this);
                    producer.Produce(new TopicPartition(topic, partition), message, report);
                }

                return;
            }
            catch (ProduceException<byte[], byte[]> e) when (e.Error.Code == ErrorCode.Local_QueueFull)
            {
                ThrowIfFailed();
                await Task.Delay(2, token);
            }
            catch (ProduceException<byte[], byte[]> e)
            {
                throw new SetupException($"topic {topic}: {e.Error.Reason}", e);
            }
        }
    }

    private async Task FlushAsync(CancellationToken token)
    {
        while (await Task.Run(Flush, CancellationToken.None) > 0)
        {
            token.ThrowIfCancellationRequested();
            ThrowIfFailed();
        }

        ThrowIfFailed();
    }

    private int Flush()
    {
        lock (producer)
        {
            ObjectDisposedException.ThrowIf(isDisposed, this);
            return producer.Flush(TimeSpan.FromMilliseconds(200));
        }
    }

    private void Delivered(DeliveryReport<byte[], byte[]> report)
    {
        if (report.Error.IsError)
        {
            Interlocked.Increment(ref failures);
            Interlocked.CompareExchange(ref firstFailure, $"topic {report.Topic}: {report.Error.Reason}", null);
        }
        else
        {
            Interlocked.Increment(ref acknowledged);
        }
    }

    private void ThrowIfFailed()
    {
        if (firstFailure is { } failure)
        {
            throw new SetupException($"the broker did not take {failures} records; the first: {failure}");
        }
    }

    private static IProducer<byte[], byte[]> Connect(LoadOptions options)
    {
        var properties = new Dictionary<string, string>
        {
            ["acks"] = "all",
            ["enable.idempotence"] = "true",
            ["partitioner"] = "murmur2_random",
            ["compression.type"] = "lz4",
            ["linger.ms"] = "20",
            ["batch.size"] = "262144",
            ["queue.buffering.max.messages"] = "200000",
        };
        foreach (var (name, value) in options.ClientProperties)
        {
            properties[name] = value;
        }

        try
        {
            return new ProducerBuilder<byte[], byte[]>(properties)
                .SetErrorHandler((_, _) => { })
                .SetLogHandler((_, _) => { })
                .Build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or KafkaException)
        {
            throw new SetupException($"a Kafka client property is wrong: {e.Message}", e);
        }
    }

    private int CountPartitions()
    {
        try
        {
            using var admin = new DependentAdminClientBuilder(producer.Handle).Build();
            var topic = admin.GetMetadata(options.Topic, ServerTimeout).Topics.FirstOrDefault(topic => topic.Topic == options.Topic);
            return topic is { Error.IsError: false, Partitions.Count: > 0 }
                ? topic.Partitions.Count
                : throw new SetupException($"the broker has no topic {options.Topic}; create it first.");
        }
        catch (KafkaException e)
        {
            throw new SetupException($"no broker answers at {options.ClientProperties["bootstrap.servers"]}: {e.Error.Reason}", e);
        }
        catch
        {
            producer.Dispose();
            throw;
        }
    }
}
