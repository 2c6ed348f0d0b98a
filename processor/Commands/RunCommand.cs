using System.CommandLine;
using Confluent.Kafka;
using Stockflow.Avro;
using Stockflow.Decode;
using Stockflow.Embedded;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Serve;
using Stockflow.Serve.Console;
using Stockflow.Source;
using Stockflow.Telemetry;
using Stockflow.Window;

namespace Stockflow.Commands;

/// <summary><c>processor run</c>: the stream processor.</summary>
public static class RunCommand
{
    private const int SettingsWrong = 2, CannotStart = 3, Failed = 4;
    /// <summary>How long a process that stops takes leave of the servers at most, after its lanes have drained. Helm's chart counts on it.</summary>
    internal static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan ServerTimeout = TimeSpan.FromSeconds(15);

    public static Command Create()
    {
        var config = Settings.FileOption();
        var command = new Command("run", """
            Runs the stream processor until SIGTERM or SIGINT, then drains and stops.

            Settings come from the settings file, then STOCKFLOW__SECTION__NAME variables, then flags; later ones win.
            Exit codes: 0 stopped, 2 wrong usage or settings, 3 a server can not be reached or used, 4 failed while running.

            Examples:
              processor run --kafka.bootstrap-servers broker:9092 --registry.urls http://registry:8081 \
                --positions.connection redis:6379 --clickhouse.url http://clickhouse:8123
              processor run --positions.connection memory --http.urls http://127.0.0.1:0
              STOCKFLOW__KAFKA__GROUPID=blue processor run --config production.json --log.format json
            """) { config };
        Settings.AddFlags(command);

        command.SetAction(async (parsed, token) =>
        {
            ProcessorOptions options;
            try
            {
                options = Settings.Load(parsed.GetValue(config), parsed);
            }
            catch (SetupException e)
            {
                return Fail(e.Message, SettingsWrong);
            }

            try
            {
                await RunAsync(options, token);
                return 0;
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested)
            {
                return 0;
            }
            catch (StartException e)
            {
                return Fail(e.Message, CannotStart);
            }
            catch (Exception e) when (e is SetupException or StoreUnavailableException or ClickHouseException or KafkaException)
            {
                return Fail(e.Message, Failed);
            }
        });
        return command;
    }

    private static int Fail(string message, int code)
    {
        foreach (var line in message.Split('\n'))
        {
            Console.Error.WriteLine("processor run: " + line);
        }

        return code;
    }

