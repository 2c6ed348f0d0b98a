using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>
/// One connection to Redis, made at the first use, whose faults are <see cref="StoreUnavailableException"/>. Of several addresses the
/// master's is used. Does it answer nothing for two timeouts, or say that it is a replica, a new connection looks for the master anew: the
/// client itself stays for a minute with such a one.
/// </summary>
internal sealed class RedisConnection(PositionOptions options) : IAsyncDisposable
{
    private const int MostConnects = 3, MostForPing = 2000, MostAsReplica = 500;

    private const string ReadOnly = "READONLY";

    private static readonly string[] TransientErrors = ["LOADING", "BUSY", "MASTERDOWN", ReadOnly, "NOSCRIPT", "OOM", "TRYAGAIN"];
    private static readonly ConditionalWeakTable<ConnectionMultiplexer, Failing> Faults = new();
    private readonly SemaphoreSlim connecting = new(1, 1);
    private volatile ConnectionMultiplexer? connection;

    public async Task<IDatabase> OpenAsync(CancellationToken token)
    {
        if (connection is { } open && !IsLost(open))
        {
            return open.GetDatabase();
        }

        await connecting.WaitAsync(token);
        try
        {
            if (connection is { } lost)
            {
                if (!IsLost(lost))
                {
                    return lost.GetDatabase();
                }

                // Fails this, the next attempt is as far away again; meanwhile the former connection may recover.
                Faults.GetOrCreateValue(lost).Since = Environment.TickCount64;
            }

            var former = connection;
            connection = await GuardAsync(ConnectAsync);
            Close(former);
            return connection.GetDatabase();
        }
        finally
        {
            connecting.Release();
        }
    }

    private bool IsLost(ConnectionMultiplexer open) =>
        Faults.TryGetValue(open, out var failing) && failing.Since is var since and > 0
        && Environment.TickCount64 - since > (failing.IsReplica ? MostAsReplica : 2 * options.TimeoutMilliseconds);

    private static bool IsUnavailable(Exception e) => e is RedisConnectionException or TimeoutException or ObjectDisposedException
        || (e is RedisServerException s && TransientErrors.Any(error => s.Message.StartsWith(error, StringComparison.Ordinal)));

    private static StoreUnavailableException Unavailable(Exception e) => new("Redis: " + e.Message.Split('\n')[0], e);

    // The servers that hold keys of their own. Of several that are no cluster it is the master alone; a former one may be away for good.
    private static IServer[] Masters(IDatabase db)
    {
        var servers = Array.ConvertAll(db.Multiplexer.GetEndPoints(), endpoint => db.Multiplexer.GetServer(endpoint));
        return servers.Any(server => server.ServerType == ServerType.Cluster)
            ? Array.FindAll(servers, server => !server.IsSlave)
            : [db.Multiplexer.GetServer(db.IdentifyEndpoint(flags: CommandFlags.DemandMaster))];
    }

    /// <summary>
    /// A script at the master. Reads outside of scripts name <see cref="CommandFlags.DemandMaster"/> themselves: by default the client asks a
    /// replica while the master is away, and what a replica lacks would be written over.
    /// </summary>
    public static Task<RedisResult> EvaluateAsync(IDatabase db, string script, string key, params RedisValue[] arguments) =>
        GuardAsync(db, () => db.ScriptEvaluateAsync(script, [key], arguments, CommandFlags.DemandMaster));

    /// <summary>A call with a bound: the client itself waits on for a server that keeps its connections and answers nothing.</summary>
    public static async Task<T> GuardAsync<T>(IDatabase db, Func<Task<T>> call)
    {
        try
        {
            var answer = await GuardAsync(() => call().WaitAsync(TimeSpan.FromMilliseconds(db.Multiplexer.TimeoutMilliseconds)));
            if (Faults.TryGetValue(db.Multiplexer, out var failing) && !failing.IsReplica)
            {
                failing.Since = 0;
            }

            return answer;
        }
        catch (StoreUnavailableException e)
        {
            var failing = Faults.GetOrCreateValue(db.Multiplexer);
            failing.IsReplica |= e.InnerException is RedisServerException answer && answer.Message.StartsWith(ReadOnly, StringComparison.Ordinal);
            failing.Since = failing.Since == 0 ? Environment.TickCount64 : failing.Since;
            throw;
        }
    }

    /// <summary>The keys of a pattern, by SCAN, up to 1,000 at a time: one may come twice.</summary>
    public static async IAsyncEnumerable<RedisKey[]> ScanAsync(IDatabase db, string pattern)
    {
        const int Page = 1000;
        foreach (var server in await GuardAsync(() => OwnThreads.RunAsync(() => Masters(db))))
        {
            using var pages = server.Keys(pattern: pattern, pageSize: Page).Chunk(Page).GetEnumerator();
            while (await GuardAsync(() => OwnThreads.RunAsync(pages.MoveNext)))
            {
                yield return pages.Current;
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        Close(connection);
        connecting.Dispose();
        return ValueTask.CompletedTask;
    }

    private static async Task<T> GuardAsync<T>(Func<Task<T>> call)
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

    // This client can leave the first question to a new connection unsent, and with it all that follow: one that does not speak is replaced.
    private async Task<ConnectionMultiplexer> ConnectAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            var fresh = await ConnectionMultiplexer.ConnectAsync(Configuration());
            try
            {
                await fresh.GetDatabase().PingAsync().WaitAsync(TimeSpan.FromMilliseconds(Math.Min(options.TimeoutMilliseconds, MostForPing)));
                return fresh;
            }
            catch (RedisServerException)
            {
                // A refusal is an answer too.
                return fresh;
            }
            catch (Exception e)
            {
                Close(fresh);
                if (e is not TimeoutException || attempt == MostConnects)
                {
                    throw;
                }
            }
        }
    }

    // Without goodbyes, which a server that hangs would hold up. CloseAsync would leave the connection's thread behind.
    private static void Close(ConnectionMultiplexer? old) => old?.Close(allowCommandsToComplete: false);

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

        if (options.CaFile is { } authority)
        {
            var policy = OwnAuthorities.Policy(authority, "positions.caFile");
            configuration.CertificateValidation += (_, certificate, chain, errors) => IsTrusted(certificate, chain, errors, policy);
        }

        return configuration;
    }

    // The chain is judged anew by the given authorities; a name that does not fit, or no certificate, is never trusted.
    private static bool IsTrusted(X509Certificate? certificate, X509Chain? sent, SslPolicyErrors errors, X509ChainPolicy policy)
    {
        if (certificate is null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != 0)
        {
            return false;
        }

        using var chain = new X509Chain { ChainPolicy = policy.Clone() };
        if (sent is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
            foreach (var element in sent.ChainElements)
            {
                chain.ChainPolicy.ExtraStore.Add(element.Certificate);
            }
        }

        return chain.Build((X509Certificate2)certificate);
    }

    private sealed class Failing
    {
        /// <summary>Since when the connection answers nothing but faults, in milliseconds of the system's clock; 0 while it answers.</summary>
        public long Since;

        /// <summary>Whether it refused to write. That it answers reads is then no sign of health.</summary>
        public volatile bool IsReplica;
    }
}
