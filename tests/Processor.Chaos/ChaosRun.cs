using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Stockflow.Chaos.Faults;
using Stockflow.Chaos.Load;
using Stockflow.Chaos.Servers;
using Stockflow.Chaos.Verify;

namespace Stockflow.Chaos;

/// <summary>One seed: starts the servers, loads and breaks them, waits until the processors are done, and counts.</summary>
internal sealed class ChaosRun(ChaosOptions options, long seed)
{
    /// <summary>What a partition of the listener keeps, less a margin; beyond it the oldest records go.</summary>
    private const double KeptBytes = 4_000_000;

    /// <summary>Bytes of an event in the log, compressed, with a margin.</summary>
    private const double BytesPerEvent = 120;

    private const int LeastPartitions = 12, MostPartitions = 64;
    private static readonly TimeSpan SessionTimeout = TimeSpan.FromSeconds(2), RedisTimeout = TimeSpan.FromSeconds(2);
    private readonly Journal journal = new();
    private readonly SeededRandom random = new(seed);

    public async Task<RunResult> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory($"stockflow-chaos-{seed}-").FullName;
        var took = Stopwatch.StartNew();
        RunResult result;
        try
        {
            result = await RunAsync(folder);
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or HttpRequestException or SocketException or OperationCanceledException)
        {
            result = new RunResult { Problem = e.Message };
        }

        result.Seed = seed;
        result.Took = took.Elapsed;
        result.Faults = journal.Faults;
        result.Notes = journal.Notes;
        if (result.IsClean && !options.Keep)
        {
            Directory.Delete(folder, recursive: true);
        }
        else
        {
            result.Folder = folder;
        }

