using System.Collections.Concurrent;
using System.Diagnostics;
using Confluent.Kafka;
using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Load;

/// <summary>Sends the generated facts at a steady rate and keeps where the broker says that it put each of them.</summary>
internal sealed class LoadSender : IDisposable
{
    public const string TraceHeader = "trace-id";
    private static readonly TimeSpan FlushBound = TimeSpan.FromSeconds(60);
    private readonly IProducer<byte[]?, byte[]?> producer;
    private readonly FactGenerator generator;
    private readonly ConcurrentDictionary<(int Partition, long Offset), Fact> delivered = new();
    private readonly HashSet<Fact> handedOver = new(ReferenceEqualityComparer.Instance);
    private long handedOverCount;
    private string? failure;

    public LoadSender(string bootstrap, FactGenerator generator)
    {
        this.generator = generator;
        var config = new ProducerConfig
        {
            BootstrapServers = bootstrap,
            Acks = Acks.All,
            Partitioner = Confluent.Kafka.Partitioner.Murmur2Random,
            LingerMs = 20,
            CompressionType = CompressionType.Lz4,
            MessageTimeoutMs = 300_000,
            QueueBufferingMaxMessages = 2_000_000,
        };
        producer = new ProducerBuilder<byte[]?, byte[]?>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
    }

    /// <summary>Messages handed to the client.</summary>
    public long Sent => Interlocked.Read(ref handedOverCount);

    /// <summary>Every fact that was handed to the client, once.</summary>
    public IReadOnlyCollection<Fact> Facts => handedOver;

    /// <summary>Where the broker says that it put them.</summary>
    public IReadOnlyDictionary<(int Partition, long Offset), Fact> Delivered => delivered;

    public async Task AnnounceAsync()
    {
        foreach (var location in generator.LocationIds)
        {
            await ReferenceAsync(KafkaServer.Locations, location, FactEncoder.Location(location));
        }

        await Task.WhenAll(generator.FirstSkus.Select(sku => ReferenceAsync(KafkaServer.Skus, sku.Id, FactEncoder.Sku(sku.Id, sku.IsStocked))));
    }

    /// <summary>Sends for a time, and then waits until the broker has everything.</summary>
    /// <exception cref="InvalidOperationException">A message was refused.</exception>
    public async Task SendAsync(int eventsPerSecond, TimeSpan time, CancellationToken token)
    {
        var total = (long)(eventsPerSecond * time.TotalSeconds);
        var clock = Stopwatch.StartNew();
        while (Sent < total && !token.IsCancellationRequested)
        {
            var due = Math.Min(total, (long)(clock.Elapsed.TotalSeconds * eventsPerSecond));
            while (Sent < due)
            {
                var step = generator.Next();
                if (step.NewSku is { } sku)
                {
                    // Its first movement must not be on its way before the broker has the announcement.
                    await ReferenceAsync(KafkaServer.Skus, sku, FactEncoder.Sku(sku, isStocked: true));
                }
                else
                {
                    Produce(step.Fact!);
                }
            }

            await Task.Delay(5, CancellationToken.None);
        }

        var left = await Task.Run(() => producer.Flush(FlushBound), CancellationToken.None);
        if (left > 0 || failure is not null)
        {
            throw new InvalidOperationException($"The load could not be sent: {failure ?? $"{left} messages are still with the client"}.");
        }
    }

    public void Dispose() => producer.Dispose();

    private void Produce(Fact fact)
    {
        var message = new Message<byte[]?, byte[]?> { Key = fact.Key, Value = fact.Value };
        if (fact.Trace is { } trace)
        {
            message.Headers = new Headers { { TraceHeader, FactEncoder.Bytes(trace) } };
        }

        producer.Produce(new TopicPartition(KafkaServer.Movements, fact.WrongPartition ?? Partition.Any), message, report =>
        {
            if (report.Error.IsError)
            {
                failure ??= report.Error.Reason;
            }
            else
            {
                delivered[(report.Partition.Value, report.Offset.Value)] = fact;
            }
        });
        handedOver.Add(fact);
        Interlocked.Increment(ref handedOverCount);
    }

    private Task<DeliveryResult<byte[]?, byte[]?>> ReferenceAsync(string topic, string id, byte[] value) =>
        producer.ProduceAsync(topic, new Message<byte[]?, byte[]?> { Key = FactEncoder.Bytes(id), Value = value });
}
