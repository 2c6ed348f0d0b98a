using System.Globalization;
using Confluent.Kafka;
using Stockflow.Embedded;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.IntegrationTests.Pipeline;
using Stockflow.Position;
using Stockflow.Serve;
using Xunit;

namespace Stockflow.IntegrationTests.Import;

/// <summary>A processor with a Kafka listener, a Redis and a database of its own, and the commands that a user would run beside it.</summary>
internal sealed class RetailRun : IAsyncDisposable
{
    /// <summary>Tests that import much run one after another.</summary>
    public const string Collection = "Online Retail";

    // Enough for what the listener keeps of a partition, 5 MiB, to hold all that is imported.
    private const int Partitions = 32;
    private const string Topic = "inventory.movements";

    // Only bounds a hang.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10), Between = TimeSpan.FromMilliseconds(25);
    private static readonly string Topics = string.Join(',', ReferenceEncoder.Topics.Select(topic => topic + ":2").Prepend($"{Topic}:{Partitions}").Append("inventory.dead-letters:2"));

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("stockflow-retail-");
    private readonly HttpClient http = new() { Timeout = Patience };
    private readonly EmbeddedClickHouse clickHouse;
    private readonly string database;
    private KafkaListenerProcess? kafka;
    private RedisProcess? redis;
    private ProcessorProcess? processor;

    private RetailRun(EmbeddedClickHouse clickHouse, string database)
    {
        this.clickHouse = clickHouse;
        this.database = database;
    }

    private string[] Flags =>
    [
        "--kafka.bootstrap-servers", kafka!.Bootstrap, "--kafka.session-timeout-milliseconds", "6000", "--kafka.commit-interval-milliseconds", "200",
        "--positions.connection", redis!.Endpoint, "--clickhouse.url", clickHouse.Url.ToString(), "--clickhouse.database", database, "--close.enabled", "false",
    ];

    public static async Task<RetailRun> StartAsync(EmbeddedClickHouse clickHouse, string database)
    {
        var run = new RetailRun(clickHouse, database);
        try
        {
            run.kafka = await KafkaListenerProcess.StartAsync(Topics);
            run.redis = await RedisProcess.StartAsync();
            return run;
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the processor, also after its end.</summary>
    public async Task StartProcessorAsync(params string[] more)
    {
        await (processor?.DisposeAsync() ?? ValueTask.CompletedTask);
        processor = await ProcessorProcess.StartAsync([.. Flags, .. more]);
    }

    /// <summary>Ends the processor as 'kill -9' does.</summary>
    public void KillProcessor() => processor!.Kill();

    /// <summary>Runs 'processor import' to its end.</summary>
    public Task ImportAsync(string mapping, string file, params string[] options) => CommandAsync(
        ["import", "--mapping", mapping, "--bootstrap-servers", kafka!.Bootstrap, "--state-dir", folder.FullName, "--json", .. options, file]);

    /// <summary>Runs 'processor close' to its end.</summary>
    public Task CloseAsync(long untilTs) => CommandAsync(
        ["close", .. Flags, "--through", DateTimeOffset.FromUnixTimeMilliseconds(untilTs).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)]);

    /// <summary>Waits until so many records are in the positions and in the history, and the group has committed them: a close reads no further.</summary>
    public Task DoneAsync(long records) => WaitAsync(status => status.Lanes.Sum(lane => Math.Max(0, lane.CommittedOffset)) >= records);

    /// <summary>Waits until all is in the positions and the history and no position waits for the ledger; every record must have been accepted.</summary>
    public async Task DrainedAsync(long records)
    {
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig { BootstrapServers = kafka!.Bootstrap, GroupId = "watch" }).Build();
        var ends = Enumerable.Range(0, Partitions).Select(p => consumer.QueryWatermarkOffsets(new TopicPartition(Topic, p), TimeSpan.FromSeconds(10)).High.Value).ToList();
        Assert.Equal(records, ends.Sum());
        await WaitAsync(status => Progress.IsDone(status.Lanes, ends));
        Assert.Equal([$"{records}\t0"], await QueryAsync("SELECT countIf(verdict = 'accepted'), countIf(verdict != 'accepted') FROM raw_events_current"));
    }

    /// <summary>Ends the processor, which commits what is done.</summary>
    public async Task StopAsync() => Assert.Equal(0, await processor!.StopAsync());

    /// <summary>Code, on-hand, time of the last event, time and units of the last count, sorted; all else of a position must be 0.</summary>
    public async Task<List<string>> PositionsAsync()
    {
        await using var store = new RedisPositionStore(redis!.Positions, TimeProvider.System);
        var found = new List<string>();
        await foreach (var (sku, location, state) in store.ScanAsync(default))
        {
            Assert.Equal(("UK-WEB", 0, 0, 0, 0), (location, state.Unsellable, state.Reserved, state.InTransitIn, state.InTransitOut));
            found.Add(string.Join('\t', sku, state.OnHand, state.LastEventTs, state.LastCountTs, state.LastCountQty));
        }

        found.Sort(StringComparer.Ordinal);
        return found;
    }

    /// <summary>Rows of a query, tab-separated and sorted.</summary>
    public async Task<List<string>> QueryAsync(string sql)
    {
        using var answer = await http.PostAsync(new Uri(clickHouse.Url, "/?database=" + database), new StringContent(sql + " FORMAT TSV"));
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return Sorted(text.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    public static List<string> Sorted(IEnumerable<string> lines)
    {
        var sorted = lines.ToList();
        sorted.Sort(StringComparer.Ordinal);
        return sorted;
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        foreach (var server in (IAsyncDisposable?[])[processor, kafka, redis])
        {
            await (server?.DisposeAsync() ?? ValueTask.CompletedTask);
        }

        folder.Delete(recursive: true);
    }

    private async Task CommandAsync(string[] arguments)
    {
        var settings = new Dictionary<string, string> { ["STOCKFLOW_PSEUDONYM_KEY"] = "a key for tests, and for nothing else", ["XDG_CACHE_HOME"] = folder.FullName };
        await using var command = ServerProcess.Start(ServerProcess.Processor, arguments, settings);
        Assert.True(await command.WaitForExitAsync(Patience) == 0, command.Output);
    }

    private async Task WaitAsync(Func<StatusPayload, bool> holds)
    {
        using var bound = new CancellationTokenSource(Patience);
        while (!holds(await processor!.StatusAsync()))
        {
            Assert.True(processor.IsRunning, processor.Output);
            await Task.Delay(Between, bound.Token);
        }
    }
}
