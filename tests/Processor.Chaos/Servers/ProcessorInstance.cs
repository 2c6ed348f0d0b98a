using System.Net.Sockets;
using System.Text.Json;

namespace Stockflow.Chaos.Servers;

/// <summary>What a processor says about one lane.</summary>
internal sealed record LaneReport(int Partition, long PositionOffset, long DurableOffset, long Unsettled);

/// <summary>
/// A place for one 'processor run', with proxies of its own to Redis and ClickHouse. A supervisor starts it again when it has ended
/// although it is wanted, as an orchestrator would.
/// </summary>
internal sealed class ProcessorInstance : IDisposable
{
    private static readonly TimeSpan SupervisorWait = TimeSpan.FromSeconds(1), LongestStop = TimeSpan.FromSeconds(30);
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly string program, logFile;
    private readonly string[] flags;
    private readonly Journal journal;
    private readonly Lock gate = new();
    private readonly int port = Ports.Free();
    private ServerProcess? process;
    private DateTime startAt;
    private bool isStopping;

    public ProcessorInstance(int number, string program, string folder, KafkaServer kafka, RedisServer redis, ClickHouseServer clickHouse, IEnumerable<string> more, Journal journal)
    {
        Number = number;
        this.program = program;
        this.journal = journal;
        logFile = Path.Combine(folder, $"processor-{number}.log");
        Redis = new TcpProxy(() => redis.Port);
        ClickHouse = new TcpProxy(() => clickHouse.Port);
        flags =
        [
            "run", "--http.urls", $"http://127.0.0.1:{port}", "--kafka.bootstrap-servers", kafka.Bootstrap,
            "--positions.connection", $"127.0.0.1:{Redis.Port}",
            "--clickhouse.url", $"http://127.0.0.1:{ClickHouse.Port}", "--clickhouse.database", ClickHouseServer.Database,
            .. more,
        ];
    }

    public int Number { get; }

    /// <summary>host:port of its HTTP API.</summary>
    public string Address => $"127.0.0.1:{port}";

    public TcpProxy Redis { get; }

    public TcpProxy ClickHouse { get; }

    public bool IsWanted { get; private set; }

    public bool IsRunning
    {
        get
        {
            lock (gate)
            {
                return process is { IsRunning: true };
            }
        }
    }

    /// <summary>Lets it run, from <paramref name="after"/> on.</summary>
    public void Want(TimeSpan after = default)
    {
        lock (gate)
        {
            IsWanted = true;
            startAt = DateTime.UtcNow + after;
        }
    }

    /// <summary>Called often: starts what is wanted and does not run.</summary>
    public void Supervise()
    {
        lock (gate)
        {
            if (process is { IsRunning: false } ended && !isStopping)
            {
                if (IsWanted)
                {
                    journal.Note($"a processor ended by itself with exit code {ended.ExitCode}: {ended.LastLine}");
                    startAt = DateTime.UtcNow + SupervisorWait;
                }

                ended.Dispose();
                process = null;
            }

            if (IsWanted && process is null && DateTime.UtcNow >= startAt)
            {
                process = ServerProcess.Start(logFile, program, flags, exitWithParent: true);
            }
        }
    }

    /// <summary>SIGKILL; it comes back after a while, or not at all.</summary>
    public void Kill(TimeSpan? restart)
    {
        lock (gate)
        {
            IsWanted = restart is not null;
            startAt = DateTime.UtcNow + (restart ?? TimeSpan.Zero);
            process?.Dispose();
            process = null;
        }
    }

    /// <summary>SIGTERM, and waits for its end; it comes back after a while, or not at all.</summary>
    public async Task StopAsync(TimeSpan? restart)
    {
        ServerProcess? stopping;
        lock (gate)
        {
            IsWanted = false;
            isStopping = true;
            stopping = process;
        }

        if (stopping is not null)
        {
            stopping.Terminate();
            if (!await stopping.WaitForExitAsync(LongestStop))
            {
                journal.Note($"a processor did not end within {LongestStop.TotalSeconds:0} s of SIGTERM and was killed");
            }
            else if (stopping.ExitCode != 0)
            {
                journal.Note($"a processor answered SIGTERM with exit code {stopping.ExitCode}: {stopping.LastLine}");
            }
        }

        lock (gate)
        {
            isStopping = false;
            stopping?.Dispose();
            process = null;
            IsWanted = restart is not null;
            startAt = DateTime.UtcNow + (restart ?? TimeSpan.Zero);
        }
    }

    public void Pause()
    {
        lock (gate)
        {
            process?.Pause();
        }
    }

    public void Continue()
    {
        lock (gate)
        {
            process?.Continue();
        }
    }

    /// <summary>Its lanes; nothing if it does not answer.</summary>
    public async Task<IReadOnlyList<LaneReport>> LanesAsync()
    {
        try
        {
            using var json = JsonDocument.Parse(await Http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/v1/status")));
            return [.. json.RootElement.GetProperty("lanes").EnumerateArray().Select(lane => new LaneReport(
                lane.GetProperty("partition").GetInt32(), lane.GetProperty("positionOffset").GetInt64(),
                lane.GetProperty("durableOffset").GetInt64(), lane.GetProperty("unsettled").GetInt64()))];
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or OperationCanceledException or JsonException or IOException)
        {
            return [];
        }
    }

    /// <summary>Whether it says that positions are gone until an operator runs 'processor rebuild'.</summary>
    public async Task<bool> AwaitsRebuildAsync()
    {
        try
        {
            using var answer = await Http.GetAsync(new Uri($"http://127.0.0.1:{port}/readyz"));
            return (await answer.Content.ReadAsStringAsync()).Contains("\"rebuild\"", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or OperationCanceledException or IOException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        Kill(null);
        Redis.Dispose();
        ClickHouse.Dispose();
    }
}
