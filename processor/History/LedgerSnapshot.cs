using System.Runtime.CompilerServices;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>A lane as of an offset: the rows of one partition with a lower offset.</summary>
public readonly record struct LaneAsOf(string Topic, int Partition, long Offset);

/// <summary>A SKU's lane as of an offset.</summary>
public readonly record struct SkuAsOf(string SkuId, int Partition, long Offset);

/// <summary>What the ledger has of a lane.</summary>
/// <param name="Rows">Accepted movements.</param>
/// <param name="Positions">SKUs at locations that they touched, the other ends of transfers included.</param>
/// <param name="LastOffset">The highest offset, -1 without rows.</param>
public readonly record struct LaneContents(long Rows, long Positions, long LastOffset);

/// <summary>
/// All that a lane's state in the position store follows from, computed by ClickHouse from the ledger. A query reads the whole ledger, because
/// it is sorted by SKU and not by partition; large groups and joins spill to the server's disk. Faults are <see cref="ClickHouseException"/>.
/// </summary>
public sealed class LedgerSnapshot(IClickHouse clickHouse)
{
    private const string Lane = "topic = {topic:String} AND partition = {partition:Int32} AND offset < {before:Int64}";

    /// <summary>The rules are PositionRules'; a test holds both against each other.</summary>
    private static string PositionsSql(string which) => $"""
        SELECT sku_id, location, last_count_ts, last_count_qty, on_hand, unsellable, reserved, in_transit_in, in_transit_out, last_event_ts, version
        FROM positions_as_of(topic = {"{topic:String}"}, {which}, known_at = '2299-12-31 00:00:00', until = '2299-12-31 00:00:00')
        SETTINGS max_bytes_before_external_group_by = 1000000000, max_bytes_before_external_sort = 1000000000, join_algorithm = 'grace_hash'
        """;

    /// <summary>Every position of the lane, in no order.</summary>
    public IAsyncEnumerable<StockPosition> PositionsAsync(LaneAsOf lane, CancellationToken token) =>
        ReadAsync(PositionsSql("partition = {partition:Int32}, below = {before:Int64}, skus = [], before = []"), Parameters(lane), token);

    /// <summary>Every position of some SKUs, each SKU as of its own lane's offset. A few hundred SKUs a call: they travel in the address.</summary>
    public IAsyncEnumerable<StockPosition> PositionsAsync(string topic, IReadOnlyList<SkuAsOf> skus, CancellationToken token) =>
        ReadAsync(PositionsSql("partition = -1, below = 9223372036854775807, skus = {skus:Array(String)}, before = {before:Array(Int64)}"), new Dictionary<string, object?>
        {
            ["topic"] = topic,
            ["skus"] = skus.Select(s => s.SkuId).ToArray(),
            ["before"] = skus.Select(s => s.Offset).ToArray(),
        }, token);

    /// <summary>Every SKU that has positions.</summary>
    public async IAsyncEnumerable<string> SkusAsync(string topic, [EnumeratorCancellation] CancellationToken token)
    {
        await foreach (var row in clickHouse.QueryAsync("SELECT DISTINCT sku_id FROM ledger WHERE topic = {topic:String} AND stocked = 1",
            new Dictionary<string, object?> { ["topic"] = topic }, token))
        {
            yield return row.Get<string>(0)!;
        }
    }

    /// <summary>
    /// The fingerprints of the events that were accepted from <paramref name="sinceTs"/> on, with the time at which they were; milliseconds since
    /// 1970-01-01 UTC. In no order.
    /// </summary>
    public async IAsyncEnumerable<(long RecordedTs, SeenEntry Entry)> SeenAsync(
        LaneAsOf lane, long sinceTs, [EnumeratorCancellation] CancellationToken token)
    {
        const string Sql = $$"""
            SELECT event_id, offset, toUnixTimestamp64Milli(recorded_at) FROM ledger_current
            WHERE {{Lane}} AND recorded_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
            """;
        await foreach (var row in clickHouse.QueryAsync(Sql, Parameters(lane, ("since", sinceTs)), token))
        {
            yield return (row.Get<long>(2), new SeenEntry(SipHash128.Hash(System.Text.Encoding.UTF8.GetBytes(row.Get<string>(0)!)), row.Get<long>(1)));
        }
    }

    /// <summary>Latest event time by source system, milliseconds since 1970-01-01 UTC.</summary>
    public async Task<Dictionary<string, long>> WatermarksAsync(LaneAsOf lane, CancellationToken token)
    {
        var latest = new Dictionary<string, long>(StringComparer.Ordinal);
        await foreach (var row in clickHouse.QueryAsync(
            $"SELECT source_system, toUnixTimestamp64Milli(max(event_ts)) FROM ledger_current WHERE {Lane} GROUP BY source_system", Parameters(lane), token))
        {
            latest.Add(row.Get<string>(0)!, row.Get<long>(1));
        }

        return latest;
    }

    /// <summary>SKUs with corrections whose event has not come.</summary>
    public async Task<IReadOnlyCollection<string>> HeldAsync(LaneAsOf lane, CancellationToken token)
    {
        var held = new List<string>();
        await foreach (var row in clickHouse.QueryAsync("""
            SELECT DISTINCT sku_id FROM corrections_held(topic = {topic:String}, partition = {partition:Int32}, below = {before:Int64}, skus = [], before = [],
                known_at = '2299-12-31 00:00:00')
            """, Parameters(lane), token))
        {
            held.Add(row.Get<string>(0)!);
        }

        return held;
    }

    /// <summary>How much there is of a lane.</summary>
    public async Task<LaneContents> ContentsAsync(LaneAsOf lane, CancellationToken token)
    {
        const string Sql = $"""
            SELECT count(), uniqExactArrayIf(arrayMap(place -> (sku_id, place), if(movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN') AND counterpart_location_id != '',
                [toString(location_id), toString(counterpart_location_id)], [toString(location_id)])), stocked = 1), max(offset)
            FROM ledger_current WHERE {Lane}
            """;
        await foreach (var row in clickHouse.QueryAsync(Sql, Parameters(lane), token))
        {
            return row.Get<long>(0) == 0 ? new LaneContents(0, 0, -1) : new LaneContents(row.Get<long>(0), row.Get<long>(1), row.Get<long>(2));
        }

        return new LaneContents(0, 0, -1);
    }

    private async IAsyncEnumerable<StockPosition> ReadAsync(string sql, IReadOnlyDictionary<string, object?> parameters,
        [EnumeratorCancellation] CancellationToken token)
    {
        await foreach (var row in clickHouse.QueryAsync(sql, parameters, token))
        {
            yield return Read(row);
        }
    }

    /// <summary>A row of view <c>positions_as_of</c>, its columns in order.</summary>
    internal static StockPosition Read(ClickHouseRow row) => new(row.Get<string>(0)!, row.Get<string>(1)!, new PositionState
    {
        LastCountTs = row.Get<long>(2),
        LastCountQty = row.Get<long>(3),
        OnHand = row.Get<long>(4),
        Unsellable = row.Get<long>(5),
        Reserved = row.Get<long>(6),
        InTransitIn = row.Get<long>(7),
        InTransitOut = row.Get<long>(8),
        LastEventTs = row.Get<long>(9),
        Version = row.Get<long>(10),
    });

    private static Dictionary<string, object?> Parameters(LaneAsOf lane, params (string Name, object Value)[] more)
    {
        var parameters = new Dictionary<string, object?> { ["topic"] = lane.Topic, ["partition"] = lane.Partition, ["before"] = lane.Offset };
        foreach (var (name, value) in more)
        {
            parameters[name] = value;
        }

        return parameters;
    }
}
