using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>Commands on stock in Redis: one primary, whose script decides; keys and scripts in <see cref="StockScript"/>.</summary>
/// <param name="options">Where Redis is, and how durable a command must be before it is answered.</param>
/// <param name="topic">The movements' topic, whose partitions are the lanes.</param>
public sealed class RedisStockStore(PositionOptions options, string topic) : IStockStore
{
    private const int PackedSize = 56;

    /// <summary>For a day a repeated command gets the answer that it got.</summary>
    private const long KeyMilliseconds = 24 * 3600 * 1000;

    // WAIT holds its connection, so readers have one of their own.
    private readonly RedisConnection commands = new(options), reads = new(options);
    private readonly string root = options.KeyPrefix + ":stock";
    private string[] tags = [];

    public async Task CheckAsync(CancellationToken token)
    {
        var db = await commands.OpenAsync(token);
        if (options.CommandDurability == PositionOptions.Fsync && await RedisCheck.SettingAsync(db, "appendfsync") is { } value && value != "always")
        {
            throw new SetupException($"positions.commandDurability is fsync, but Redis at {options.Connection} has appendfsync {value}; set it to always (with appendonly yes).");
        }
    }

    public async Task<StockOutcome> ExecuteAsync(StockTransaction transaction, CancellationToken token)
    {
        var db = await commands.OpenAsync(token);
        await LearnAsync(db);
        var arguments = StockPlan.Encode(transaction, KeyMilliseconds, Tag);
        var run = RedisConnection.EvaluateAsync(db, StockScript.Execute, root, arguments);

        // On one connection the WAIT stands behind its script, whatever other commands are under way.
        var copies = options.CommandDurability == PositionOptions.Replica
            ? RedisConnection.GuardAsync(db, () => db.ExecuteAsync("WAIT", 1, options.ReplicaWaitMilliseconds))
            : null;
        var answer = (RedisResult[])await run;
        var durability = copies is null ? options.CommandDurability : (long)await copies > 0 ? PositionOptions.Replica : PositionOptions.Async;
        return Outcome(answer, durability);
    }

    public async Task<(long NowTs, AtpAnswer[] Answers)> ReadAsync(IReadOnlyList<PositionKey> keys, bool dated, CancellationToken token)
    {
        var db = await reads.OpenAsync(token);
        await LearnAsync(db);
        var answers = new AtpAnswer[keys.Count];
        var lanes = Enumerable.Range(0, keys.Count).GroupBy(i => Murmur2.Partition(Encoding.UTF8.GetBytes(keys[i].SkuId), tags.Length)).ToArray();
        var nows = await Task.WhenAll(lanes.Select(async lane =>
        {
            int[] places = [.. lane];
            var arguments = new RedisValue[1 + (2 * places.Length)];
            arguments[0] = dated ? 1 : 0;
            for (var i = 0; i < places.Length; i++)
            {
                arguments[1 + (2 * i)] = keys[places[i]].SkuId;
                arguments[2 + (2 * i)] = keys[places[i]].LocationId;
            }

            var found = (RedisResult[])await RedisConnection.EvaluateAsync(db, StockScript.Read, tags[lane.Key], arguments);
            var marks = new AtpLane((long)found[1], (long)found[2]);
            for (var i = 0; i < places.Length; i++)
            {
                var sku = keys[places[i]].SkuId;
                answers[places[i]] = new AtpAnswer(marks, States(sku, (RedisValue[])found[3 + (2 * i)]), Dated(sku, (RedisValue[])found[4 + (2 * i)]));
            }

            return (long)found[0];
        }));
        return (nows.Length == 0 ? 0 : nows.Min(), answers);
    }

    public async Task<StockDocument?> FindAsync(string kind, string id, CancellationToken token)
    {
        var db = await reads.OpenAsync(token);
        var found = await RedisConnection.GuardAsync(db, () => db.HashGetAsync($"{root}:doc:{kind}:{id}", ["r", "b"], CommandFlags.DemandMaster));
        return found[0].IsNull ? null : new StockDocument(kind, id, (long)found[0], (byte[])found[1]!);
    }

    public async Task<IReadOnlyList<StockDocument>> ListAsync(string kind, string list, string? after, int limit, CancellationToken token)
    {
        var db = await reads.OpenAsync(token);
        var found = (RedisValue[])await RedisConnection.EvaluateAsync(db, StockScript.List, root, kind, list, after ?? "", limit);
        var documents = new StockDocument[found.Length / 3];
        for (var i = 0; i < documents.Length; i++)
        {
            documents[i] = new StockDocument(kind, (string)found[3 * i]!, (long)found[(3 * i) + 1], (byte[])found[(3 * i) + 2]!);
        }

        return documents;
    }

    public async Task<StoredAnswer?> FindAnswerAsync(string key, CancellationToken token)
    {
        var db = await reads.OpenAsync(token);
        var found = await RedisConnection.GuardAsync(db, () => db.HashGetAsync($"{root}:key:{key}", ["hash", "answer"], CommandFlags.DemandMaster));
        return found[0].IsNull ? null : new StoredAnswer((string)found[0]!, (byte[])found[1]!);
    }

    public async Task<IReadOnlyList<(string Kind, string Id)>> DueAsync(int limit, CancellationToken token)
    {
        var db = await reads.OpenAsync(token);
        var found = (RedisValue[])await RedisConnection.EvaluateAsync(db, StockScript.Due, root, limit);
        return [.. found.Select(member => (string)member!).Select(member => member.IndexOf(':', StringComparison.Ordinal) is var colon
            ? (member[..colon], member[(colon + 1)..])
            : default)];
    }

