using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Commands;

/// <summary>The servers of a demo, each a process of its own. They end with the demo, however it ends.</summary>
internal sealed class DemoServers : IAsyncDisposable
{
    /// <summary>Partitions of inventory.movements. The listener keeps 5 MiB each, so more of them hold more that is not yet read.</summary>
    public const int Partitions = 32;

    private const string ReadyPrefix = "listening on ";
    private const int DeadLetterPartitions = 16, RecordsPerReferencePartition = 20_000, PortAttempts = 5;
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60), StopGrace = TimeSpan.FromSeconds(30);
    private readonly List<ChildProcess> children = [];
    private readonly string directory;

    private DemoServers(string directory)
    {
        this.directory = directory;
    }

    public string Kafka { get; private set; } = "";

    public string Registry { get; private set; } = "";

    public string ClickHouse { get; private set; } = "";

    /// <summary>host:port of Redis, or <c>memory</c>.</summary>
    public string Positions { get; private set; } = "memory";

    public bool HasRedis => Positions != "memory";

    /// <summary>Folder of the log files.</summary>
    public string Logs => Path.Combine(directory, "logs");

    public static async Task<DemoServers> StartAsync(DemoOptions options, string directory, DemoView view, CancellationToken token)
    {
        var servers = new DemoServers(directory);
        Directory.CreateDirectory(servers.Logs);
        try
        {
            await servers.StartAllAsync(options, view, token);
            return servers;
        }
        catch
        {
            await servers.DisposeAsync();
            throw;
        }
    }

    /// <summary>Arguments of <c>processor run</c> for these servers.</summary>
    public string[] RunArguments(string http) =>
    [
        "run", "--kafka.bootstrap-servers", Kafka, "--registry.urls", Registry, "--positions.connection", Positions,
        "--clickhouse.url", ClickHouse, "--http.urls", http,
    ];

    /// <summary>The first server that has ended, or null.</summary>
    public ChildProcess? FindEnded() => children.Find(child => child.HasExited);

    /// <summary>A port of 127.0.0.1 that nobody uses now.</summary>
    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    public string Log(string name) => Path.Combine(Logs, name + ".log");

    public async ValueTask DisposeAsync() =>
        await Task.WhenAll(children.Select(async child =>
        {
            await child.StopAsync(StopGrace);
            await child.DisposeAsync();
        }));

    private async Task StartAllAsync(DemoOptions options, DemoView view, CancellationToken token)
    {
        view.Say("starting Kafka, ClickHouse, the schema registry" + (options.WithoutRedis || FindRedis() is null ? "" : " and Redis"));
        var reference = 1 + (options.Generator.Skus / RecordsPerReferencePartition);
        var topics = string.Join(',',
        [
            $"inventory.movements:{Partitions}", $"inventory.dead-letters:{DeadLetterPartitions}", "orders:8", "purchase-orders:8",
            .. ReferenceEncoder.Topics.Select(topic => $"{topic}:{reference}"),
        ]);
        var kafka = Self("kafka", ["kafka", "--topics", topics]);
        var clickHouse = Self("clickhouse", ["clickhouse", "--path", Path.Combine(directory, "clickhouse"), "--port", "0"]);
        var registry = Self("registry", ["registry", "--port", "0"]);
        var redis = options.WithoutRedis || FindRedis() is not { } program ? null : StartRedisAsync(program, token);
        Kafka = await kafka.WaitForLineAsync(ReadyPrefix, StartTimeout, token);
        Registry = await registry.WaitForLineAsync(ReadyPrefix, StartTimeout, token);
        ClickHouse = await clickHouse.WaitForLineAsync(ReadyPrefix, StartTimeout, token);
        if (redis is not null)
        {
            Positions = await redis;
        }
        else
        {
            view.Say("no Redis: positions live in the processor's memory");
        }
    }

    private ChildProcess Self(string name, string[] arguments) => Keep(ChildProcess.StartSelf(name, arguments, Log(name)));

    private async Task<string> StartRedisAsync(string program, CancellationToken token)
    {
        var folder = Directory.CreateDirectory(Path.Combine(directory, "redis")).FullName;
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort();
            var redis = ChildProcess.StartGuarded("redis", program,
            [
                "--bind", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture), "--dir", folder, "--save", "",
                "--appendonly", "no", "--daemonize", "no", "--logfile", "", "--maxmemory-policy", "noeviction",
            ], Log("redis"));
            try
            {
                await redis.WaitForLineContainingAsync("Ready to accept connections", StartTimeout, token);
                Keep(redis);
                return $"127.0.0.1:{port}";
            }
            catch (SetupException) when (attempt < PortAttempts && redis.Tail.Contains("Address already in use", StringComparison.Ordinal))
            {
                await redis.DisposeAsync();
            }
            catch
            {
                await redis.DisposeAsync();
                throw;
            }
        }
    }

    private ChildProcess Keep(ChildProcess child)
    {
        lock (children)
        {
            children.Add(child);
        }

        return child;
    }

    private static string? FindRedis() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, "redis-server")).FirstOrDefault(File.Exists);
}
