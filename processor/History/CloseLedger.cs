using System.Globalization;
using System.Runtime.CompilerServices;

namespace Stockflow.History;

/// <summary>How far hours are closed.</summary>
/// <param name="Run">Number of the last finished step.</param>
/// <param name="ThroughTs">Hours that end until then are closed; milliseconds since 1970-01-01 UTC, 0 before the first close.</param>
/// <param name="Offsets">By partition the offset up to which arrivals were looked at.</param>
/// <param name="Known">Their sum.</param>
/// <param name="Age">Seconds since it was written.</param>
/// <param name="BegunTs">End of a close that has begun and not finished; 0 without one.</param>
public sealed record CloseProgress(long Run, long ThroughTs, IReadOnlyDictionary<int, long> Offsets, long Known, double Age, long BegunTs);

/// <summary>Key of a restatement: from when on it is computed again, and why.</summary>
public readonly record struct RestatedKey(string SkuId, string LocationId, long FromTs, string EventId, int Partition, long Offset);

/// <summary>
/// The tables of schemas/clickhouse/004_gold.sql as a close needs them. Every statement may run twice. Faults are <see cref="ClickHouseException"/>.
/// Times are milliseconds since 1970-01-01 UTC.
/// </summary>
public sealed class CloseLedger(IClickHouse clickHouse, string topic)
{
    // The rows of the ledger's copies may be gone after 35 days.
    private const double CopyAge = 30 * 86400.0;

    private const string Lanes = "offset >= transform(partition, {lanes:Array(Int32)}, {from:Array(Int64)}, 9223372036854775807) AND offset < transform(partition, {lanes:Array(Int32)}, {to:Array(Int64)}, toInt64(-1))";

    private const string KeysSql = $$"""
        WITH
            resolved AS
            (
                SELECT sku_id, event_id, root_id, partition, offset
                FROM corrections_resolved(topic = {topic:String}, partition = -1, below = 9223372036854775807, skus = {skus:Array(String)}, before = {before:Array(Int64)},
                    known_at = '2299-01-01 00:00:00')
                WHERE {{Lanes}}
            ),
            rows AS
            (
                SELECT sku_id, toString(location_id) AS location, toString(counterpart_location_id) AS counterpart, movement_type, event_id, toUnixTimestamp64Milli(event_ts) AS ts, partition, offset
                FROM ledger
                WHERE topic = {topic:String} AND sku_id IN {skus:Array(String)} AND movement_type != 'CORRECTION' AND event_ts < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
                    AND ((sku_id, event_id) IN (SELECT sku_id, root_id FROM resolved) OR ({{Lanes}}))
            )
        SELECT sku_id, place, intDiv(min(ts), 3600000) * 3600000, argMax(cause_id, cause_offset), argMax(lane, cause_offset), max(cause_offset)
        FROM
        (
            SELECT sku_id, location, counterpart, movement_type, ts, event_id AS cause_id, partition AS lane, offset AS cause_offset FROM rows WHERE {{Lanes}}
            UNION ALL
            SELECT r.sku_id, r.location, r.counterpart, r.movement_type, r.ts, c.event_id, c.partition, c.offset
            FROM rows AS r INNER JOIN resolved AS c ON r.sku_id = c.sku_id AND r.event_id = c.root_id
        )
        ARRAY JOIN if(movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN') AND counterpart != '', [location, counterpart], [location]) AS place
        GROUP BY sku_id, place
        ORDER BY sku_id, place
        """;

