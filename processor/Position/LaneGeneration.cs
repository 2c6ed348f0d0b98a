using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>
/// A lane's next generation in Redis while a rebuild fills it. The current one serves until <see cref="SwitchAsync"/>, and goes on serving if
/// the rebuild dies: then <see cref="RedisRebuild.SweepAsync"/> of a later rebuild frees what it left. Not thread-safe.
/// </summary>
public sealed class LaneGeneration
{
    /// <summary>Positions, and fingerprints of one bucket, that go to Redis together.</summary>
    private const int PositionsPerWrite = 4096, SeenPerBlock = 4096;

    private const int FieldsPerCall = 500, SamplePositions = 1000, BufferedSeen = 1 << 20, KeysPerUnlink = 500;
    private readonly IDatabase db;
    private readonly TimeProvider time;
    private readonly string tag, formerBase, freshBase, former, own;
    private readonly List<StockPosition> positions = new(PositionsPerWrite);
    private readonly Dictionary<string, int> locationsBySku = new(StringComparer.Ordinal);
    private readonly List<StockPosition> sample = [];
    private readonly SortedDictionary<long, List<SeenEntry>> seen = [];
    private readonly Dictionary<long, int> blocksByBucket = [];
    private readonly Random random = new(1);
    private int bufferedSeen;
    private long next = -1;

    internal LaneGeneration(IDatabase db, TimeProvider time, string prefix, int partition, string former, string own)
    {
        (this.db, this.time, this.former, this.own, Partition) = (db, time, former, own, partition);
        tag = LaneKeys.Tag(prefix, partition);
        formerBase = LaneKeys.Base(tag, former);
        freshBase = LaneKeys.Base(tag, own);
    }

    public int Partition { get; }

    /// <summary>Positions and fingerprints written so far.</summary>
    public long Positions { get; private set; }

    public long Fingerprints { get; private set; }

    /// <summary>Adds a position; each may be added once.</summary>
    public async ValueTask AddAsync(StockPosition position)
    {
        positions.Add(position);
        Positions++;

        // Reservoir sampling: each position is as likely to be read back as any other.
        if (sample.Count < SamplePositions)
        {
            sample.Add(position);
        }
        else if (random.NextInt64(Positions) is var place && place < SamplePositions)
        {
            sample[(int)place] = position;
        }

        if (positions.Count == PositionsPerWrite)
        {
            await WritePositionsAsync();
        }
    }

    /// <summary>Adds the fingerprint of an event in the time bucket in which it was accepted, in any order.</summary>
    public async ValueTask AddSeenAsync(long bucket, SeenEntry entry)
    {
        if (!seen.TryGetValue(bucket, out var entries))
        {
            seen.Add(bucket, entries = []);
        }

        entries.Add(entry);
        bufferedSeen++;
        Fingerprints++;
        if (entries.Count >= SeenPerBlock)
        {
            await WriteSeenAsync(bucket, entries);
        }
        else if (bufferedSeen >= BufferedSeen)
        {
            await WriteSeenAsync();
        }
    }

    /// <summary>
    /// Writes what is buffered and the lane's record: the first offset that the positions do not hold, the latest event time by source, and the
    /// SKUs with corrections whose event has not come.
    /// </summary>
    public async Task CompleteAsync(long nextOffset, IReadOnlyDictionary<string, long> watermarks, IReadOnlyCollection<string> held)
    {
        await WritePositionsAsync();
        await WriteSeenAsync();
        next = nextOffset;
        HashEntry[] record = [new("next", nextOffset), .. watermarks.Select(w => new HashEntry("wm:" + w.Key, w.Value))];
        if (held.Count > 0)
        {
            await WriteAsync(() => db.SetAddAsync(freshBase + ":held", [.. held.Select(sku => (RedisValue)sku)]));
        }

        await WriteAsync(() => db.HashSetAsync(freshBase + ":lane", record));
    }

    /// <summary>Reads back the number of positions of every SKU, the number of blocks of every bucket, and a sample of the values.</summary>
    /// <exception cref="SetupException">Redis does not hold what was written.</exception>
    public async Task VerifyAsync()
    {
        foreach (var chunk in locationsBySku.Chunk(PositionsPerWrite))
        {
            var lengths = await RedisConnection.GuardAsync(db, () => Task.WhenAll(chunk.Select(s => db.HashLengthAsync(freshBase + LaneKeys.Sku + s.Key, CommandFlags.DemandMaster))));
            for (var i = 0; i < chunk.Length; i++)
            {
                Check(lengths[i] == chunk[i].Value, $"SKU {chunk[i].Key} has {lengths[i]} positions instead of {chunk[i].Value}");
            }
        }

        foreach (var (bucket, blocks) in blocksByBucket)
        {
            var found = await RedisConnection.GuardAsync(db, () => db.ListLengthAsync($"{freshBase}:seen:{bucket}", CommandFlags.DemandMaster));
            Check(found == blocks, $"bucket {bucket} has {found} blocks of fingerprints instead of {blocks}");
        }

        var values = await RedisConnection.GuardAsync(db, () => Task.WhenAll(sample.Select(p => db.HashGetAsync(freshBase + LaneKeys.Sku + p.SkuId, p.LocationId, CommandFlags.DemandMaster))));
        for (var i = 0; i < values.Length; i++)
        {
            Check(!values[i].IsNull && PositionCodec.Read((byte[])values[i]!) == sample[i].State, $"position {sample[i].SkuId} at {sample[i].LocationId} reads back another value");
        }

        void Check(bool holds, string problem) => SetupException.ThrowIf(!holds,
            $"Partition {Partition}: {problem}. The positions in use were not touched; run the rebuild again.");
    }

