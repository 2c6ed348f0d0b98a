using System.Runtime.CompilerServices;
using System.Text;
using StackExchange.Redis;
using Stockflow.Model;

namespace Stockflow.Position;

/// <content>Reading for the HTTP API and the terminal: a SKU is read in one script, from the generation that is current at that instant.</content>
public sealed partial class RedisPositionStore
{
    /// <summary>SKUs that a scan reads at a time.</summary>
    private const int ScanSkus = 256;

    public async Task<IReadOnlyList<StockPosition>> GetAsync(string skuId, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var found = await ReadSkuAsync(db, await PartitionAsync(db, skuId), skuId);
        return [.. found.OrderBy(p => p.LocationId, StringComparer.Ordinal)];
    }

    public async Task<StockPosition?> GetAsync(string skuId, string locationId, CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var value = (RedisValue)await RedisConnection.EvaluateAsync(db, CommitScript.ReadPosition, Tag(await PartitionAsync(db, skuId)), skuId, locationId);
        return value.IsNull ? null : new StockPosition(skuId, locationId, PositionCodec.Read((byte[])value!));
    }

    /// <exception cref="StoreUnavailableException">Redis does not answer, or a rebuild replaced a lane meanwhile: scan again.</exception>
    public async IAsyncEnumerable<StockPosition> ScanAsync([EnumeratorCancellation] CancellationToken token)
    {
        var db = await redis.OpenAsync(token);
        var generations = new Dictionary<int, string>();
        var skus = new List<(int Partition, string Sku)>(ScanSkus);
        await foreach (var key in RedisConnection.ScanAsync(db, LaneKeys.Pattern(options.KeyPrefix, LaneKeys.Sku[1..] + "*")).SelectMany(page => page))
        {
            token.ThrowIfCancellationRequested();
            if (!LaneKeys.TryParse((string)key!, out var partition, out var generation, out var rest))
            {
                continue;
            }

            if (!generations.TryGetValue(partition, out var current))
            {
                generations[partition] = current = await GenerationAsync(db, partition);
            }

            if (generation != current)
            {
                continue;
            }

            skus.Add((partition, rest[(LaneKeys.Sku.Length - 1)..]));
            if (skus.Count == ScanSkus)
            {
                foreach (var position in await ReadSkusAsync(db, skus))
                {
                    yield return position;
                }

                skus.Clear();
            }
        }

        foreach (var position in await ReadSkusAsync(db, skus))
        {
            yield return position;
        }

        foreach (var (partition, generation) in generations)
        {
            if (await GenerationAsync(db, partition) != generation)
            {
                throw new StoreUnavailableException($"Redis: a rebuild replaced partition {partition} while its positions were read; read them again.");
            }
        }
    }

    private async Task<IEnumerable<StockPosition>> ReadSkusAsync(IDatabase db, List<(int Partition, string Sku)> skus) =>
        (await Task.WhenAll(skus.Select(s => ReadSkuAsync(db, s.Partition, s.Sku)))).SelectMany(positions => positions);

    private async Task<StockPosition[]> ReadSkuAsync(IDatabase db, int partition, string sku)
    {
        var fields = (RedisValue[])await RedisConnection.EvaluateAsync(db, CommitScript.ReadSku, Tag(partition), sku);
        var positions = new StockPosition[fields.Length / 2];
        for (var i = 0; i < positions.Length; i++)
        {
            positions[i] = new StockPosition(sku, (string)fields[2 * i]!, PositionCodec.Read((byte[])fields[(2 * i) + 1]!));
        }

        return positions;
    }

    private async Task<string> GenerationAsync(IDatabase db, int partition) =>
        (string?)await RedisConnection.GuardAsync(db, () => db.StringGetAsync(Tag(partition) + ":generation", CommandFlags.DemandMaster)) ?? "";

    private async Task<int> PartitionAsync(IDatabase db, string skuId)
    {
        if (partitions == 0)
        {
            var topology = await RedisConnection.GuardAsync(db, () => db.HashGetAllAsync($"{options.KeyPrefix}:topology", CommandFlags.DemandMaster));
            partitions = topology.Length == 0 ? 0 : (int)topology[0].Value;
        }

        return Murmur2.Partition(Encoding.UTF8.GetBytes(skuId), Math.Max(1, partitions));
    }
}
