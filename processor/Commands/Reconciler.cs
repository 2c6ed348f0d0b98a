using System.Runtime.CompilerServices;
using System.Text;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Commands;

/// <summary>
/// Compares the positions in Redis with the ledger, SKU by SKU as of the same offset, and sets them right on demand. Processors may run meanwhile.
/// </summary>
internal sealed class Reconciler(
    string topic, int partitions, RedisReconcile redis, LedgerSnapshot ledger, DurableOffsets durable, ReconciliationLog log, TimeSpan wait, TimeProvider time)
{
    /// <summary>SKUs that are read together, positions that one query is asked for, and such chunks under way at a time.</summary>
    private const int SkusPerRead = 64, PositionsPerQuery = 2000, Parallelism = 4;

    private const int RepairAttempts = 5;

    /// <summary>How long a lane may be held; a repair takes a second or two.</summary>
    private static readonly TimeSpan HoldBound = TimeSpan.FromSeconds(20), DurableBound = TimeSpan.FromSeconds(10), HoldPoll = TimeSpan.FromSeconds(1);

    public async Task<Comparison> CompareAsync(CancellationToken token)
    {
        var comparison = new Comparison();
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = token };
        await Parallel.ForEachAsync(SkusAsync(token), parallel, async (skus, stop) =>
        {
            foreach (var chunk in Split(await redis.ReadAsync(skus, stop)))
            {
                await CompareAsync(chunk, comparison, stop);
            }
        });
        return comparison;
    }

    /// <summary>Sets drifting positions of a lane to what the ledger has. Returns how many were set, or -1 where the lane could not be held.</summary>
    public async Task<long> RepairAsync(int partition, IReadOnlyCollection<Drift> drifts, CancellationToken token)
    {
        var skus = drifts.Select(d => d.Key.SkuId).Distinct().ToList();
        for (var attempt = 0; attempt < RepairAttempts; attempt++)
        {
            if (await redis.HoldAsync(partition, HoldBound, token) is not { } held)
            {
                await Task.Delay(HoldPoll, time, token);
                continue;
            }

            try
            {
                if (await durable.WaitAsync(partition, held.NextOffset, DurableBound, token) && await TryRepairAsync(held, skus, token) is { } repaired)
                {
                    return repaired;
                }
            }
            finally
            {
                await redis.ReleaseAsync(held, CancellationToken.None);
            }
        }

        return -1;
    }

    private async Task<long?> TryRepairAsync(HeldLane held, List<string> skus, CancellationToken token)
    {
        var repaired = 0L;
        foreach (var some in skus.Chunk(SkusPerRead))
        {
            foreach (var chunk in Split(await redis.ReadAsync(some.Select(sku => (sku, held.Partition)), token)))
            {
                var (_, drifts) = await FindAsync(chunk, includeUnsettled: true, token);
                var rows = drifts.ConvertAll(drift => new ReconciliationRow("drift", drift.Partition, drift.AsOfOffset, drift.Key.SkuId, drift.Key.LocationId)
                {
                    Found = Drift.Fields(drift.Found),
                    Expected = Drift.Fields(drift.Expected),
                });
                await log.WriteAsync("planned", rows, token);

                // The version only grows: readers hold it as the position's mark, also of a position that was lost.
                var repairs = drifts.ConvertAll(drift => new PositionRepair(drift.Key, drift.Expected is { } state
                    ? state with { Version = Math.Max(LaneRebuild.MarkVersion(state.Version, held.NextOffset), (drift.Found?.Version ?? 0) + 1) }
                    : null));
                if (!await redis.RepairAsync(held, repairs, token))
                {
                    return null;
                }

                await log.WriteAsync("repaired", rows, token);
                repaired += drifts.Count;
            }
        }

        return repaired;
    }

    private async Task CompareAsync(List<SkuPositions> chunk, Comparison comparison, CancellationToken token)
    {
        foreach (var lane in chunk.GroupBy(s => s.Partition))
        {
            if (lane.Any(s => s.NextOffset < 0))
            {
                comparison.Leave(lane.Key, "Redis has no record of it; run 'processor rebuild'");
            }
            else if (!comparison.IsLeft(lane.Key) && !await durable.WaitAsync(lane.Key, lane.Max(s => s.NextOffset), wait, token))
            {
                comparison.Leave(lane.Key, $"the ledger did not reach Redis' offset within {wait.TotalSeconds:0} s; is a processor running, and ClickHouse up?");
            }
        }

        var comparable = chunk.FindAll(s => !comparison.IsLeft(s.Partition));
        if (comparable.Count > 0)
        {
            var (compared, drifts) = await FindAsync(comparable, includeUnsettled: false, token);
            comparison.Add(compared, comparable.Sum(s => (long)s.Unsettled.Count), drifts);
        }
    }

    private async Task<(long Compared, List<Drift> Drifts)> FindAsync(List<SkuPositions> chunk, bool includeUnsettled, CancellationToken token)
    {
        var expected = new Dictionary<PositionKey, PositionState>();
        await foreach (var (sku, location, state) in ledger.PositionsAsync(topic, chunk.ConvertAll(s => new SkuAsOf(s.SkuId, s.Partition, s.NextOffset)), token))
        {
            expected.Add(new PositionKey(sku, location), state);
        }

        var drifts = new List<Drift>();
        var compared = 0L;
        foreach (var sku in chunk)
        {
            foreach (var (location, found) in sku.Positions)
            {
                var key = new PositionKey(sku.SkuId, location);
                var wanted = expected.Remove(key, out var state) ? state : (PositionState?)null;
                compared++;
                if (IsSettled(sku, location) && (found is null || !Drift.AreEqual(found, wanted)))
                {
                    drifts.Add(new Drift(sku.Partition, sku.NextOffset, key, found, wanted, found is null));
                }
            }
        }

        var lanes = chunk.ToDictionary(s => s.SkuId);
        foreach (var (key, state) in expected)
        {
            compared++;
            if (IsSettled(lanes[key.SkuId], key.LocationId))
            {
                drifts.Add(new Drift(lanes[key.SkuId].Partition, lanes[key.SkuId].NextOffset, key, null, state, false));
            }
        }

        return (compared, drifts);

        bool IsSettled(SkuPositions sku, string location) => includeUnsettled || !(sku.Unsettled.Contains("") || sku.Unsettled.Contains(location));
    }

    // The ledger's SKUs first, then those that only Redis has.
    private async IAsyncEnumerable<List<(string Sku, int Partition)>> SkusAsync([EnumeratorCancellation] CancellationToken token)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        var chunk = new List<(string, int)>(SkusPerRead);
        await foreach (var sku in ledger.SkusAsync(topic, token))
        {
            if (known.Add(sku))
            {
                chunk.Add((sku, Murmur2.Partition(Encoding.UTF8.GetBytes(sku), partitions)));
            }

            if (chunk.Count == SkusPerRead)
            {
                yield return chunk;
                chunk = new(SkusPerRead);
            }
        }

        await foreach (var (sku, partition) in redis.SkusAsync(token))
        {
            if (known.Add(sku))
            {
                chunk.Add((sku, partition));
            }

            if (chunk.Count == SkusPerRead)
            {
                yield return chunk;
                chunk = new(SkusPerRead);
            }
        }

        if (chunk.Count > 0)
        {
            yield return chunk;
        }
    }

    private static IEnumerable<List<SkuPositions>> Split(SkuPositions[] read)
    {
        var chunk = new List<SkuPositions>();
        var positions = 0;
        foreach (var sku in read)
        {
            if (chunk.Count > 0 && positions + sku.Positions.Count > PositionsPerQuery)
            {
                yield return chunk;
                (chunk, positions) = ([], 0);
            }

            chunk.Add(sku);
            positions += sku.Positions.Count;
        }

        if (chunk.Count > 0)
        {
            yield return chunk;
        }
    }
}
