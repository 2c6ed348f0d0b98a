using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>Positions in Redis; keys in <see cref="LaneKeys"/>, scripts in <see cref="CommitScript"/>.</summary>
public sealed partial class RedisPositionStore(PositionOptions options, TimeProvider time, ILogger? logger = null) : IPositionStore
{
    private const int SeenElementsPerRead = 64;
    private readonly RedisConnection redis = new(options);

    // Where each lane that was acquired reads and writes. A lane that lost its place may find the base of its successor here;
    // the epoch keeps it from writing there.
    private readonly ConcurrentDictionary<int, string> bases = new();

    // By the lane that owns the commit: one that is aborted may still be at its last call when its successor makes its first.
    private readonly ConditionalWeakTable<LaneCommit, CommitEncoder> encoders = [];
    private readonly BlobPool blobs = new();
    private volatile int partitions;

    public bool OutlivesProcess => true;

    public async Task CheckAsync(CancellationToken token) => await RedisCheck.RunAsync(await redis.OpenAsync(token), options.Connection, logger);

    public async Task<bool> PinPartitionsAsync(string topic, int partitions, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var key = $"{options.KeyPrefix}:topology";
        var (isNew, stored) = await RedisConnection.GuardAsync(db, async () =>
            (await db.HashSetAsync(key, topic, partitions, When.NotExists), await db.HashGetAsync(key, topic, CommandFlags.DemandMaster)));
        if ((int)stored != partitions)
        {
            throw new SetupException(
                $"Topic {topic} has {partitions} partitions, but the positions under '{options.KeyPrefix}' were built with {stored}: keys would change lanes. Give the topic its former number, or grow as 'More partitions' in processor/README.md says.");
        }

        this.partitions = partitions;
        return !isNew;
    }

    public async Task<LaneRecord> AcquireAsync(int partition, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var answer = (RedisResult[])await RedisConnection.EvaluateAsync(db, CommitScript.Acquire, Tag(partition), time.GetUtcNow().ToUnixTimeMilliseconds());
        if (answer.Length == 0)
        {
            throw new StoreUnavailableException($"Partition {partition} is being repaired ('processor reconcile'); it is free again within seconds.");
        }

        var lane = bases[partition] = (string)answer[0]!;
        var fields = (RedisValue[])answer[1];
        long epoch = 0, next = -1, revision = 0;
        var marks = default(LaneMarks);
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
            else if (name == "revision")
            {
                revision = (long)fields[i + 1];
            }
            else if (name == "watermark")
            {
                marks = marks with { WatermarkTs = (long)fields[i + 1] };
            }
            else if (name == "close")
            {
                marks = marks with { CloseTs = (long)fields[i + 1] };
            }
            else if (name.StartsWith("wm:", StringComparison.Ordinal))
            {
                watermarks[name[3..]] = (long)fields[i + 1];
            }
        }

        var unsettled = await RedisConnection.GuardAsync(db, () => db.SetMembersAsync(lane + ":unsettled", CommandFlags.DemandMaster));
        var held = await RedisConnection.GuardAsync(db, () => db.SetMembersAsync(lane + ":held", CommandFlags.DemandMaster));
        return new LaneRecord(epoch, next, revision, watermarks, [.. unsettled.Select(member => ParseKey((string)member!))], [.. held.Select(sku => (string)sku!)]) { Marks = marks };
    }

    public async Task<bool> IsOwnerAsync(int partition, long epoch, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        return await RedisConnection.GuardAsync(db, () => db.HashGetAsync(Base(partition) + ":lane", "epoch", CommandFlags.DemandMaster)) == epoch;
    }

    public async IAsyncEnumerable<(long Bucket, SeenEntry[] Entries)> LoadSeenAsync(
        int partition, [EnumeratorCancellation] CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var lane = Base(partition);
        var buckets = await RedisConnection.GuardAsync(db, () => db.SetMembersAsync(lane + ":buckets", CommandFlags.DemandMaster));
        var entries = new List<SeenEntry>();
        foreach (var bucket in buckets.Select(b => (long)b).Order())
        {
            for (long start = 0; ; start += SeenElementsPerRead)
            {
                token.ThrowIfCancellationRequested();
                var from = start;
                var blocks = await RedisConnection.GuardAsync(db, () => db.ListRangeAsync($"{lane}:seen:{bucket}", from, from + SeenElementsPerRead - 1, CommandFlags.DemandMaster));
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
        var db = await redis.OpenAsync(token);
        var lane = Base(partition);
        var order = Enumerable.Range(0, keys.Length).ToArray();
        Array.Sort(order, (a, b) => keys.Span[a].Sku.CompareTo(keys.Span[b].Sku));
        await RedisConnection.GuardAsync(db, async () =>
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
                reads.Add((start, db.HashGetAsync(lane + LaneKeys.Sku + ids.Text(sku), fields, CommandFlags.DemandMaster)));
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
        var db = await redis.OpenAsync(token);
        var encoder = encoders.GetValue(commit, _ => new CommitEncoder(blobs));
        var answer = (string)await RedisConnection.EvaluateAsync(db, CommitScript.Commit, Base(commit.Partition), encoder.Encode(commit));

        // Only now: the client may still send what a failed call was given.
        blobs.Return(encoder.Blob);
        return answer switch
        {
            "applied" => CommitOutcome.Applied,
            "epoch" => CommitOutcome.StaleEpoch,
            _ => CommitOutcome.OffsetMismatch,
        };
    }

    public async Task<IReadOnlyDictionary<int, LaneMarks>> MarksAsync(int partitions, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var answers = await Task.WhenAll(Enumerable.Range(0, partitions).Select(p => RedisConnection.EvaluateAsync(db, CommitScript.ReadMarks, Tag(p))));
        var marks = new Dictionary<int, LaneMarks>();
        for (var p = 0; p < partitions; p++)
        {
            if ((RedisValue[])answers[p] is [{ IsNull: false } watermark, var close])
            {
                marks[p] = new LaneMarks((long)watermark, (long)close);
            }
        }

        return marks;
    }

    public async ValueTask DisposeAsync() => await redis.DisposeAsync();

    private static PositionKey ParseKey(string member)
    {
        var at = member.IndexOf('\0', StringComparison.Ordinal);
        return new PositionKey(member[..at], member[(at + 1)..]);
    }

    private string Tag(int partition) => LaneKeys.Tag(options.KeyPrefix, partition);

    private string Base(int partition) => bases.GetValueOrDefault(partition) ?? Tag(partition);
}
