using Confluent.Kafka;
using Stockflow.Embedded;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Xunit;

namespace Stockflow.IntegrationTests.Pipeline;

/// <summary>The pipeline's tests run one after another and share one ClickHouse, each with a database of its own.</summary>
[CollectionDefinition(Name)]
public sealed class PipelineCollection : ICollectionFixture<SharedClickHouse>
{
    public const string Name = "Pipeline";
}

/// <summary>The pipeline's tests with servers that fail; apart, because one after another all of them take too long.</summary>
[CollectionDefinition(Name)]
public sealed class FaultsCollection : ICollectionFixture<SharedClickHouse>
{
    public const string Name = "Faults";
}

/// <summary>Tests of what computes the pipeline's results anew or compares them; apart, because one after another all of them take too long.</summary>
[CollectionDefinition(Name)]
public sealed class RebuildCollection : ICollectionFixture<SharedClickHouse>
{
    public const string Name = "Rebuild";
}

/// <summary>A ClickHouse for all tests that do not break it.</summary>
public sealed class SharedClickHouse : IAsyncLifetime
{
    private int databases;

    public EmbeddedClickHouse Server { get; private set; } = null!;

    public string NewDatabase() => $"pipeline_{Interlocked.Increment(ref databases)}";

    public async Task InitializeAsync() => Server = await EmbeddedClickHouse.StartAsync();

    public async Task DisposeAsync() => await Server.DisposeAsync();
}

/// <summary>A Kafka listener, a Redis and a database in ClickHouse for one test.</summary>
public sealed class PipelineServers : IAsyncDisposable
{
    public const int Partitions = 4;
    public const string Topic = "inventory.movements", DeadLetterTopic = "inventory.dead-letters";

    private static readonly string Topics = string.Join(',', ReferenceEncoder.Topics.Select(topic => topic + ":2").Prepend($"{Topic}:{Partitions}").Append(DeadLetterTopic + ":2"));
    private readonly string database;

    private PipelineServers(KafkaListenerProcess kafka, RedisProcess redis, EmbeddedClickHouse clickHouse, string database)
    {
        Kafka = kafka;
        Redis = redis;
        ClickHouse = clickHouse;
        this.database = database;
    }

    public KafkaListenerProcess Kafka { get; }

    /// <summary>The one whose positions count; a test that fails over sets it.</summary>
    public RedisProcess Redis { get; set; }

    public EmbeddedClickHouse ClickHouse { get; }

    /// <summary>Flags of 'processor run' that name these servers and make it commit often.</summary>
    public IReadOnlyList<string> Flags =>
    [
        "--kafka.bootstrap-servers", Kafka.Bootstrap,
        // The listener waits for nearly the session timeout at every rebalance.
        "--kafka.session-timeout-milliseconds", "2000",
        "--kafka.commit-interval-milliseconds", "200",
        "--positions.connection", Redis.Endpoint,
        "--clickhouse.url", ClickHouse.Url.ToString(),
        "--clickhouse.database", database,
        "--history.insert-interval-milliseconds", "250",
        // Hours are closed where a test is about them: on a small machine it takes from ClickHouse what the others wait for.
        "--close.enabled", "false",
    ];

    public static async Task<PipelineServers> StartAsync(SharedClickHouse shared, RedisProcessOptions? redis = null, int brokers = 1, string moreTopics = "") =>
        await StartAsync(shared.Server, shared.NewDatabase(), redis, brokers, moreTopics);

    public static async Task<PipelineServers> StartAsync(EmbeddedClickHouse clickHouse, string database, RedisProcessOptions? redis = null, int brokers = 1, string moreTopics = "")
    {
        var kafka = await KafkaListenerProcess.StartAsync(Topics + moreTopics, brokers);
        return new PipelineServers(kafka, await RedisProcess.StartAsync(redis), clickHouse, database);
    }

    public Task<ProcessorProcess> StartProcessorAsync(params string[] more) => ProcessorProcess.StartAsync([.. Flags, .. more]);

    public ClickHouseClient ClickHouseClient() => ClickHouse.Client(options => options with { Database = database });

    /// <summary>A load that is the same for the same seed and day, with more trouble in it than by default.</summary>
    public LoadProducer Load(long seed, long events, double eventsPerSecond = 0, double duplicateShare = 0.03)
    {
        var ids = SchemaCatalog.Load(SchemaCatalog.DefaultFolder).ToDictionary(schema => schema.Record, schema => schema.Id);
        return new LoadProducer(new LoadOptions
        {
            ClientProperties = new Dictionary<string, string> { ["bootstrap.servers"] = Kafka.Bootstrap },
            EventsPerSecond = eventsPerSecond,
            SchemaId = record => ids["retail.inventory.v1." + record],
            Generator = new GeneratorOptions
            {
                Events = events,
                Seed = seed,
                Skus = 400,
                Locations = 20,
                End = new DateTimeOffset(DateTime.UtcNow.Date),
                DuplicateShare = duplicateShare,
                InvalidShare = 0.01,
                OutOfOrderShare = 0.04,
            },
        });
    }

    /// <summary>Every record of a topic, by partition in the order of the offsets.</summary>
    public IReadOnlyList<ConsumeResult<byte[]?, byte[]?>> ReadAll(string topic, int partitions)
    {
        var settings = new ConsumerConfig { BootstrapServers = Kafka.Bootstrap, GroupId = "observer", EnableAutoCommit = false, EnablePartitionEof = true };
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(settings).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        consumer.Assign(Enumerable.Range(0, partitions).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
        var records = new List<ConsumeResult<byte[]?, byte[]?>>();
        using var bound = new CancellationTokenSource(ProcessorProcess.Patience);
        for (var ended = 0; ended < partitions;)
        {
            var result = consumer.Consume(bound.Token);
            if (result.IsPartitionEOF)
            {
                ended++;
            }
            else
            {
                records.Add(result);
            }
        }

        return [.. records.OrderBy(r => r.Partition.Value).ThenBy(r => r.Offset.Value)];
    }

    /// <summary>Where each lane stands in Redis.</summary>
    public async Task<IReadOnlyList<long>> NextOffsetsAsync()
    {
        using var connection = await Redis.ConnectAsync();
        return [.. Enumerable.Range(0, Partitions).Select(p => (long)connection.Database.HashGet($"{{inv:{p}}}:lane", "next"))];
    }

    /// <summary>What the processor's group has committed for each partition, -1 for nothing.</summary>
    public IReadOnlyList<long> Committed()
    {
        var settings = new ConsumerConfig { BootstrapServers = Kafka.Bootstrap, GroupId = "stockflow", EnableAutoCommit = false };
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(settings).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        var partitions = Enumerable.Range(0, Partitions).Select(p => new TopicPartition(Topic, p));
        return [.. consumer.Committed(partitions, ProcessorProcess.Patience).OrderBy(c => c.Partition.Value).Select(c => c.Offset.IsSpecial ? -1 : c.Offset.Value)];
    }

    public async ValueTask DisposeAsync()
    {
        await Kafka.DisposeAsync();
        await Redis.DisposeAsync();
    }
}
