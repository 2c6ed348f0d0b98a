namespace Stockflow.Chaos.Servers;

/// <summary>How Redis keeps its data.</summary>
internal enum RedisDurability
{
    /// <summary>Not at all: a killed server comes back empty.</summary>
    None,

    /// <summary>An append-only file, flushed to the disk every second.</summary>
    EverySecond,

    /// <summary>An append-only file, flushed when the system likes.</summary>
    System,
}

/// <summary>The system's redis-server with a folder of its own.</summary>
internal sealed class RedisServer(string folder, RedisDurability durability) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly string data = Path.Combine(folder, "redis");
    private readonly Lock gate = new();
    private readonly List<(DateTime At, long Size)> sizes = [];
    private ServerProcess? process;

    public int Port { get; } = Ports.Free();

    public RedisDurability Durability { get; } = durability;

    public async Task StartAsync()
    {
        Directory.CreateDirectory(data);
        for (var attempt = 1; ; attempt++)
        {
            var started = ServerProcess.Start(Path.Combine(folder, "redis.log"), "redis-server",
            [
                "--bind", "127.0.0.1", "--port", $"{Port}", "--dir", data, "--save", "", "--daemonize", "no", "--logfile", "",
                "--appendonly", Durability == RedisDurability.None ? "no" : "yes",
                "--appendfsync", Durability == RedisDurability.EverySecond ? "everysec" : "no",
                "--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction",
            ]);
            try
            {
                await started.WaitForLineAsync("Ready to accept connections", Patience);
                process = started;
                return;
            }
            catch (InvalidOperationException) when (attempt < 5)
            {
                started.Dispose();
                await Task.Delay(200);
            }
        }
    }

    public void Kill()
    {
        process?.Dispose();
        process = null;
    }

    public void Pause() => process?.Pause();

    public void Continue() => process?.Continue();

    public RespClient Connect() => new(Port);

    /// <summary>Notes how long the append-only file is now, for <see cref="LoseTail"/>.</summary>
    public void NoteSize()
    {
        if (Durability != RedisDurability.None && File.Exists(AppendOnlyFile))
        {
            lock (gate)
            {
                sizes.Add((DateTime.UtcNow, new FileInfo(AppendOnlyFile).Length));
            }
        }
    }

    /// <summary>Cuts the append-only file of a killed server to what it held some time ago, in the middle of a command.</summary>
    /// <returns>Bytes that were kept and bytes that were lost.</returns>
    public (long Kept, long Lost) LoseTail(TimeSpan ago, int jitterBytes)
    {
        var length = new FileInfo(AppendOnlyFile).Length;
        long kept = 0;
        lock (gate)
        {
            var limit = DateTime.UtcNow - ago;
            foreach (var (at, size) in sizes)
            {
                kept = at <= limit ? size : kept;
            }

            kept = Math.Min(length, kept + jitterBytes);
            sizes.RemoveAll(s => s.Size > kept);
        }

        using var file = new FileStream(AppendOnlyFile, FileMode.Open, FileAccess.Write);
        file.SetLength(kept);
        return (kept, length - kept);
    }

    public void Dispose() => Kill();

    private string AppendOnlyFile => Path.Combine(data, "appendonlydir", "appendonly.aof.1.incr.aof");
}
