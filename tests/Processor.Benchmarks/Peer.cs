using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;
using Stockflow.Commands;
using Stockflow.Decode;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Source;

namespace Stockflow.Benchmarks;

/// <summary>What the peer needs to know.</summary>
/// <param name="Events">Events of the topic; it ends after them.</param>
/// <param name="BatchEvents">Events of a batch.</param>
internal sealed record PeerOptions(string Bootstrap, string Redis, Uri ClickHouse, string Name, long Events, int BatchEvents);

/// <summary>
/// The pipeline as it is usually written, in large batches: one <c>Consume()</c> loop, records as objects, <c>SET NX EX</c> an event and HINCRBY a change,
/// both pipelined, JSONEachRow to ClickHouse while the next batch is worked on, offsets committed behind it.
/// Late counts and corrections of counted stock are not settled, and what happened between the commands of a crashed batch is not known.
/// </summary>
internal sealed class Peer : IAsyncDisposable
{
    private const string ReadyLine = "peer ready", DurableLine = "peer durable", DoneLine = "peer done";
    /// <summary>It is held still while the topic fills.</summary>
    private const int SessionMilliseconds = 120_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60), Horizon = TimeSpan.FromHours(24);
    private readonly PeerOptions options;
    private readonly ConnectionMultiplexer connection;
    private readonly IDatabase redis;
    private readonly ClickHouseClient clickHouse;
    private readonly IConsumer<byte[], byte[]> consumer;
    private readonly IProducer<byte[], byte[]> deadLetters;
    private readonly PeerValidation validation;
    private long accepted, duplicates, rejected, durable;

    private Peer(PeerOptions options, ConnectionMultiplexer connection, PeerValidation validation)
    {
        this.options = options;
        this.connection = connection;
        this.validation = validation;
        redis = connection.GetDatabase();
        clickHouse = new ClickHouseClient(new ClickHouseOptions { Url = options.ClickHouse, Database = options.Name });
        consumer = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig
        {
            BootstrapServers = options.Bootstrap,
            GroupId = options.Name,
            EnableAutoCommit = false,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            SessionTimeoutMs = SessionMilliseconds,
        }).Build();
        deadLetters = new ProducerBuilder<byte[], byte[]>(new ProducerConfig
        {
            BootstrapServers = options.Bootstrap,
            Acks = Acks.All,
            EnableIdempotence = true,
            LingerMs = 5,
        }).Build();
    }

    /// <summary>Before the line <c>peer done</c>'s figures.</summary>
    public static string Done => DoneLine + " ";

    public static string Ready => ReadyLine;

    /// <summary>Before the number of events that are durable.</summary>
    public static string Durable => DurableLine + " ";

    /// <summary>Reads the topic and prints what it came to: accepted, duplicates, dead letters, bytes allocated.</summary>
    public static async Task RunAsync(PeerOptions options, CancellationToken token)
    {
        var connection = await ConnectionMultiplexer.ConnectAsync(options.Redis + ",syncTimeout=60000");
        var schemas = new FolderSchemaSource(SchemaCatalog.DefaultFolder);
        var catalog = await LoadReferencesAsync(options, schemas, token);
        await using var peer = new Peer(options, connection, new PeerValidation(RunCommand.LoadSchema("InventoryMovement"), schemas, catalog));
        await peer.clickHouse.EnsureDatabaseAsync(token);
        await new Migrations(peer.clickHouse, Migrations.DefaultFolder).ApplyAsync(token);
        peer.consumer.Subscribe(Servers.Topic);
        Console.WriteLine(ReadyLine);
        var allocated = GC.GetTotalAllocatedBytes();
        await peer.ReadAsync(token);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{DoneLine} {peer.accepted} {peer.duplicates} {peer.rejected} {GC.GetTotalAllocatedBytes() - allocated}"));
    }

    public async ValueTask DisposeAsync()
    {
        consumer.Close();
        consumer.Dispose();
        deadLetters.Dispose();
        clickHouse.Dispose();
        await connection.CloseAsync();
    }

    private static async Task<ReferenceCatalog> LoadReferencesAsync(PeerOptions options, FolderSchemaSource schemas, CancellationToken token)
    {
        var catalog = new ReferenceCatalog();
        var stage = new ReferenceStage(schemas, RunCommand.LoadSchema("Sku"), RunCommand.LoadSchema("Location"), RunCommand.LoadSchema("SkuVendor"), catalog, TimeProvider.System, NullLogger.Instance);
        using var reader = new CompactedTopicReader(new KafkaOptions { BootstrapServers = options.Bootstrap }, [ReferenceStage.SkuTopic, ReferenceStage.LocationTopic],
            (r, t) => stage.ApplyAsync(r.Topic, r.Partition, r.Offset, r.Key, r.Value, t), NullLogger.Instance);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(token);
        var reading = reader.RunAsync(enough.Token);
        await reader.RefreshAsync(token);
        await enough.CancelAsync();
        try
        {
            await reading;
        }
        catch (OperationCanceledException) when (!token.IsCancellationRequested)
        {
            // It was asked to end.
        }

        return catalog;
    }

    private async Task ReadAsync(CancellationToken token)
    {
        using PeerRows first = new(), second = new();
        var (rows, spare) = (first, second);
        var writing = Task.CompletedTask;
        for (var read = 0L; read < options.Events;)
        {
            var batch = Consume(options.Events - read, token);
            read += batch.Count;
            foreach (var item in batch)
            {
                await validation.ApplyAsync(item, token);
            }

            await RemoveDuplicatesAsync(batch);
            await ApplyPositionsAsync(batch);
            await SendDeadLettersAsync(batch, token);
            rows.Clear();
            var now = DateTimeOffset.UtcNow;
            foreach (var item in batch)
            {
                rows.Add(item, now);
            }

            await writing;
            writing = WriteAsync(batch, rows, token);
            (rows, spare) = (spare, rows);
        }

        await writing;
    }

    private List<PeerEvent> Consume(long most, CancellationToken token)
    {
        var batch = new List<PeerEvent>(options.BatchEvents);
        var wait = Patience;
        while (batch.Count < Math.Min(options.BatchEvents, most) && consumer.Consume(wait) is { } record)
        {
            token.ThrowIfCancellationRequested();
            batch.Add(new PeerEvent(record));
            wait = TimeSpan.FromMilliseconds(200);
        }

        return batch.Count > 0 ? batch : throw new WrongResultException($"the peer got no record for {Patience.TotalSeconds:0} s.");
    }

    private async Task RemoveDuplicatesAsync(List<PeerEvent> batch)
    {
        var answers = new Task<bool>?[batch.Count];
        for (var i = 0; i < answers.Length; i++)
        {
            if (batch[i].Reason == RejectReason.None)
            {
                answers[i] = redis.StringSetAsync($"{options.Name}:seen:{(string)batch[i].Movement!["event_id"]!}", 1, Horizon, When.NotExists);
            }
        }

        for (var i = 0; i < answers.Length; i++)
        {
            batch[i].Accepted = answers[i] is { } answer && await answer;
        }
    }

    private async Task ApplyPositionsAsync(List<PeerEvent> batch)
    {
        var changes = new List<Task>(batch.Count);
        foreach (var item in batch)
        {
            if (item is { Accepted: true, Stocked: true })
            {
                Apply(item, changes);
            }
        }

        await Task.WhenAll(changes);
    }

    private void Apply(PeerEvent item, List<Task> changes)
    {
        var key = KeyOf(options.Name, item.Sku, item.Location);
        var quantity = item.Quantity;
        switch (item.Type)
        {
            case MovementType.CycleCount:
                changes.Add(redis.HashSetAsync(key, "on_hand", (long)item.Movement!["counted_qty"]!));
                return;
            case MovementType.Damage:
                changes.Add(redis.HashIncrementAsync(key, "unsellable", -quantity));
                return;
            case MovementType.Reserve or MovementType.Release:
                changes.Add(redis.HashIncrementAsync(key, "reserved", -quantity));
                return;
            case MovementType.Ship:
                changes.Add(redis.HashIncrementAsync(key, "reserved", quantity));
                break;
            case MovementType.TransferOut or MovementType.TransferIn:
                var (here, there) = item.Type == MovementType.TransferOut ? ("in_transit_out", "in_transit_in") : ("in_transit_in", "in_transit_out");
                changes.Add(redis.HashIncrementAsync(key, here, -quantity));
                changes.Add(redis.HashIncrementAsync(KeyOf(options.Name, item.Sku, (string)item.Movement!["counterpart_location_id"]!), there, -quantity));
                break;
        }

        changes.Add(redis.HashIncrementAsync(key, "on_hand", quantity));
    }

    /// <summary>Key of a position's hash.</summary>
    public static RedisKey KeyOf(string name, string sku, string location) => $"{name}:position:{sku}:{location}";

    private async Task SendDeadLettersAsync(List<PeerEvent> batch, CancellationToken token)
    {
        var sends = new List<Task>();
        foreach (var item in batch)
        {
            if (item.Reason == RejectReason.None)
            {
                continue;
            }

            var source = item.Source;
            var headers = new Headers
            {
                { "dlq.topic", Encoding.UTF8.GetBytes(source.Topic) },
                { "dlq.partition", Encoding.UTF8.GetBytes(source.Partition.Value.ToString(CultureInfo.InvariantCulture)) },
                { "dlq.offset", Encoding.UTF8.GetBytes(source.Offset.Value.ToString(CultureInfo.InvariantCulture)) },
                { "dlq.reason", Encoding.UTF8.GetBytes(item.Reason.Code()) },
            };
            sends.Add(deadLetters.ProduceAsync(Servers.DeadLetters,
                new Message<byte[], byte[]> { Key = source.Message.Key, Value = source.Message.Value, Headers = headers, Timestamp = source.Message.Timestamp }, token));
        }

        await Task.WhenAll(sends);
    }

    private async Task WriteAsync(List<PeerEvent> batch, PeerRows rows, CancellationToken token)
    {
        await clickHouse.InsertAsync("raw_events", [], "JSONEachRow", [rows.Raw], token);
        if (rows.Ledger.Length > 0)
        {
            await clickHouse.InsertAsync("ledger", [], "JSONEachRow", [rows.Ledger], token);
        }

        consumer.Commit(batch.GroupBy(item => item.Source.TopicPartition).Select(group => new TopicPartitionOffset(group.Key, group.Max(item => item.Source.Offset.Value) + 1)));
        accepted += batch.Count(item => item.Accepted);
        rejected += batch.Count(item => item.Reason != RejectReason.None);
        durable += batch.Count;
        duplicates = durable - accepted - rejected;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DurableLine} {durable}"));
    }
}