    /// <summary>Makes this generation the current one, atomically for the whole lane.</summary>
    /// <exception cref="SetupException">Another rebuild, or a store that lost its data, came in between; nothing was switched.</exception>
    public async Task SwitchAsync()
    {
        var outcome = (string?)await RedisConnection.EvaluateAsync(db, GenerationScript.Switch, tag, former, own, next, time.GetUtcNow().ToUnixTimeMilliseconds());
        SetupException.ThrowIf(outcome != "switched",
            $"Partition {Partition}: nothing was switched, because another rebuild took its place or Redis lost data meanwhile ({outcome}). Run the rebuild again.");
    }

    /// <summary>Frees the keys of the generation that was replaced, as far as this one names them; a sweep frees the others.</summary>
    public async Task UnlinkFormerAsync()
    {
        var buckets = await RedisConnection.GuardAsync(db, () => db.SetMembersAsync(formerBase + ":buckets", CommandFlags.DemandMaster));
        await UnlinkAsync(db, locationsBySku.Keys.Select(sku => formerBase + LaneKeys.Sku + sku)
            .Concat(buckets.Select(bucket => $"{formerBase}:seen:{bucket}"))
            .Append(formerBase + ":buckets").Append(formerBase + ":unsettled").Append(formerBase + ":held"));
    }

    /// <summary>Gives up: frees what was written and the claim.</summary>
    public async Task DropAsync()
    {
        await UnlinkAsync(db, locationsBySku.Keys.Select(sku => freshBase + LaneKeys.Sku + sku)
            .Concat(blocksByBucket.Keys.Select(bucket => $"{freshBase}:seen:{bucket}"))
            .Append(freshBase + ":buckets").Append(freshBase + ":held").Append(freshBase + ":lane"));
        await RedisConnection.EvaluateAsync(db, GenerationScript.Release, tag, own);
    }

    /// <summary>Lengthens the claim.</summary>
    internal Task RenewAsync(TimeSpan claim) => RedisConnection.EvaluateAsync(db, GenerationScript.Renew, tag, own, (long)claim.TotalMilliseconds);

    internal static async Task UnlinkAsync(IDatabase db, IEnumerable<string> keys)
    {
        foreach (var chunk in keys.Chunk(KeysPerUnlink))
        {
            // One call a key: the keys of a cluster's other slots would be refused together.
            await RedisConnection.GuardAsync(db, () => Task.WhenAll(chunk.Select(key => db.ExecuteAsync("UNLINK", (RedisKey)key))));
        }
    }

    private async Task WritePositionsAsync()
    {
        positions.Sort(static (a, b) => string.CompareOrdinal(a.SkuId, b.SkuId));
        await WriteAsync(() =>
        {
            var writes = new List<Task>();
            for (var start = 0; start < positions.Count;)
            {
                var sku = positions[start].SkuId;
                var fields = new List<HashEntry>();
                for (; start < positions.Count && positions[start].SkuId == sku && fields.Count < FieldsPerCall; start++)
                {
                    var value = new byte[PositionCodec.Size];
                    PositionCodec.Write(positions[start].State, value);
                    fields.Add(new HashEntry(positions[start].LocationId, value));
                }

                locationsBySku[sku] = locationsBySku.GetValueOrDefault(sku) + fields.Count;
                writes.Add(db.HashSetAsync(freshBase + LaneKeys.Sku + sku, [.. fields]));
            }

            return Task.WhenAll(writes);
        });
        positions.Clear();
    }

    private async Task WriteSeenAsync()
    {
        foreach (var (bucket, entries) in seen)
        {
            await WriteSeenAsync(bucket, entries);
        }

        seen.Clear();
    }

    private async Task WriteSeenAsync(long bucket, List<SeenEntry> entries)
    {
        // A block's offsets are stored as 32-bit distances from its first, which must be its lowest.
        entries.Sort(static (a, b) => a.Offset.CompareTo(b.Offset));
        for (var start = 0; start < entries.Count;)
        {
            var end = start + 1;
            while (end < entries.Count && end - start < SeenPerBlock && entries[end].Offset - entries[start].Offset <= uint.MaxValue)
            {
                end++;
            }

            var block = SeenCodec.Pack(entries.GetRange(start, end - start));
            await WriteAsync(() => Task.WhenAll(
                db.ListRightPushAsync($"{freshBase}:seen:{bucket}", block), db.SetAddAsync(freshBase + ":buckets", bucket)));
            blocksByBucket[bucket] = blocksByBucket.GetValueOrDefault(bucket) + 1;
            start = end;
        }

        bufferedSeen -= entries.Count;
        entries.Clear();
    }

    private Task<bool> WriteAsync(Func<Task> write) => RedisConnection.GuardAsync(db, async () =>
    {
        await write();
        return true;
    });
}
