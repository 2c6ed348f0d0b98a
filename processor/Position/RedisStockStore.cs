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
    private const int PackedSize = 64;

    /// <summary>Questions of at most so many keys are asked together with others; so many such calls are under way at once.</summary>
    private const int SharedKeys = 8, Asking = 2;

    /// <summary>For a day a repeated command gets the answer that it got.</summary>
    private const long KeyMilliseconds = 24 * 3600 * 1000;

    // WAIT holds its connection, so readers have one of their own.
    private readonly RedisConnection commands = new(options), reads = new(options);
    private readonly string root = options.KeyPrefix + ":stock";
    private readonly List<Question> waiting = [];
    private int asking;
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
        // Single reads of many callers go together: a call for each would cost both ends several times what its work does.
        if (keys.Count > SharedKeys)
        {
            return await ReadNowAsync(keys, dated);
        }

        var question = new Question(keys, dated);
        var mustAsk = false;
        lock (waiting)
        {
            waiting.Add(question);
            if (asking < Asking)
            {
                asking++;
                mustAsk = true;
            }
        }

        if (mustAsk)
        {
            _ = AskAsync();
        }

        return await question.Answer.Task;
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

    // While one call is under way the next ones gather.
    private async Task AskAsync()
    {
        var questions = new List<Question>();
        while (true)
        {
            questions.Clear();
            lock (waiting)
            {
                if (waiting.Count == 0)
                {
                    asking--;
                    return;
                }

                questions.AddRange(waiting);
                waiting.Clear();
            }

            foreach (var dated in new[] { false, true })
            {
                var some = questions.Where(question => question.Dated == dated).ToArray();
                if (some.Length == 0)
                {
                    continue;
                }

                try
                {
                    var (now, answers) = await ReadNowAsync([.. some.SelectMany(question => question.Keys)], dated);
                    var at = 0;
                    foreach (var question in some)
                    {
                        question.Answer.SetResult((now, answers[at..(at + question.Keys.Count)]));
                        at += question.Keys.Count;
                    }
                }
                catch (Exception e)
                {
                    Array.ForEach(some, question => question.Answer.SetException(e));
                }
            }
        }
    }

    private async Task<(long NowTs, AtpAnswer[] Answers)> ReadNowAsync(IReadOnlyList<PositionKey> keys, bool dated)
    {
        if (keys.Count == 0)
        {
            return (0, []);
        }

        var db = await reads.OpenAsync(default);
        await LearnAsync(db);
        var order = ByLane(keys, out var arguments);
        arguments[0] = dated ? 1 : 0;
        var found = (RedisResult[])await RedisConnection.EvaluateAsync(db, StockScript.Read, root, arguments);
        var answers = new AtpAnswer[keys.Count];
        var (at, i) = (1, 0);
        while (i < keys.Count)
        {
            var (lane, until) = (new AtpLane((long)found[at], (long)found[at + 1]), i);
            for (at += 2; until < keys.Count && order[until].Lane == order[i].Lane; until++)
            {
                var key = keys[order[until].Key];
                var states = key.LocationId.Length > 0 ? One(key, (byte[])found[at]!) : All(key.SkuId, (RedisValue[])found[at]);
                answers[order[until].Key] = new AtpAnswer(lane, states, dated ? Dated(key.SkuId, (RedisValue[])found[at + 1]) : []);
                at += dated ? 2 : 1;
            }

            i = until;
        }

        return ((long)found[0], answers);
    }

    private (int Lane, int Key)[] ByLane(IReadOnlyList<PositionKey> keys, out RedisValue[] arguments)
    {
        Span<byte> utf8 = stackalloc byte[4 * 64];
        var order = new (int Lane, int Key)[keys.Count];
        var lanes = 0;
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = (Murmur2.Partition(utf8[..Encoding.UTF8.GetBytes(keys[i].SkuId, utf8)], tags.Length), i);
        }

        Array.Sort(order);
        for (var i = 0; i < order.Length; i++)
        {
            lanes += i == 0 || order[i].Lane != order[i - 1].Lane ? 1 : 0;
        }

        arguments = new RedisValue[1 + (2 * lanes) + (2 * order.Length)];
        for (int i = 0, at = 1, count = 0; i < order.Length; i++)
        {
            if (i == 0 || order[i].Lane != order[i - 1].Lane)
            {
                for (count = i; count < order.Length && order[count].Lane == order[i].Lane; count++)
                {
                }

                arguments[at++] = tags[order[i].Lane];
                arguments[at++] = count - i;
            }

            arguments[at++] = keys[order[i].Key].SkuId;
            arguments[at++] = keys[order[i].Key].LocationId;
        }

        return order;
    }

    private static AtpState[] One(PositionKey key, byte[] value) => value.Length == 0 ? [] : [State(key.SkuId, key.LocationId, value)];

    private static AtpState[] All(string sku, RedisValue[] found)
    {
        var states = new AtpState[found.Length / 2];
        for (var i = 0; i < states.Length; i++)
        {
            states[i] = State(sku, found[2 * i]!, (byte[])found[(2 * i) + 1]!);
        }

        return states;
    }

    private static AtpState State(string sku, string location, byte[] value)
    {
        var state = value[0] == 0 ? default : PositionCodec.Read(value.AsSpan(0, PositionCodec.Size));
        if (value.Length == PositionCodec.Size)
        {
            return new AtpState(sku, location, state, 0, 0, 0);
        }

        var stock = value.AsSpan(PositionCodec.Size);
        state.OnHand += Number(stock, 0);
        state.Unsellable += Number(stock, 1);
        state.Reserved += Number(stock, 2);
        state.InTransitIn += Number(stock, 3);
        state.InTransitOut += Number(stock, 4);
        return new AtpState(sku, location, state, Number(stock, 5), stock.Length > PackedSize ? Number(stock, 8) : 0, Number(stock, 6));
    }

    private static long Number(ReadOnlySpan<byte> stock, int index) => BinaryPrimitives.ReadInt64LittleEndian(stock[(8 * index)..]);

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

    /// <summary>A read that waits for its turn.</summary>
    private sealed record Question(IReadOnlyList<PositionKey> Keys, bool Dated)
    {
        // What follows runs where the answer came in: waking a thread for each of many short ends would cost more than they do.
        public TaskCompletionSource<(long NowTs, AtpAnswer[] Answers)> Answer { get; } = new();
    }
}