    public async Task<IReadOnlyList<int>> OutboxesAsync(CancellationToken token)
    {
        var db = await reads.OpenAsync(token);
        var found = await RedisConnection.GuardAsync(db, () => db.SetMembersAsync(root + ":outboxes", CommandFlags.DemandMaster));
        return [.. found.Select(tag => (string)tag!).Select(tag =>
            int.Parse(tag.AsSpan(tag.LastIndexOf(':') + 1).TrimEnd('}'), NumberStyles.None, CultureInfo.InvariantCulture))];
    }

    public async Task<IReadOnlyList<OutboxEntry>> OutboxAsync(int partition, int limit, CancellationToken token)
    {
        var db = await reads.OpenAsync(token);
        var found = (RedisResult[])await RedisConnection.GuardAsync(db, () => db.ExecuteAsync("XRANGE", LaneKeys.Tag(options.KeyPrefix, partition) + ":outbox", "-", "+", "COUNT", limit));
        return [.. found.Select(entry => (RedisResult[])entry).Select(entry => new OutboxEntry((string)entry[0]!,
            JsonSerializer.Deserialize((byte[])((RedisResult[])entry[1])[1]!, OutboxJson.Default.StockMove)!))];
    }

    public async Task ForwardedAsync(int partition, IReadOnlyList<OutboxEntry> entries, CancellationToken token)
    {
        var db = await commands.OpenAsync(token);
        RedisValue[] arguments = [LaneKeys.Tag(options.KeyPrefix, partition), .. entries.Select(entry => (RedisValue)entry.Id)];
        await RedisConnection.EvaluateAsync(db, StockScript.Forwarded, root, arguments);
    }

    public async ValueTask DisposeAsync()
    {
        await commands.DisposeAsync();
        await reads.DisposeAsync();
    }

    private static StockOutcome Outcome(RedisResult[] answer, string durability)
    {
        var now = (long)answer[1];
        switch ((string)answer[0]!)
        {
            case "applied":
                return new StockOutcome(StockVerdict.Applied, now, durability);
            case "repeated":
                return new StockOutcome(StockVerdict.Repeated, now, durability) { Answer = (byte[])answer[2]! };
            case "short":
                var shortages = new StockShortage[(answer.Length - 2) / 4];
                for (var i = 0; i < shortages.Length; i++)
                {
                    var at = 2 + (4 * i);
                    shortages[i] = new StockShortage((string)answer[at]!, (string)answer[at + 1]!, (long)answer[at + 2], (long)answer[at + 3]);
                }

                return new StockOutcome(StockVerdict.Insufficient, now, durability) { Shortages = shortages };
            case var verdict:
                return new StockOutcome(verdict switch
                {
                    "reused" => StockVerdict.KeyReused,
                    "conflict" => StockVerdict.Conflict,
                    "time" => StockVerdict.WrongTime,
                    _ => StockVerdict.Behind,
                }, now, durability);
        }
    }

    private static AtpState[] States(string sku, RedisValue[] found)
    {
        var states = new AtpState[found.Length / 4];
        var count = 0;
        for (var i = 0; i < found.Length; i += 4)
        {
            byte[] position = found[i + 1]!, stock = found[i + 2]!;
            if (position.Length > 0 || stock.Length > 0)
            {
                states[count++] = State(sku, found[i]!, position, stock, (long)found[i + 3]);
            }
        }

        Array.Resize(ref states, count);
        return states;
    }

    private static AtpState State(string sku, string location, byte[] position, byte[] stock, long lapsed)
    {
        var state = position.Length == 0 ? default : PositionCodec.Read(position);
        if (stock.Length != PackedSize)
        {
            return new AtpState(sku, location, state, 0, 0, 0);
        }

        state.OnHand += Number(stock, 0);
        state.Unsellable += Number(stock, 1);
        state.Reserved += Number(stock, 2);
        state.InTransitIn += Number(stock, 3);
        state.InTransitOut += Number(stock, 4);
        return new AtpState(sku, location, state, Number(stock, 5), lapsed, Number(stock, 6));
    }

    private static long Number(byte[] stock, int index) => BinaryPrimitives.ReadInt64LittleEndian(stock.AsSpan(8 * index));

    private static DatedQuantity[] Dated(string sku, RedisValue[] found)
    {
        var dated = new DatedQuantity[found.Length / 2];
        for (var i = 0; i < dated.Length; i++)
        {
            string field = found[2 * i]!, value = found[(2 * i) + 1]!;
            var zero = field.IndexOf('\0', StringComparison.Ordinal);
            var colon = value.IndexOf(':', StringComparison.Ordinal);
            dated[i] = new DatedQuantity(sku, field[..zero], field[(zero + 1)..],
                long.Parse(value.AsSpan(0, colon), CultureInfo.InvariantCulture), long.Parse(value.AsSpan(colon + 1), CultureInfo.InvariantCulture));
        }

        return dated;
    }

    // A process that runs no lanes learns the number of partitions from the first that did.
    private async Task LearnAsync(IDatabase db)
    {
        if (tags.Length > 0)
        {
            return;
        }

        var partitions = await RedisConnection.GuardAsync(db, () => db.HashGetAsync(options.KeyPrefix + ":topology", topic, CommandFlags.DemandMaster));
        if (partitions.IsNull)
        {
            throw new StoreUnavailableException($"Redis: nothing is known of topic {topic} yet; a processor must have started.");
        }

        tags = [.. Enumerable.Range(0, (int)partitions).Select(partition => LaneKeys.Tag(options.KeyPrefix, partition))];
    }

    private string Tag(string skuId) => tags[Murmur2.Partition(Encoding.UTF8.GetBytes(skuId), tags.Length)];
}