    private static async Task RunAsync(ProcessorOptions options, CancellationToken token)
    {
        var time = TimeProvider.System;
        using var loggers = options.Log.CreateFactory();
        var logger = loggers.CreateLogger("Stockflow");
        using var traces = options.Traces.Start();
        var status = new ProcessorStatus { HorizonSeconds = options.Dedupe.HorizonHours * 3600 };
        var rules = options.Quality.Load();
        await using IPositionStore positions = options.Positions.Connection == "memory"
            ? new MemoryPositionStore(time)
            : new RedisPositionStore(options.Positions, time, logger);
        using var clickHouse = new ClickHouseClient(options.Clickhouse);
        using var registry = options.Registry.Urls.Length > 0 ? new SchemaRegistryClient(options.Registry, time, logger) : null;
        ISchemaSource schemas = registry is null ? new FolderSchemaSource(SchemaCatalog.DefaultFolder) : registry;
        var partitions = await StartAsync("Kafka", () => Task.Run(() => CountPartitions(options.Kafka), token));
        var hasRunBefore = await StartAsync("The position store", () => RetryAsync(time, logger, async () =>
        {
            await positions.CheckAsync(token);
            var isKnown = await positions.PinPartitionsAsync(options.Kafka.Topic, partitions, token);
            status.PositionsConnected = true;
            return isKnown;
        }, token));

        // The first start says what is wrong with an address; later ones keep the positions going without ClickHouse.
        var migrated = await StartAsync("ClickHouse", () => MigrateAsync(mayBeAway: hasRunBefore));

        // The sinks outlive the source, so that a stopping process finishes what it has read.
        using var sinks = new CancellationTokenSource();
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(token);
        var pool = new BatchPool(options.Kafka.BatchRecords, options.Kafka.PooledBytes);
        var history = new HistoryStage(options.History, clickHouse, pool.Return, status, time, logger);
        using var deadLetters = new DeadLetterWriter(options.Kafka.ClientProperties(), options.Kafka.DeadLetterTopic, status, time, logger);
        var catalog = new ReferenceCatalog();
        var reference = new ReferenceStage(schemas, LoadSchema("Sku"), LoadSchema("Location"), LoadSchema("SkuVendor"), catalog, time, logger);
        using var referenceReader = new CompactedTopicReader(options.Kafka, [ReferenceStage.SkuTopic, ReferenceStage.LocationTopic],
            (r, t) => reference.ApplyAsync(r.Topic, r.Partition, r.Offset, r.Key, r.Value, t), logger);
        var versions = new GroupReader(options.Kafka, "versions", VersionWatch.Topics,
            new VersionWatch(new VersionStage(options.Decode, schemas, LoadSchema("Promotion"), LoadSchema("CalendarDay"), time, logger), clickHouse, deadLetters, time, logger).ApplyAsync, logger);
        await using var stock = new StockHost(options, schemas, catalog, referenceReader.RefreshAsync, deadLetters, status, time, logger);
        await StartAsync("The position store", () => RetryAsync(time, logger, async () =>
        {
            await stock.CheckAsync(token);
            return true;
        }, token));
        await using var rebuild = positions.OutlivesProcess && options.Positions.AutoRebuild
            ? new SelfRebuild(options, partitions, positions, clickHouse, time, logger)
            : null;
        var pipeline = new Pipeline(new PipelineParts(options, positions, new LedgerReader(clickHouse), history,
            new MovementReaders(options.Decode, schemas, LoadSchema("InventoryMovement")), deadLetters.WriteAsync, catalog, referenceReader.RefreshAsync, status, partitions, time, logger)
        {
            Rebuild = rebuild is null ? null : rebuild.RunAsync,
            Quarantine = Quarantine.Of(rules),
        });
        var source = new KafkaSource(options.Kafka, pipeline.OpenAsync, pool, status, time, logger)
        {
            MaximumDriftMilliseconds = options.Window.MaximumDriftMilliseconds,
        };
        using var readClickHouse = new ClickHouseClient(options.Clickhouse with
        {
            // Somebody waits for the answer: what fails twice is told, not retried for minutes.
            MaxRetries = 1,
            RequestTimeoutSeconds = Math.Max(1, (int)Math.Ceiling(options.Http.RequestTimeoutSeconds)),
        });
        await using IReplayMarks marks = positions.OutlivesProcess ? new RedisReplayMarks(options.Positions) : new MemoryReplayMarks();
        using var letters = new DeadLetterService(new DeadLetterTopic(new ClientConfig(options.Kafka.ClientProperties()), options.Kafka.DeadLetterTopic), schemas, marks, time);
        await using var http = HttpServer.Build(options.Http, positions, status, time, options.Log, new HistoryReader(readClickHouse),
            stock.Services, stock.Console(letters));
        await StartAsync("HTTP", async () =>
        {
            await http.StartAsync(token);
            return true;
        });

        var catchUp = new HistoryCatchUp(options.Kafka, source.Lanes, pool, status, logger);
        var background = new[]
        {
            WriteHistoryAsync(), referenceReader.RunAsync(sinks.Token), versions.RunAsync(sinks.Token), catchUp.RunAsync(sinks.Token),
            ReconcileWatch.RunAsync(options.Positions, status, time, sinks.Token),
            TransferWatch.RunAsync(options.Transfers, clickHouse, status, time, sinks.Token),
            new QualityWatch(options, rules, positions, readClickHouse, catalog, status, time, logger).RunAsync(sinks.Token),
            stock.RunAsync(sinks.Token),
            ServerWatch.RunAsync(options.Positions, clickHouse, status, time, sinks.Token),
            new GlobalWatermark(positions, partitions, status, time).RunAsync(sinks.Token),
            new CloseService(options, partitions, positions, clickHouse, status, time, logger).RunAsync(sinks.Token),
        };
        await await Task.WhenAny([referenceReader.RefreshAsync(token), .. background]);
        catalog.IsLoaded = true;
        logger.ReferenceLoaded(catalog.SkuCount, catalog.LocationCount);
        var run = source.RunAsync(reading.Token);
        var ended = await Task.WhenAny([run, .. background]);
        await reading.CancelAsync();
        var patience = TimeSpan.FromSeconds(options.Kafka.DrainSeconds) + StopTimeout;
        var bound = Task.Delay(patience, time, CancellationToken.None);
        await Task.WhenAny(run, bound);
        await sinks.CancelAsync();
        await Task.WhenAny(Task.WhenAll([run, .. background]), bound);
        if (Array.Exists([run, .. background], task => !task.IsCompleted))
        {
            // A client that can not take its leave; what it had read and not kept is read again.
            logger.StoppedWithoutWaiting(patience.TotalSeconds);
            return;
        }

        await run;
        await Task.WhenAll(background);
        await ended;
        await http.StopAsync(CancellationToken.None);

        async Task<bool> MigrateAsync(bool mayBeAway)
        {
            try
            {
                await clickHouse.EnsureDatabaseAsync(token);
                await new Migrations(clickHouse, Migrations.DefaultFolder).ApplyAsync(token);
                return status.HistoryConnected = true;
            }
            catch (ClickHouseException e) when (mayBeAway && e.IsTransient)
            {
                logger.HistoryUnavailable(e.Message);
                return false;
            }
        }

        async Task WriteHistoryAsync()
        {
            while (!migrated && !await MigrateAsync(mayBeAway: true))
            {
                await Task.Delay(TimeSpan.FromSeconds(5), time, token);
            }

            await history.RunAsync(sinks.Token);
        }
    }

