using System.Globalization;
using System.Runtime.CompilerServices;
using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <summary>All positions of a SKU with the offset that they hold.</summary>
/// <param name="SkuId">The SKU.</param>
/// <param name="Partition">Its lane.</param>
/// <param name="NextOffset">The records below it are in the positions; -1 where the lane has no record.</param>
/// <param name="Positions">By location; null for a value that can not be read.</param>
/// <param name="Unsettled">Locations that wait for the ledger; with '' among them any may.</param>
public sealed record SkuPositions(
    string SkuId, int Partition, long NextOffset, IReadOnlyDictionary<string, PositionState?> Positions, IReadOnlySet<string> Unsettled);

/// <summary>A lane that a repair holds: its owner is refused, and nobody opens it until the hold ends.</summary>
public readonly record struct HeldLane(int Partition, string Token, long Epoch, long NextOffset);

/// <summary>A position as the ledger has it; null where it has none.</summary>
public readonly record struct PositionRepair(PositionKey Key, PositionState? State);

/// <summary>The Redis side of a reconciliation. A Redis that does not answer is a <see cref="StoreUnavailableException"/>.</summary>
public sealed class RedisReconcile(PositionOptions options, TimeProvider time) : IAsyncDisposable
{
    private const int RepairsPerScript = 500;
    private readonly RedisConnection redis = new(options);

    private string ResultKey => options.KeyPrefix + ":reconcile";

    /// <summary>Reads SKUs, each with its lane's offset in one step.</summary>
    public async Task<SkuPositions[]> ReadAsync(IEnumerable<(string Sku, int Partition)> skus, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        return await Task.WhenAll(skus.Select(async s =>
        {
            var answer = (RedisResult[])await RedisConnection.EvaluateAsync(db, ReconcileScript.ReadSku, Tag(s.Partition), s.Sku);
            var fields = (RedisValue[])answer[1];
            var positions = new Dictionary<string, PositionState?>(StringComparer.Ordinal);
            for (var i = 0; i < fields.Length; i += 2)
            {
                positions[(string)fields[i]!] = TryRead((byte[])fields[i + 1]!);
            }

            var next = (string?)answer[0];
            return new SkuPositions(s.Sku, s.Partition, string.IsNullOrEmpty(next) ? -1 : long.Parse(next, CultureInfo.InvariantCulture),
                positions, ((RedisValue[])answer[2]).Select(location => (string)location!).ToHashSet(StringComparer.Ordinal));
        }));
    }

    /// <summary>Every SKU of the current generations; one may come twice.</summary>
    public async IAsyncEnumerable<(string Sku, int Partition)> SkusAsync([EnumeratorCancellation] CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var generations = new Dictionary<int, string>();
        await foreach (var key in RedisConnection.ScanAsync(db, LaneKeys.Pattern(options.KeyPrefix, LaneKeys.Sku[1..] + "*")).SelectMany(page => page))
        {
            token.ThrowIfCancellationRequested();
            if (!LaneKeys.TryParse((string)key!, out var partition, out var generation, out var rest))
            {
                continue;
            }

            if (!generations.TryGetValue(partition, out var current))
            {
                generations[partition] = current = (string?)await RedisConnection.GuardAsync(db, () => db.StringGetAsync(Tag(partition) + ":generation", CommandFlags.DemandMaster)) ?? "";
            }

            if (generation == current)
            {
                yield return (rest[(LaneKeys.Sku.Length - 1)..], partition);
            }
        }
    }

    /// <summary>Takes a lane from its owner for at most <paramref name="bound"/>. Null where another repair holds it or it has no record.</summary>
    public async Task<HeldLane?> HoldAsync(int partition, TimeSpan bound, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var mine = Guid.NewGuid().ToString("N");
        var answer = (RedisValue[])await RedisConnection.EvaluateAsync(db, ReconcileScript.Hold, Tag(partition),
            mine, (long)bound.TotalMilliseconds, time.GetUtcNow().ToUnixTimeMilliseconds());
        return answer.Length == 0 ? null : new HeldLane(partition, mine, (long)answer[0], (long)answer[1]);
    }

    /// <summary>Sets positions to what the ledger has as of the held lane's offset. False if the hold had ended and the lane went on; a part may then be done.</summary>
    public async Task<bool> RepairAsync(HeldLane lane, IReadOnlyList<PositionRepair> repairs, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        foreach (var chunk in repairs.Chunk(RepairsPerScript))
        {
            var arguments = new List<RedisValue> { lane.Epoch, lane.NextOffset };
            foreach (var (key, state) in chunk)
            {
                var value = state is null ? [] : new byte[PositionCodec.Size];
                if (state is { } position)
                {
                    PositionCodec.Write(position, value);
                }

                arguments.AddRange([key.SkuId, key.LocationId, value]);
            }

            if ((long)await RedisConnection.EvaluateAsync(db, ReconcileScript.Repair, Tag(lane.Partition), [.. arguments]) == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Lets the owner open the lane again.</summary>
    public async Task ReleaseAsync(HeldLane lane, CancellationToken token) =>
        await RedisConnection.EvaluateAsync(await redis.OpenAsync(token), ReconcileScript.Release, Tag(lane.Partition), lane.Token);

    /// <summary>Leaves the run's result for the processors, which show it as metrics.</summary>
    public async Task SaveAsync(ReconcileResult result, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        HashEntry[] fields =
        [
            new("finished", result.FinishedTs), new("compared", result.Compared), new("drifting", result.Drifting), new("unsettled", result.Unsettled),
            new("duplicates", result.Duplicates), new("reused", result.Reused), new("repaired", result.Repaired), new("compensations", result.Compensations),
        ];
        await RedisConnection.GuardAsync(db, async () =>
        {
            await db.HashSetAsync(ResultKey, fields);
            return true;
        });
    }

    /// <summary>The last run's result, or null before the first.</summary>
    public async Task<ReconcileResult?> LastAsync(CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var fields = (await RedisConnection.GuardAsync(db, () => db.HashGetAllAsync(ResultKey, CommandFlags.DemandMaster))).ToDictionary(f => (string)f.Name!, f => (long)f.Value);
        return fields.Count == 0 ? null : new ReconcileResult(Of("finished"), Of("compared"), Of("drifting"), Of("unsettled"), Of("duplicates"),
            Of("reused"), Of("repaired"), Of("compensations"));

        long Of(string name) => fields.GetValueOrDefault(name);
    }

    public ValueTask DisposeAsync() => redis.DisposeAsync();

    private static PositionState? TryRead(byte[] value)
    {
        try
        {
            return PositionCodec.Read(value);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private string Tag(int partition) => LaneKeys.Tag(options.KeyPrefix, partition);
}
