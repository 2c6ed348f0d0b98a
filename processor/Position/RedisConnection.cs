using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>One connection to Redis, made at the first use, whose faults are <see cref="StoreUnavailableException"/>.</summary>
internal sealed class RedisConnection(PositionOptions options) : IAsyncDisposable
{
    private static readonly string[] TransientErrors = ["LOADING", "BUSY", "MASTERDOWN", "READONLY", "NOSCRIPT", "OOM", "TRYAGAIN"];
    private readonly SemaphoreSlim connecting = new(1, 1);
    private volatile ConnectionMultiplexer? connection;

    public async Task<IDatabase> OpenAsync(CancellationToken token)
    {
        if (connection is { } open)
        {
            return open.GetDatabase();
        }

        await connecting.WaitAsync(token);
        try
        {
            connection ??= await GuardAsync(() => ConnectionMultiplexer.ConnectAsync(Configuration()));
            return connection.GetDatabase();
        }
        finally
        {
            connecting.Release();
        }
    }

    private static bool IsUnavailable(Exception e) => e is RedisConnectionException or TimeoutException or ObjectDisposedException
        || (e is RedisServerException s && TransientErrors.Any(error => s.Message.StartsWith(error, StringComparison.Ordinal)));

    private static StoreUnavailableException Unavailable(Exception e) => new("Redis: " + e.Message.Split('\n')[0], e);

    // The servers that hold keys of their own.
    private static IEnumerable<IServer> Masters(IDatabase db) =>
        db.Multiplexer.GetEndPoints().Select(endpoint => db.Multiplexer.GetServer(endpoint)).Where(server => !server.IsSlave);

    public static Task<RedisResult> EvaluateAsync(IDatabase db, string script, string key, params RedisValue[] arguments) =>
        GuardAsync(db, () => db.ScriptEvaluateAsync(script, [key], arguments));

    /// <summary>A call with a bound: the client itself waits on for a server that keeps its connections and answers nothing.</summary>
    public static Task<T> GuardAsync<T>(IDatabase db, Func<Task<T>> call) =>
        GuardAsync(() => call().WaitAsync(TimeSpan.FromMilliseconds(db.Multiplexer.TimeoutMilliseconds)));

    /// <summary>The keys of a pattern, by SCAN: one may come twice.</summary>
    public static IEnumerable<RedisKey> Scan(IDatabase db, string pattern)
    {
        foreach (var server in Masters(db))
        {
            using var keys = server.Keys(pattern: pattern, pageSize: 1000).GetEnumerator();
            while (MoveNext(keys))
            {
                yield return keys.Current;
            }
        }

        static bool MoveNext(IEnumerator<RedisKey> keys)
        {
            try
            {
                return keys.MoveNext();
            }
            catch (Exception e) when (IsUnavailable(e))
            {
                throw Unavailable(e);
            }
        }
    }

    public static async Task<T> GuardAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception e) when (IsUnavailable(e))
        {
            throw Unavailable(e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (connection is { } open)
        {
            await open.CloseAsync();
        }

        connecting.Dispose();
    }

    private ConfigurationOptions Configuration()
    {
        var configuration = ConfigurationOptions.Parse(options.Connection);
        configuration.ConnectTimeout = options.TimeoutMilliseconds;
        configuration.SyncTimeout = options.TimeoutMilliseconds;
        configuration.ResponseTimeout = options.TimeoutMilliseconds;
        configuration.AbortOnConnectFail = true;
        configuration.ClientName = "stockflow";
        configuration.Ssl = options.Tls;
        configuration.AllowAdmin = false;
        if (options.PasswordFile is { } file)
        {
            var password = File.ReadAllText(file).Trim();
            configuration.Password = password;
        }

        return configuration;
    }
}
