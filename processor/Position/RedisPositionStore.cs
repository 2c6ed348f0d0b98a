using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>Positions in Redis; keys and scripts in <see cref="CommitScript"/>.</summary>
public sealed class RedisPositionStore(PositionOptions options, TimeProvider time) : IPositionStore
{
    private const int SeenElementsPerRead = 64;
    private readonly SemaphoreSlim connecting = new(1, 1);
    private volatile ConnectionMultiplexer? connection;
    private volatile int partitions;

    public async Task CheckAsync(CancellationToken token)
    {
        var db = await ConnectAsync(token);
        RedisResult setting;
        try
        {
            setting = await GuardAsync(() => db.ExecuteAsync("CONFIG", "GET", "maxmemory-policy"));
        }
        catch (RedisServerException)
        {
            return; // A managed Redis may forbid CONFIG; its operators answer for the policy.
        }

        var pair = (RedisValue[])setting!;
        if (pair.Length == 2 && pair[1] != "noeviction")
        {
            throw new SetupException(
                $"Redis at {options.Connection} has maxmemory-policy {pair[1]}: it would forget positions silently. Set it to noeviction.");
        }
    }

    public async Task PinPartitionsAsync(string topic, int partitions, CancellationToken token)
    {
        var db = await ConnectAsync(token);
        var key = $"{options.KeyPrefix}:topology";
        var stored = await GuardAsync(async () =>
        {
            await db.HashSetAsync(key, topic, partitions, When.NotExists);
            return await db.HashGetAsync(key, topic);
        });
        if ((int)stored != partitions)
        {
            throw new SetupException(
                $"Topic {topic} has {partitions} partitions, but the positions under '{options.KeyPrefix}' were built with {stored}: keys would change lanes. Give the topic its former number, or use another positions.keyPrefix and process the topic from its start.");
        }

        this.partitions = partitions;
    }

    public async Task<LaneRecord> AcquireAsync(int partition, CancellationToken token)
    {
        var db = await ConnectAsync(token);
        var tag = Tag(partition);
        var fields = (RedisValue[])await EvaluateAsync(db, CommitScript.Acquire, tag, [time.GetUtcNow().ToUnixTimeMilliseconds()]);
        long epoch = 0, next = -1;
        var watermarks = new Dictionary<string, long>();
        for (var i = 0; i < fields.Length; i += 2)
        {
            var name = (string)fields[i]!;
            if (name == "epoch")
            {
                epoch = (long)fields[i + 1];
            }
            else if (name == "next")
            {
                next = (long)fields[i + 1];
            }
            else if (name.StartsWith("wm:", StringComparison.Ordinal))
            {
                watermarks[name[3..]] = (long)fields[i + 1];
            }
        }

        var unsettled = await GuardAsync(() => db.SetMembersAsync(tag + ":unsettled"));
        return new LaneRecord(epoch, next, watermarks, [.. unsettled.Select(member => ParseKey((string)member!))]);
    }

    public async IAsyncEnumerable<(long Bucket, SeenEntry[] Entries)> LoadSeenAsync(
        int partition, [EnumeratorCancellation] CancellationToken token)
    {
        var db = await ConnectAsync(token);
        var tag = Tag(partition);
        var buckets = await GuardAsync(() => db.SetMembersAsync(tag + ":buckets"));
        var entries = new List<SeenEntry>();
        foreach (var bucket in buckets.Select(b => (long)b).Order())
        {
            for (long start = 0; ; start += SeenElementsPerRead)
            {
                token.ThrowIfCancellationRequested();
                var from = start;
                var blocks = await GuardAsync(() => db.ListRangeAsync($"{tag}:seen:{bucket}", from, from + SeenElementsPerRead - 1));
                entries.Clear();
                foreach (var block in blocks)
                {
                    SeenCodec.Unpack((byte[])block!, entries);
                }

                if (entries.Count > 0)
                {
                    yield return (bucket, entries.ToArray());
                }

                if (blocks.Length < SeenElementsPerRead)
                {
                    break;
                }
            }
        }
    }

    public async Task LoadAsync(int partition, IdTable ids, ReadOnlyMemory<(int Sku, int Location)> keys,
        Memory<PositionState> states, CancellationToken token)
    {
        var db = await ConnectAsync(token);
        var tag = Tag(partition);
        var order = Enumerable.Range(0, keys.Length).ToArray();
        Array.Sort(order, (a, b) => keys.Span[a].Sku.CompareTo(keys.Span[b].Sku));
        await GuardAsync(async () =>
        {
            // One call a SKU, all of them under way at once.
            var reads = new List<(int Start, Task<RedisValue[]> Values)>();
            for (var start = 0; start < order.Length;)
            {
                var sku = keys.Span[order[start]].Sku;
                var end = start;
                while (end < order.Length && keys.Span[order[end]].Sku == sku)
                {
                    end++;
                }

                var fields = Array.ConvertAll(order[start..end], i => (RedisValue)ids.Utf8(keys.Span[i].Location).ToArray());
                reads.Add((start, db.HashGetAsync(tag + ":sku:" + ids.Text(sku), fields)));
                start = end;
            }

            foreach (var (start, values) in reads)
            {
                var found = await values;
                for (var i = 0; i < found.Length; i++)
                {
                    states.Span[order[start + i]] = found[i].IsNull ? default : PositionCodec.Read((byte[])found[i]!);
                }
            }

            return true;
        });
    }