    /// <summary>How far hours are closed.</summary>
    public async Task<CloseProgress> ProgressAsync(CancellationToken token)
    {
        // A restatement that is done between takes the number of a close that has broken off, so a beginning is told by how far it meant to go.
        const string Sql = """
            WITH (SELECT (max(run), max(closed_through)) FROM hour_closes WHERE topic = {topic:String} AND state = 'done') AS last
            SELECT run, state = 'done' AS done, toInt64(toUnixTimestamp(closed_through)) * 1000 AS through, toString(partitions), toString(offsets), known,
                (toUnixTimestamp64Milli(now64(3)) - toUnixTimestamp64Milli(recorded_at)) / 1000 AS age
            FROM hour_closes FINAL
            WHERE topic = {topic:String} AND ((state = 'done' AND run = last.1) OR (state = 'begun' AND closed_through > last.2))
            ORDER BY done
            """;
        var progress = new CloseProgress(0, 0, new Dictionary<int, long>(), 0, 0, 0);
        var begun = 0L;
        await foreach (var row in clickHouse.QueryAsync(Sql, new Dictionary<string, object?> { ["topic"] = topic }, token))
        {
            if (row.Get<int>("done") == 0)
            {
                begun = Math.Max(begun, row.Get<long>("through"));
                progress = progress with { BegunTs = begun };
                continue;
            }

            var offsets = Numbers(row.Get<string>(3)!).Zip(Numbers(row.Get<string>(4)!)).ToDictionary(pair => (int)pair.First, pair => pair.Second);
            progress = new CloseProgress(row.Get<long>("run"), row.Get<long>("through"), offsets, row.Get<long>("known"), row.Get<double>("age"), begun);
        }

        return progress;

        static IEnumerable<long> Numbers(string array) =>
            array.Trim('[', ']').Split(',', StringSplitOptions.RemoveEmptyEntries).Select(number => long.Parse(number, CultureInfo.InvariantCulture));
    }

    /// <summary>Writes down that a step begins or is done.</summary>
    public Task MarkAsync(long run, bool done, long throughTs, IReadOnlyDictionary<int, long> offsets, CancellationToken token) =>
        clickHouse.ExecuteAsync("""
            INSERT INTO hour_closes (run, state, closed_through, topic, partitions, offsets, known)
            SELECT {run:UInt64}, {state:String}, fromUnixTimestamp64Milli({through:Int64}, 'UTC'), {topic:String}, {lanes:Array(Int32)}, {to:Array(Int64)}, {known:UInt64}
            """, new Dictionary<string, object?>
        {
            ["run"] = run,
            ["state"] = done ? "done" : "begun",
            ["through"] = throughTs,
            ["topic"] = topic,
            ["lanes"] = offsets.Keys.ToArray(),
            ["to"] = offsets.Values.ToArray(),
            ["known"] = offsets.Values.Sum(),
        }, token);

    /// <summary>End of the locked periods, 0 without one.</summary>
    public async Task<long> LockedThroughAsync(CancellationToken token) =>
        await clickHouse.QueryScalarAsync<long>("SELECT toInt64(toUnixTimestamp(max(through))) * 1000 FROM period_locks", token: token);

    /// <summary>Locks the hours and days that end until <paramref name="throughTs"/>.</summary>
    public Task LockAsync(long throughTs, string by, CancellationToken token) => clickHouse.ExecuteAsync(
        "INSERT INTO period_locks (through, locked_by) SELECT fromUnixTimestamp64Milli({through:Int64}, 'UTC'), {by:String} WHERE {through:Int64} > (SELECT toInt64(toUnixTimestamp(max(through))) * 1000 FROM period_locks)",
        new Dictionary<string, object?> { ["through"] = throughTs, ["by"] = by }, token);

    /// <summary>The locks, oldest first, with the postings to rows that each was the first to lock.</summary>
    public async IAsyncEnumerable<(long ThroughTs, string LockedAt, string LockedBy, long Postings)> LocksAsync([EnumeratorCancellation] CancellationToken token)
    {
        const string Sql = """
            SELECT toInt64(toUnixTimestamp(through)) * 1000, toString(locked_at), locked_by,
                arrayCount(posted -> posted < through AND posted >= former, (SELECT groupArray(start) FROM period_postings FINAL)) AS postings
            FROM (SELECT *, lagInFrame(through) OVER (ORDER BY through ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS former FROM period_locks FINAL)
            ORDER BY through
            """;
        await foreach (var row in clickHouse.QueryAsync(Sql, token: token))
        {
            yield return (row.Get<long>(0), row.Get<string>(1)!, row.Get<string>(2)!, row.Get<long>(3));
        }
    }

    /// <summary>Rows posted since progress was last written down.</summary>
    public Task<long> PostingsAsync(CloseProgress progress, CancellationToken token) =>
        clickHouse.QueryScalarAsync<long>("SELECT count() FROM period_postings FINAL WHERE known > {known:UInt64}", new Dictionary<string, object?> { ["known"] = progress.Known }, token);