        return result;
    }

    private async Task<RunResult> RunAsync(string folder)
    {
        var partitions = Partitions();
        using var world = await StartAsync(folder, partitions);
        var faults = new FaultSchedule(random.Fork(), options.Faults);
        if (faults.IsEmpty)
        {
            throw new InvalidOperationException($"--faults {string.Join(',', options.Faults)}: there is no fault of such a name.");
        }

        using var sender = new LoadSender(world.Kafka.Bootstrap, new FactGenerator(seed, partitions, DateTimeOffset.UtcNow));
        await sender.AnnounceAsync();
        var first = 1 + random.Below(World.MostProcessors);
        foreach (var processor in world.Processors.Take(first))
        {
            processor.Want();
        }

        using var stop = new CancellationTokenSource();
        var supervision = world.SuperviseAsync(stop.Token);
        await WaitForLanesAsync(world, partitions);
        journal.RestartClock();
        journal.Say($"load begins: {options.EventsPerSecond:N0} events/s for {options.LoadTime.TotalSeconds:0} s, {partitions} partitions, {first} processors{(world.HasStaticMembers ? " with static membership" : "")}, Redis {Describe(world.Redis.Durability)}, {(world.Registry is null ? "no" : "a")} schema registry, faults every {faults.Pace} on 3 tracks");
        foreach (var missing in faults.Missing(world))
        {
            journal.Say($"left out                 {missing}");
        }

        var load = sender.SendAsync(options.EventsPerSecond, options.LoadTime, CancellationToken.None);
        var work = Task.WhenAll(load, faults.RunAsync(world, options.LoadTime * 0.85));
        await await Task.WhenAny(work, supervision);
        journal.Say($"load ends: {sender.Sent:N0} events");
        var bound = Stopwatch.StartNew();
        var log = await Task.Run(() => TopicReader.ReadLog(world.Kafka, sender));
        var settled = await SettleAsync(world, log, partitions, bound);
        await Task.WhenAll(world.Processors.Select(p => p.StopAsync(restart: null)));
        await stop.CancelAsync();
        await supervision;
        var result = await VerifyAsync(world, log, partitions);
        result.Problem = settled;
        return result;
    }

    private int Partitions()
    {
        var needed = (int)Math.Ceiling(options.EventsPerSecond * options.LoadTime.TotalSeconds * BytesPerEvent / KeptBytes * 1.6);
        return options.Partitions > 0 ? options.Partitions : Math.Clamp(needed, LeastPartitions, MostPartitions);
    }

    private async Task<World> StartAsync(string folder, int partitions)
    {
        journal.Say($"seed {seed}: starting Kafka listener, Redis and ClickHouse; logs in {folder}");
        var durability = random.Below(10) switch { < 6 => RedisDurability.EverySecond, < 8 => RedisDurability.System, _ => RedisDurability.None };
        var kafka = KafkaServer.StartAsync(options.Processor, folder, partitions);
        var redis = new RedisServer(folder, durability);
        await redis.StartAsync();
        var megabytes = 256 + (long)(options.EventsPerSecond * options.LoadTime.TotalSeconds * 0.0015);
        var (disk, problem) = await SmallDisk.TryMountAsync(folder, megabytes);
        if (disk is null)
        {
            journal.Say($"no small disk for ClickHouse, so none that is full: {problem}");
        }

        var clickHouse = new ClickHouseServer(options.Processor, folder, disk);
        await clickHouse.StartAsync();
        var registry = random.Chance(0.5) ? new RegistryServer(options.Processor, folder) : null;
        if (registry is not null)
        {
            await registry.StartAsync();
        }

        var isStatic = random.Chance(0.25);
        string[] flags =
        [
            .. registry is null ? (string[])[] : ["--registry.urls", registry.Url, "--registry.absent-seconds", "1"],
            "--kafka.session-timeout-milliseconds", Text(SessionTimeout.TotalMilliseconds),
            "--kafka.commit-interval-milliseconds", random.Pick<string>(["100", "300", "1000"]),
            "--kafka.batch-records", random.Pick<string>(["256", "1024", "4096"]),
            "--kafka.drain-seconds", "5",
            "--positions.timeout-milliseconds", Text(RedisTimeout.TotalMilliseconds),
            "--clickhouse.max-retries", "1",
            "--clickhouse.request-timeout-seconds", "10",
            "--history.insert-interval-milliseconds", random.Pick<string>(["100", "300", "1000"]),
        ];
        var started = await kafka;
        return new World
        {
            Processor = options.Processor,
            Folder = folder,
            Kafka = started,
            Redis = redis,
            ClickHouse = clickHouse,
            Registry = registry,
            HasStaticMembers = isStatic,
            Journal = journal,
            SessionTimeout = SessionTimeout,
            RedisTimeout = RedisTimeout,
            CanRebuild = await Rebuild.IsKnownAsync(options.Processor, folder),
            Processors = [.. Enumerable.Range(1, World.MostProcessors).Select(number =>
                new ProcessorInstance(number, options.Processor, folder, started, redis, clickHouse,
                    isStatic ? [.. flags, "--kafka.instance-id", $"chaos-{number}"] : flags, journal))],
        };
    }

    // Without lanes there is nothing to break yet.
    private static async Task WaitForLanesAsync(World world, int partitions)
    {
        var bound = Stopwatch.StartNew();
        while (bound.Elapsed < TimeSpan.FromSeconds(60))
        {
            var lanes = await Task.WhenAll(world.Wanted.Select(p => p.LanesAsync()));
            if (lanes.SelectMany(l => l).Select(l => l.Partition).Distinct().Count() == partitions)
            {
                return;
            }

            await Task.Delay(100);
        }

        throw new InvalidOperationException($"The processors have not taken all {partitions} partitions within {bound.Elapsed.TotalSeconds:0} s of their start.");
    }

    /// <returns>What was not done in time, or an empty text.</returns>
    private async Task<string> SettleAsync(World world, List<LogRecord> log, int partitions, Stopwatch bound)
    {
        var ends = new long[partitions];
        foreach (var record in log)
        {
            ends[record.Partition] = record.Offset + 1;
        }

        var nextWord = TimeSpan.FromSeconds(10);
        while (true)
        {
            var reports = await Task.WhenAll(world.Processors.Select(p => p.LanesAsync()));
            var lanes = reports.SelectMany(l => l).ToLookup(l => l.Partition);
            var open = Enumerable.Range(0, partitions)
                .Where(p => !lanes[p].Any(l => l.PositionOffset >= ends[p] && l.DurableOffset >= ends[p] && l.Unsettled == 0)).ToList();
            if (open.Count == 0)
            {
                journal.Say($"all of it is applied and durable {bound.Elapsed.TotalSeconds:0.0} s after the load's end");
                return "";
            }

            var words = string.Join("; ", open.Take(4).Select(p => $"partition {p} of {ends[p]}: "
                + (lanes[p].Any() ? string.Join(", ", lanes[p].Select(l => $"positions {l.PositionOffset} history {l.DurableOffset} unsettled {l.Unsettled}")) : "no lane")));
            if (bound.Elapsed > TimeSpan.FromSeconds(options.SettleSeconds))
            {
                return $"{open.Count} partitions were not done within {options.SettleSeconds} s: {words}";
            }

            if (bound.Elapsed > nextWord)
            {
                nextWord += TimeSpan.FromSeconds(10);

                // A tail that Redis lost after a rebuild takes the rebuild along. Whoever watches readiness runs it once more.
                if ((await Task.WhenAll(world.Processors.Select(p => p.AwaitsRebuildAsync()))).Contains(true))
                {
                    journal.Say("a processor waits for 'processor rebuild'");
                    await Rebuild.RunAsync(world);
                }

                journal.Say($"waiting for {open.Count} partitions: {words}");
            }

            await Task.Delay(200);
        }
    }

    private async Task<RunResult> VerifyAsync(World world, List<LogRecord> log, int partitions)
    {
        var expected = new Expectation(log);
        using var redis = world.Redis.Connect();
        foreach (var what in options.Sabotage)
        {
            journal.Say($"tampering with one {what}");
            await (what switch
            {
                "position" => Task.Run(() => PositionCheck.Tamper(redis, expected)),
                "ledger" => HistoryCheck.TamperLedgerAsync(world.ClickHouse),
                "raw-event" => HistoryCheck.TamperRawAsync(world.ClickHouse),
                _ => DeadLetterCheck.TamperAsync(world.Kafka, expected),
            });
        }

        return new RunResult
        {
            Produced = log.Count,
            Accepted = expected.Accepted,
            Duplicates = expected.Duplicates,
            DeadLetters = expected.DeadLetters,
            Findings =
            [
                PositionCheck.Run(redis, expected, partitions),
                await HistoryCheck.LedgerAsync(world.ClickHouse, expected),
                await HistoryCheck.RawEventsAsync(world.ClickHouse, expected),
                DeadLetterCheck.Run(world.Kafka, expected),
            ],
        };
    }

    private static string Describe(RedisDurability durability) => durability switch
    {
        RedisDurability.EverySecond => "with an append-only file (fsync every second)",
        RedisDurability.System => "with an append-only file (fsync when the system likes)",
        _ => "without an append-only file",
    };

    private static string Text(double number) => number.ToString("0", CultureInfo.InvariantCulture);
}