    public async Task<CommitOutcome> CommitAsync(LaneCommit commit, CancellationToken token)
    {
        var db = await ConnectAsync(token);
        var answer = (string)await EvaluateAsync(db, CommitScript.Commit, Tag(commit.Partition), CommitArguments.Of(commit));
        return answer switch
        {
            "applied" => CommitOutcome.Applied,
            "epoch" => CommitOutcome.StaleEpoch,
            _ => CommitOutcome.OffsetMismatch,
        };
    }

    public async Task<IReadOnlyList<StockPosition>> GetAsync(string skuId, CancellationToken token)
    {
        var db = await ConnectAsync(token);
        var tag = Tag(await PartitionAsync(db, skuId));
        var fields = await GuardAsync(() => db.HashGetAllAsync(tag + ":sku:" + skuId));
        return [.. fields
            .Select(f => new StockPosition(skuId, (string)f.Name!, PositionCodec.Read((byte[])f.Value!)))
            .OrderBy(p => p.LocationId, StringComparer.Ordinal)];
    }

    public async Task<StockPosition?> GetAsync(string skuId, string locationId, CancellationToken token)
    {
        var db = await ConnectAsync(token);
        var tag = Tag(await PartitionAsync(db, skuId));
        var value = await GuardAsync(() => db.HashGetAsync(tag + ":sku:" + skuId, locationId));
        return value.IsNull ? null : new StockPosition(skuId, locationId, PositionCodec.Read((byte[])value!));
    }

    public async IAsyncEnumerable<StockPosition> ScanAsync([EnumeratorCancellation] CancellationToken token)
    {
        var db = await ConnectAsync(token);
        foreach (var endpoint in db.Multiplexer.GetEndPoints())
        {
            var server = db.Multiplexer.GetServer(endpoint);
            if (server.IsSlave)
            {
                continue;
            }

            foreach (var key in server.Keys(pattern: $"{{{options.KeyPrefix}:*}}:sku:*", pageSize: 1000))
            {
                token.ThrowIfCancellationRequested();
                var name = (string)key!;
                var sku = name[(name.IndexOf(":sku:", StringComparison.Ordinal) + 5)..];
                foreach (var field in await GuardAsync(() => db.HashGetAllAsync(key)))
                {
                    yield return new StockPosition(sku, (string)field.Name!, PositionCodec.Read((byte[])field.Value!));
                }
            }
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

    private static PositionKey ParseKey(string member)
    {
        var at = member.IndexOf('\0', StringComparison.Ordinal);
        return new PositionKey(member[..at], member[(at + 1)..]);
    }

    private string Tag(int partition) => string.Create(CultureInfo.InvariantCulture, $"{{{options.KeyPrefix}:{partition}}}");

    private async Task<int> PartitionAsync(IDatabase db, string skuId)
    {
        if (partitions == 0)
        {
            var topology = await GuardAsync(() => db.HashGetAllAsync($"{options.KeyPrefix}:topology"));
            partitions = topology.Length == 0 ? 1 : (int)topology[0].Value;
        }

        return Murmur2.Partition(Encoding.UTF8.GetBytes(skuId), partitions);
    }

    private static Task<RedisResult> EvaluateAsync(IDatabase db, string script, string tag, RedisValue[] arguments) =>
        GuardAsync(() => db.ScriptEvaluateAsync(script, [tag], arguments));

    private async Task<IDatabase> ConnectAsync(CancellationToken token)
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

    private static async Task<T> GuardAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception e) when (e is RedisConnectionException or TimeoutException or ObjectDisposedException
            || (e is RedisServerException s && IsTransient(s.Message)))
        {
            throw new StoreUnavailableException("Redis: " + e.Message.Split('\n')[0], e);
        }
    }

    private static bool IsTransient(string message) =>
        message.StartsWith("LOADING", StringComparison.Ordinal) || message.StartsWith("BUSY", StringComparison.Ordinal)
        || message.StartsWith("MASTERDOWN", StringComparison.Ordinal) || message.StartsWith("READONLY", StringComparison.Ordinal)
        || message.StartsWith("NOSCRIPT", StringComparison.Ordinal) || message.StartsWith("OOM", StringComparison.Ordinal) || message.StartsWith("TRYAGAIN", StringComparison.Ordinal);
}
