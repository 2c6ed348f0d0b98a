using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;
using Stockflow.Position;

namespace Stockflow.IntegrationTests.Fixtures;

/// <summary>How a test's Redis is configured.</summary>
public sealed record RedisProcessOptions
{
    /// <summary>Keep an append-only file, so that a killed server comes back with its data.</summary>
    public bool AppendOnly { get; init; }

    /// <summary>When the append-only file reaches the disk: always, everysec or no.</summary>
    public string AppendFsync { get; init; } = "everysec";

    /// <summary>The password that clients must give, or none.</summary>
    public string? Password { get; init; }

    /// <summary>More of redis-server's own options, such as "--maxmemory", "64mb".</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];
}

/// <summary>The system's redis-server on a free port of 127.0.0.1 with a folder of its own.</summary>
public sealed class RedisProcess : IAsyncDisposable
{
    private const int PortAttempts = 5;

    private readonly RedisProcessOptions options;
    private readonly string folder = Directory.CreateTempSubdirectory("stockflow-redis-").FullName;
    private ServerProcess? server;
    private int port, backups;

    private RedisProcess(RedisProcessOptions options) => this.options = options;

    /// <summary><c>127.0.0.1:port</c>; a restart keeps it.</summary>
    public string Endpoint => $"127.0.0.1:{port}";

    /// <summary>The port.</summary>
    public int Port => port;

    /// <summary>Options of a store in it, with a bound that a busy machine keeps.</summary>
    public PositionOptions Positions => new() { Connection = Endpoint, TimeoutMilliseconds = 30_000 };

    /// <summary>Starts a server and waits until it accepts connections.</summary>
    public static async Task<RedisProcess> StartAsync(RedisProcessOptions? options = null)
    {
        var redis = new RedisProcess(options ?? new RedisProcessOptions());
        for (var attempt = 1; ; attempt++)
        {
            redis.port = FreePort();
            try
            {
                await redis.LaunchAsync();
                return redis;
            }
            catch (InvalidOperationException) when (attempt < PortAttempts && redis.server?.Output.Contains("Address already in use", StringComparison.Ordinal) == true)
            {
                await redis.StopAsync();
            }
            catch
            {
                await redis.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Connects to it, with its password and with bounds that a busy machine keeps.</summary>
    public async Task<RedisClient> ConnectAsync()
    {
        var password = options.Password is { } secret ? ",password=" + secret : "";
        return new RedisClient(await ConnectionMultiplexer.ConnectAsync($"{Endpoint},allowAdmin=true,connectTimeout=30000,syncTimeout=30000,responseTimeout=30000{password}"), Endpoint);
    }

    /// <summary>Ends it as 'kill -9' does; what was not on disk is lost.</summary>
    public void Kill() => server?.Kill();

    /// <summary>Stops it where it stands: connections stay open and nothing is answered.</summary>
    public void Suspend() => server?.Suspend();

    /// <summary>Lets it go on.</summary>
    public void Continue() => server?.Continue();

    /// <summary>Kills it if it runs and starts it again on the same port and folder.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        await LaunchAsync();
    }

    /// <summary>Sends one command of words without blanks, and returns the answer's first line.</summary>
    public async Task<string> CommandAsync(string command)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        await using var stream = client.GetStream();
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(command + "\r\n"));
        using var reader = new StreamReader(stream);
        var answer = await reader.ReadLineAsync() ?? throw new InvalidOperationException($"Redis closed the connection at '{command}'.");
        return answer.StartsWith('-') ? throw new InvalidOperationException($"Redis refused '{command}': {answer}") : answer;
    }

    /// <summary>Copies the files of a server that was killed, and returns the copy's folder.</summary>
    public string BackUp()
    {
        var copy = $"{folder}-backup-{++backups}";
        Copy(folder, copy);
        return copy;
    }

    /// <summary>Kills it if it runs and starts it again with the files of a copy: it has lost its tail.</summary>
    public async Task RestartFromAsync(string backup)
    {
        await StopAsync();
        Directory.Delete(folder, recursive: true);
        Copy(backup, folder);
        await LaunchAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        foreach (var used in Directory.GetDirectories(Path.GetDirectoryName(folder)!, Path.GetFileName(folder) + "*"))
        {
            Directory.Delete(used, recursive: true);
        }
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private async Task LaunchAsync()
    {
        string[] arguments =
        [
            "--bind", "127.0.0.1", "--port", $"{port}", "--dir", folder, "--save", "", "--daemonize", "no", "--logfile", "",
            "--appendonly", options.AppendOnly ? "yes" : "no", "--appendfsync", options.AppendFsync,
            .. options.Password is { } password ? (string[])["--requirepass", password] : [],
            .. options.Arguments,
        ];
        server = ServerProcess.Start("redis-server", arguments);
        await server.WaitForLineAsync("Ready to accept connections");
    }

    private async Task StopAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
            server = null;
        }
    }
}
