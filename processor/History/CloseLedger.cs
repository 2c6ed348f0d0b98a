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

    /// <summary>
    /// What arrivals have touched in closed hours, by SKU. A correction touches the hour of the movement that it leads to, whichever came first.
    /// </summary>
    /// <param name="progress">From where on arrivals are looked at.</param>
    /// <param name="to">Up to where.</param>
    /// <param name="token">Ends the query.</param>
    public async IAsyncEnumerable<RestatedKey> TouchedAsync(CloseProgress progress, IReadOnlyDictionary<int, long> to, [EnumeratorCancellation] CancellationToken token)
    {
        // Numbers stand in the text, so that the primary key finds each partition's range.
        var ranges = to.Where(lane => lane.Value > progress.Offsets.GetValueOrDefault(lane.Key))
            .Select(lane => string.Create(CultureInfo.InvariantCulture, $"(partition = {lane.Key} AND offset >= {progress.Offsets.GetValueOrDefault(lane.Key)} AND offset < {lane.Value})"))
            .ToList();
        if (ranges.Count == 0)
        {
            yield break;
        }

        var parameters = new Dictionary<string, object?>
        {
            ["topic"] = topic,
            ["until"] = progress.ThroughTs,
            ["partitions"] = to.Keys.ToArray(),
            ["from"] = to.Keys.Select(partition => progress.Offsets.GetValueOrDefault(partition)).ToArray(),
            ["offsets"] = to.Values.ToArray(),
        };
        var sql = CloseSources.Touched($"({string.Join(" OR ", ranges)})", progress.Age > CopyAge);
        await foreach (var row in clickHouse.QueryAsync(sql, parameters, token))
        {
            yield return new RestatedKey(row.Get<string>(0)!, row.Get<string>(1)!, row.Get<long>(2), row.Get<string>(3)!, row.Get<int>(4), row.Get<long>(5));
        }
    }

    /// <summary>Names keys for <see cref="RestateAsync"/>; returns the name of the part.</summary>
    public async Task<string> AskAsync(IReadOnlyCollection<RestatedKey> keys, CancellationToken token)
    {
        var part = Guid.CreateVersion7().ToString();
        await clickHouse.InsertRowsAsync("close_scope", keys.Select(key => new Dictionary<string, object?>
        {
            ["part"] = part,
            ["sku_id"] = key.SkuId,
            ["location_id"] = key.LocationId,
            ["from_ts"] = key.FromTs,
            ["cause_event"] = key.EventId,
            ["cause_lane"] = key.Partition,
            ["cause_at"] = key.Offset,
        }), token);
        return part;
    }

    /// <summary>Computes a part's keys again until <paramref name="untilTs"/> and writes the next revision of what differs, or posts it where it is locked.</summary>
    /// <param name="period">Hours or days.</param>
    /// <param name="part">Name of the part.</param>
    /// <param name="sinceTs">Earliest time of its keys.</param>
    /// <param name="untilTs">End of what is closed.</param>
    /// <param name="lockedTs">End of what is locked.</param>
    /// <param name="windowMs">How long after a sale time without stock makes a row of its own.</param>
    /// <param name="to">Offsets below which facts count.</param>
    /// <param name="token">Breaks it off.</param>
    public Task RestateAsync(
        ClosePeriod period, string part, long sinceTs, long untilTs, long lockedTs, long windowMs, IReadOnlyDictionary<int, long> to, CancellationToken token)
    {
        var length = period == ClosePeriod.Hour ? 3_600_000L : 86_400_000L;
        var since = sinceTs - (sinceTs % length);
        if (since >= untilTs)
        {
            return Task.CompletedTask;
        }

        var parameters = Common(since, untilTs, lockedTs, windowMs, to);
        parameters["part"] = part;
        parameters["length"] = length;
        return clickHouse.ExecuteAsync(CloseSql.Restate(period), parameters, token);
    }

    /// <summary>Logs the revisions of a part's SKUs that were written since progress was last written down.</summary>
    public async Task LogRestatementsAsync(string part, CloseProgress progress, CancellationToken token)
    {
        var parameters = new Dictionary<string, object?> { ["part"] = part, ["last_known"] = progress.Known };
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
        var parameters = Common(sinceTs, untilTs, 0, windowMs, to);
        parameters["first_sku"] = firstSku;
        parameters["end_sku"] = endSku;
        return clickHouse.ExecuteAsync(CloseSql.Close(period, FromLedger(progress), progress.BegunTs > 0), parameters, token);
    }

    private static bool FromLedger(CloseProgress progress) => progress.ThroughTs == 0 || progress.Age > CopyAge;

    private Dictionary<string, object?> Common(long sinceTs, long untilTs, long lockedTs, long windowMs, IReadOnlyDictionary<int, long> to) => new()
    {
        ["topic"] = topic,
        ["since"] = sinceTs,
        ["until"] = untilTs,
        ["locked"] = lockedTs,
        ["window"] = windowMs,
        ["partitions"] = to.Keys.ToArray(),
        ["offsets"] = to.Values.ToArray(),
        ["known"] = to.Values.Sum(),
    };
}
