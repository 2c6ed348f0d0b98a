using System.Globalization;
using Stockflow.Commands;
using Stockflow.Embedded;
using Stockflow.History;

namespace Stockflow.Benchmarks;

/// <summary>The servers of the pipeline, each a process of its own on 127.0.0.1, with their data in a folder that goes with them.</summary>
internal sealed class Servers : IAsyncDisposable
{
    public const string Topic = "inventory.movements", DeadLetters = "inventory.dead-letters";

    private const int DeadLetterPartitions = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly List<IAsyncDisposable> parts = [];

    private Servers(string folder) => Folder = folder;

    public string Folder { get; }

    public ChildProcess Kafka { get; private set; } = null!;

    public ChildProcess ClickHouse { get; private set; } = null!;

    public RedisServer Redis { get; private set; } = null!;

    /// <summary>bootstrap.servers.</summary>
    public string Bootstrap { get; private set; } = "";

    public Uri ClickHouseUrl { get; private set; } = null!;

    public static async Task<Servers> StartAsync(int partitions, CancellationToken token, int referencePartitions = 8)
    {
        var servers = new Servers(Directory.CreateTempSubdirectory("stockflow-bench-").FullName);
        try
        {
            await servers.LaunchAsync(partitions, referencePartitions, token);
            return servers;
        }
        catch
        {
            await servers.DisposeAsync();
            throw;
        }
    }

    /// <summary>A client of one database.</summary>
    public ClickHouseClient OpenClickHouse(string database) => new(new ClickHouseOptions { Url = ClickHouseUrl, Database = database });

    /// <summary>Has ClickHouse merge what it holds, which would otherwise fall into what is measured next, or not, by chance.</summary>
    public async Task MergeAsync(CancellationToken token)
    {
        using var client = OpenClickHouse("default");
        var tables = new List<string>();
        await foreach (var row in client.QueryAsync("SELECT DISTINCT database || '.' || table FROM system.parts WHERE active AND database != 'system'", token: token))
        {
            tables.Add(row.Get<string>(0)!);
        }

        foreach (var table in tables)
        {
            await client.ExecuteAsync($"OPTIMIZE TABLE {table} FINAL SETTINGS optimize_skip_merged_partitions = 1", token: token);
        }
    }

    /// <summary>CPU seconds so far of the servers and of the process that uses them.</summary>
    public Dictionary<string, double> CpuSeconds(string user, int userId) => new()
    {
        [user] = ProcessCpu.Seconds(userId),
        ["kafka"] = ProcessCpu.Seconds(Kafka.Id),
        ["redis"] = ProcessCpu.Seconds(Redis.ProcessId),
        ["clickhouse"] = ProcessCpu.Seconds(ClickHouse.Id),
    };

    /// <summary>Ends ClickHouse as <c>kill -9</c> does.</summary>
    public void KillClickHouse() => ClickHouse.Kill();

    /// <summary>Starts it again over its files, at its address.</summary>
    public async Task RestartClickHouseAsync(CancellationToken token)
    {
        ClickHouse = LaunchClickHouse(ClickHouseUrl.Port);
        await ClickHouse.WaitForLineAsync("listening on ", Patience, token);
    }

    public async ValueTask DisposeAsync()
    {
        for (var i = parts.Count - 1; i >= 0; i--)
        {
            await parts[i].DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }

    private async Task LaunchAsync(int partitions, int referencePartitions, CancellationToken token)
    {
        var topics = string.Create(CultureInfo.InvariantCulture, $"{Topic}:{partitions},{DeadLetters}:{DeadLetterPartitions},")
            + string.Join(',', ReferenceEncoder.Topics.Select(topic => $"{topic}:{referencePartitions}"));
        Kafka = Own(ChildProcess.StartSelf("kafka", ["kafka", "--topics", topics], Path.Combine(Folder, "kafka.log")));
        ClickHouse = LaunchClickHouse(0);
        Redis = Own(await RedisServer.StartAsync(Folder, token));
        Bootstrap = await Kafka.WaitForLineAsync(KafkaCommand.ReadyPrefix, Patience, token);
        ClickHouseUrl = new Uri(await ClickHouse.WaitForLineAsync("listening on ", Patience, token));
    }

    private ChildProcess LaunchClickHouse(int port) => Own(ChildProcess.StartSelf("clickhouse",
        ["clickhouse", "--path", Path.Combine(Folder, "clickhouse"), "--port", port.ToString(CultureInfo.InvariantCulture)], Path.Combine(Folder, $"clickhouse{parts.Count}.log")));

    private T Own<T>(T part)
        where T : IAsyncDisposable
    {
        parts.Add(part);
        return part;
    }
}