    internal static AvroSchema LoadSchema(string record) =>
        AvroSchema.Parse(File.ReadAllText(Path.Combine(SchemaCatalog.DefaultFolder, record + ".avsc")));

    private static int CountPartitions(KafkaOptions options)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig(options.ClientProperties()))
            .SetLogHandler((_, _) => { })
            .SetErrorHandler((_, _) => { })
            .Build();
        try
        {
            var topic = admin.GetMetadata(options.Topic, ServerTimeout).Topics.FirstOrDefault(t => t.Topic == options.Topic);
            if (topic is null || topic.Error.IsError || topic.Partitions.Count == 0)
            {
                throw new SetupException($"The broker at {options.BootstrapServers} has no topic {options.Topic}; create it first.");
            }

            return topic.Partitions.Count;
        }
        catch (KafkaException e)
        {
            throw new SetupException($"No broker answers at {options.BootstrapServers} ({e.Error.Reason}).", e);
        }
    }

    private static async Task<T> StartAsync<T>(string what, Func<Task<T>> start)
    {
        try
        {
            return await start();
        }
        catch (Exception e) when (e is SetupException or StoreUnavailableException or ClickHouseException)
        {
            throw new StartException($"{what}: {e.Message}", e);
        }
    }

    // A Redis that fails over or loads its files is back within seconds; ending would make a supervisor wait for longer.
    private static async Task<T> RetryAsync<T>(TimeProvider time, ILogger logger, Func<Task<T>> start, CancellationToken token)
    {
        for (var since = time.GetTimestamp(); ;)
        {
            try
            {
                return await start();
            }
            catch (StoreUnavailableException e) when (time.GetElapsedTime(since) < ServerTimeout)
            {
                logger.StartWaits(e.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), time, token);
            }
        }
    }

    private sealed class StartException(string message, Exception inner) : Exception(message, inner);
}