    /// <summary>Writes the settings that views read.</summary>
    public Task WriteSettingsAsync(IReadOnlyDictionary<string, double> settings, CancellationToken token) => clickHouse.ExecuteAsync(
        "INSERT INTO measure_settings (name, value) SELECT pair.1, pair.2 FROM (SELECT arrayJoin(arrayZip({names:Array(String)}, {values:Array(Float64)})) AS pair)",
        new Dictionary<string, object?> { ["names"] = settings.Keys.ToArray(), ["values"] = settings.Values.ToArray() }, token);

    /// <summary>SKUs with arrivals for closed hours, and corrections of whatever time; with the partition of each.</summary>
    /// <param name="progress">From where on arrivals are looked at.</param>
    /// <param name="to">Up to where.</param>
    /// <param name="token">Ends the query.</param>
    public async IAsyncEnumerable<(string SkuId, int Partition)> TouchedSkusAsync(
        CloseProgress progress, IReadOnlyDictionary<int, long> to, [EnumeratorCancellation] CancellationToken token)
    {
        // Numbers stand in the text, so that the primary key finds each partition's range.
        var ranges = to.Where(lane => lane.Value > progress.Offsets.GetValueOrDefault(lane.Key))
            .Select(lane => string.Create(CultureInfo.InvariantCulture, $"(partition = {lane.Key} AND offset >= {progress.Offsets.GetValueOrDefault(lane.Key)} AND offset < {lane.Value})"))
            .ToList();
        if (ranges.Count == 0)
        {
            yield break;
        }

        var (table, correction) = progress.Age > CopyAge ? ("ledger", "movement_type = 'CORRECTION'") : ("ledger_arrivals", "is_correction");
        var sql = $$"""
            SELECT sku_id, any(partition) FROM {{table}}
            WHERE topic = {topic:String} AND ({{string.Join(" OR ", ranges)}}) AND (event_ts < fromUnixTimestamp64Milli({until:Int64}, 'UTC') OR {{correction}})
            GROUP BY sku_id ORDER BY sku_id
            """;
        await foreach (var row in clickHouse.QueryAsync(sql, new Dictionary<string, object?> { ["topic"] = topic, ["until"] = progress.ThroughTs }, token))
        {
            yield return (row.Get<string>(0)!, row.Get<int>(1));
        }
    }

    /// <summary>What arrivals of some SKUs have touched in closed hours; a correction touches the hour of the movement that it leads to.</summary>
    public async Task<List<RestatedKey>> TouchedKeysAsync(
        IReadOnlyList<(string SkuId, int Partition)> skus, CloseProgress progress, IReadOnlyDictionary<int, long> to, CancellationToken token)
    {
        var parameters = Scope(skus, to);
        parameters["until"] = progress.ThroughTs;
        parameters["lanes"] = to.Keys.ToArray();
        parameters["from"] = to.Keys.Select(partition => progress.Offsets.GetValueOrDefault(partition)).ToArray();
        parameters["to"] = to.Values.ToArray();
        var keys = new List<RestatedKey>();
        await foreach (var row in clickHouse.QueryAsync(KeysSql, parameters, token))
        {
            keys.Add(new RestatedKey(row.Get<string>(0)!, row.Get<string>(1)!, row.Get<long>(2), row.Get<string>(3)!, row.Get<int>(4), row.Get<long>(5)));
        }

        return keys;
    }

