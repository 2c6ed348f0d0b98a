using System.Globalization;
using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>A redis-server of its own with the append-only file on, as in production, and what it says about itself.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private readonly ChildProcess child;
    private readonly ConnectionMultiplexer connection;

    private RedisServer(ChildProcess child, ConnectionMultiplexer connection, string endpoint)
    {
        this.child = child;
        this.connection = connection;
        Endpoint = endpoint;
        ProcessId = (int)Info("server", "process_id");
    }

    /// <summary>host:port.</summary>
    public string Endpoint { get; }

    public int ProcessId { get; }

    public IDatabase Database => connection.GetDatabase();

    /// <summary>Memory that its data takes, bytes: without the clients' buffers and those of the append-only file, which come and go.</summary>
    public long DataMemory => Info("memory", "used_memory") - Info("memory", "mem_clients_normal") - Info("memory", "mem_aof_buffer");

    public static async Task<RedisServer> StartAsync(string folder, CancellationToken token)
    {
        var port = FreePort();
        var child = ChildProcess.StartGuarded("redis-server", "redis-server",
            [
                "--bind", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture), "--dir", folder, "--save", "",
                "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
                // A rewrite of the file would fall into some rounds and not into others.
                "--auto-aof-rewrite-percentage", "0",
            ],
            Path.Combine(folder, "redis.log"));
        var deadline = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                var connection = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{port},allowAdmin=true,connectTimeout=5000,syncTimeout=60000");
                return new RedisServer(child, connection, $"127.0.0.1:{port}");
            }
            catch (RedisConnectionException e)
            {
                if (child.HasExited || TimeProvider.System.GetElapsedTime(deadline) > Patience)
                {
                    await child.DisposeAsync();
                    throw new SetupException($"redis-server does not start; run eng/setup. It printed:\n{child.Tail}", e);
                }

                await Task.Delay(100, token);
            }
        }
    }

    /// <summary>A port that was free a moment ago.</summary>
    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    /// <summary>Forgets everything and waits until the memory is given back.</summary>
    public void Flush() => Server().FlushAllDatabases();

    /// <summary>Memory of all keys that match, bytes, their names and the server's overhead for them included.</summary>
    public long MemoryOf(string pattern) =>
        Server().Keys(pattern: pattern, pageSize: 1000).Sum(key => (long)Database.Execute("MEMORY", "USAGE", (string)key!, "SAMPLES", "0"));

    /// <summary>Holds it still: it keeps its connections and answers nothing.</summary>
    public void Stop() => Hidden.Hold(ProcessId);

    public void Continue() => Hidden.Continue(ProcessId);

    public async ValueTask DisposeAsync()
    {
        Continue();
        // Nothing is under way that would be worth waiting for.
        connection.Close(allowCommandsToComplete: false);
        connection.Dispose();
        await child.DisposeAsync();
    }

    private IServer Server() => connection.GetServer(connection.GetEndPoints()[0]);

    private long Info(string section, string field) =>
        long.Parse(Server().Info(section).SelectMany(group => group).First(pair => pair.Key == field).Value, CultureInfo.InvariantCulture);
}
