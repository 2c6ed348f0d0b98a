using System.Diagnostics;
using Confluent.Kafka;
using Stockflow.Chaos.Load;
using Stockflow.Chaos.Servers;

namespace Stockflow.Chaos.Drill;

/// <summary>A shop in which nothing is wrong: stock is received and less of it is sold, a hundred events a second. Its troubles are switched on by drills.</summary>
internal sealed class ShopLoad : IDisposable
{
    private const int Skus = 100, Locations = 10, EventsPerSecond = 100, Received = 1000;
    private static readonly TimeSpan FlushBound = TimeSpan.FromSeconds(10);
    private readonly IProducer<byte[]?, byte[]?> producer;
    private long made;

    public ShopLoad(string bootstrap) => producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig
    {
        BootstrapServers = bootstrap,
        Acks = Acks.All,
        Partitioner = Confluent.Kafka.Partitioner.Murmur2Random,
        LingerMs = 20,
        MessageTimeoutMs = 300_000,
    }).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();

    /// <summary>How often each event is sent.</summary>
    public int Copies { get; set; } = 1;

    /// <summary>With each event comes a record that can not be read.</summary>
    public bool HasBrokenRecords { get; set; }

    /// <summary>Every position that is sold from is sold below zero, and received again a moment later.</summary>
    public bool Oversells { get; set; }

    public static string Sku(long number) => $"D-{number % Skus:000}";

    public static string Location(long number) => $"L-{number % Locations:00}";

    /// <summary>Announces SKUs and locations and fills every position.</summary>
    public async Task OpenAsync()
    {
        for (var i = 0; i < Locations; i++)
        {
            await producer.ProduceAsync(KafkaServer.Locations, Message(Location(i), FactEncoder.Location(Location(i))));
        }

        await Task.WhenAll(Enumerable.Range(0, Skus).Select(i =>
            producer.ProduceAsync(KafkaServer.Skus, Message(Sku(i), FactEncoder.Sku(Sku(i), isStocked: true)))));
        for (var i = 0; i < Skus * Locations; i++)
        {
            Move(i / Locations, i, Kind.RECEIPT, Received);
        }

        producer.Flush(FlushBound);
    }

    /// <summary>Sells until told to stop.</summary>
    public async Task RunAsync(CancellationToken token)
    {
        var clock = Stopwatch.StartNew();
        for (var sold = 0L; !token.IsCancellationRequested; await Task.Delay(10, CancellationToken.None))
        {
            for (var due = (long)(clock.Elapsed.TotalSeconds * EventsPerSecond); sold < due; sold++)
            {
                var (sku, location) = (sold, sold / Skus);
                Move(sku, location, Kind.SALE, -1);
                if (Oversells && sold >= EventsPerSecond)
                {
                    // Received again a second later: within one batch nobody would see that it was below zero.
                    Move(sku, location, Kind.SALE, -10 * Received);
                    Move(sku, (sold - EventsPerSecond) / Skus, Kind.RECEIPT, 10 * Received);
                }

                if (HasBrokenRecords)
                {
                    Send(Message(Sku(sku), FactEncoder.Bytes("no Avro")));
                }
            }
        }
    }

    public void Dispose() => producer.Dispose();

    private static Message<byte[]?, byte[]?> Message(string key, byte[] value) => new() { Key = FactEncoder.Bytes(key), Value = value };

    private void Move(long sku, long location, Kind kind, long quantity)
    {
        var fact = new Fact
        {
            EventId = $"drill-{made++}",
            EventTs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            Sku = Sku(sku),
            Location = Location(location),
            Kind = kind,
            Quantity = quantity,
            IsStocked = true,
        };
        for (var i = 0; i < Copies; i++)
        {
            Send(Message(fact.Sku, FactEncoder.Movement(fact, $"R-{made}")));
        }
    }

    private void Send(Message<byte[]?, byte[]?> message) => producer.Produce(KafkaServer.Movements, message);
}