    /// <summary>Computes keys again until <paramref name="untilTs"/> and writes the next revision of what differs, or posts it where it is locked.</summary>
    public Task RestateAsync(
        ClosePeriod period, IReadOnlyList<(string SkuId, int Partition)> skus, IReadOnlyList<RestatedKey> keys, long untilTs, long lockedTs, long windowMs,
        IReadOnlyDictionary<int, long> to, CancellationToken token)
    {
        var length = period == ClosePeriod.Hour ? 3_600_000L : 86_400_000L;
        var asked = keys.Select(key => key with { FromTs = key.FromTs - (key.FromTs % length) }).Where(key => key.FromTs < untilTs).ToList();
        if (asked.Count == 0)
        {
            return Task.CompletedTask;
        }

        var since = asked.Min(key => key.FromTs);
        var parameters = Scope(skus, to);
        parameters["key_skus"] = asked.Select(key => key.SkuId).ToArray();
        parameters["key_locations"] = asked.Select(key => key.LocationId).ToArray();
        parameters["key_from"] = asked.Select(key => key.FromTs).ToArray();
        parameters["key_events"] = asked.Select(key => key.EventId).ToArray();
        parameters["key_lanes"] = asked.Select(key => key.Partition).ToArray();
        parameters["key_offsets"] = asked.Select(key => key.Offset).ToArray();
        parameters["since_time"] = DateTimeOffset.FromUnixTimeMilliseconds(since);
        parameters["until_time"] = DateTimeOffset.FromUnixTimeMilliseconds(untilTs);
        Common(parameters, since, untilTs, lockedTs, windowMs, to);
        return clickHouse.ExecuteAsync(CloseSql.Restate(period), parameters, token);
    }

    /// <summary>Logs the revisions of some SKUs that were written since progress was last written down.</summary>
    public async Task LogRestatementsAsync(IReadOnlyList<(string SkuId, int Partition)> skus, CloseProgress progress, CancellationToken token)
    {
        var parameters = new Dictionary<string, object?> { ["skus"] = skus.Select(sku => sku.SkuId).ToArray(), ["last_known"] = progress.Known };
        foreach (var sql in RestatementSql.All)
        {
            await clickHouse.ExecuteAsync(sql, parameters, token);
        }
    }

    /// <summary>Where to cut [since, until) by SKU so that a statement works on about <paramref name="rows"/> rows: the first SKU of each part but the first.</summary>
    public async Task<List<string>> CutsAsync(ClosePeriod period, CloseProgress progress, long sinceTs, long untilTs, long windowMs, long rows, CancellationToken token)
    {
        var table = FromLedger(progress) ? "ledger" : "ledger_by_time";
        var parameters = new Dictionary<string, object?>
        {
            ["topic"] = topic,
            ["since"] = sinceTs,
            ["until"] = untilTs,
            ["rows"] = rows,
            ["length"] = period == ClosePeriod.Hour ? 3_600_000L : 86_400_000L,
            ["window"] = windowMs,
        };
        var cuts = new List<string>();
        await foreach (var row in clickHouse.QueryAsync(CloseSources.Cuts(period, table), parameters, token))
        {
            cuts.Add(row.Get<string>(0)!);
        }

        return cuts;
    }

    /// <summary>Closes [since, until) of the SKUs from <paramref name="firstSku"/> to before <paramref name="endSku"/>, both empty for no bound.</summary>
    public Task CloseAsync(
        ClosePeriod period, CloseProgress progress, long sinceTs, long untilTs, string firstSku, string endSku, long windowMs, IReadOnlyDictionary<int, long> to, CancellationToken token)
    {
        var parameters = new Dictionary<string, object?>
        {
            ["topic"] = topic,
            ["first_sku"] = firstSku,
            ["end_sku"] = endSku,
            ["partitions"] = to.Keys.ToArray(),
            ["offsets"] = to.Values.ToArray(),
        };
        Common(parameters, sinceTs, untilTs, 0, windowMs, to);
        return clickHouse.ExecuteAsync(CloseSql.Close(period, FromLedger(progress), progress.BegunTs > 0), parameters, token);
    }

    private static bool FromLedger(CloseProgress progress) => progress.ThroughTs == 0 || progress.Age > CopyAge;

    private static void Common(Dictionary<string, object?> parameters, long sinceTs, long untilTs, long lockedTs, long windowMs, IReadOnlyDictionary<int, long> to)
    {
        parameters["since"] = sinceTs;
        parameters["until"] = untilTs;
        parameters["locked"] = lockedTs;
        parameters["window"] = windowMs;
        parameters["known"] = to.Values.Sum();
    }

    private Dictionary<string, object?> Scope(IReadOnlyList<(string SkuId, int Partition)> skus, IReadOnlyDictionary<int, long> to) => new()
    {
        ["topic"] = topic,
        ["skus"] = skus.Select(sku => sku.SkuId).ToArray(),
        ["before"] = skus.Select(sku => to.GetValueOrDefault(sku.Partition)).ToArray(),
    };
}
