using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Ledger rows of one lane within a range, live and replayed.</summary>
/// <param name="Same">In both, alike but for the time of recording.</param>
/// <param name="Changed">In both, with other content.</param>
/// <param name="OnlyLive">The replay did not accept the record.</param>
/// <param name="OnlyReplayed">The live processing had not accepted it.</param>
public readonly record struct LedgerDifference(long Same, long Changed, long OnlyLive, long OnlyReplayed)
{
    public bool IsEmpty => Changed + OnlyLive + OnlyReplayed == 0;
}

/// <summary>
/// A second ledger, in a database of its own beside the live one, in which a range of offsets was processed again. Both databases have the same
/// migrations. Every statement may be run again. Faults are <see cref="ClickHouseException"/>.
/// </summary>
public sealed class ShadowLedger(IClickHouse clickHouse, string database, string topic, IReadOnlyList<OffsetRange> ranges)
{
    // Whatever a column's type is, its text tells equal values.
    private const string Content = "sipHash64(toString(tuple(* EXCEPT recorded_at)))";

    /// <summary>The ledger and the tables that views fill from it.</summary>
    private static readonly string[] Tables = ["ledger", "corrections", "ledger_by_time", "ledger_arrivals"];

    private readonly string live = Quote(clickHouse.Database), shadow = Quote(database);

    private string Mark => "switched from " + database;

    /// <summary>Whether the database is there.</summary>
    public static async Task<bool> ExistsAsync(IClickHouse clickHouse, string database, CancellationToken token) =>
        await clickHouse.QueryScalarAsync<long>("SELECT count() FROM system.databases WHERE name = {name:String}",
            new Dictionary<string, object?> { ["name"] = database }, token) > 0;

    /// <summary>The ranges that a finished replay has written down; empty where there is none.</summary>
    public static async Task<IReadOnlyList<OffsetRange>> RangesAsync(IClickHouse clickHouse, string database, CancellationToken token)
    {
        var found = new List<OffsetRange>();
        if (await clickHouse.QueryScalarAsync<long>("SELECT count() FROM system.tables WHERE database = {name:String} AND name = 'replay'",
            new Dictionary<string, object?> { ["name"] = database }, token) > 0)
        {
            await foreach (var row in clickHouse.QueryAsync($"SELECT partition, from_offset, to_offset FROM {Quote(database)}.replay FINAL ORDER BY partition", token: token))
            {
                found.Add(new OffsetRange(row.Get<int>(0), row.Get<long>(1), row.Get<long>(2)));
            }
        }

        return found;
    }

    /// <summary>Copies the live rows before the ranges.</summary>
    public Task CopyBeforeAsync(CancellationToken token) => CopyAsync(live, shadow, "offset < {from:Array(Int64)}[partition + 1]", token);

    /// <summary>Writes down that the ranges were processed again.</summary>
    public async Task FinishAsync(CancellationToken token)
    {
        await RunAsync($"CREATE TABLE IF NOT EXISTS {shadow}.replay (partition Int32, from_offset Int64, to_offset Int64) ENGINE = ReplacingMergeTree ORDER BY partition", token);
        await RunAsync($$"""
            INSERT INTO {{shadow}}.replay SELECT arrayJoin(arrayEnumerate({from:Array(Int64)})) - 1 AS p, {from:Array(Int64)}[p + 1], {to:Array(Int64)}[p + 1]
            """, token);
    }

    /// <summary>Gives rows that came out as they were the time at which they were first recorded: what was known when stays true of them.</summary>
    public async Task KeepRecordedTimesAsync(CancellationToken token)
    {
        foreach (var range in ranges.Where(range => range.Length > 0))
        {
            await clickHouse.ExecuteAsync($"""
                INSERT INTO {shadow}.ledger SELECT * FROM {live}.ledger_current
                WHERE {Range} AND (offset, {Content}) IN (SELECT offset, {Content} FROM {shadow}.ledger_current WHERE {Range})
                """, Parameters(range), token);
        }
    }

    public async Task<LedgerDifference> CompareAsync(OffsetRange range, CancellationToken token)
    {
        var sql = $"""
            SELECT countIf(sides = 3 AND first = last), countIf(sides = 3 AND first != last), countIf(sides = 1), countIf(sides = 2)
            FROM ({Compared})
            """;
        await foreach (var row in clickHouse.QueryAsync(sql, Parameters(range), token))
        {
            return new LedgerDifference(row.Get<long>(0), row.Get<long>(1), row.Get<long>(2), row.Get<long>(3));
        }

        return default;
    }

    /// <summary>Some offsets whose rows differ.</summary>
    public async Task<IReadOnlyList<long>> DifferingOffsetsAsync(OffsetRange range, int count, CancellationToken token)
    {
        var offsets = new List<long>();
        await foreach (var row in clickHouse.QueryAsync(
            FormattableString.Invariant($"SELECT offset FROM ({Compared}) WHERE sides != 3 OR first != last ORDER BY offset LIMIT {count}"), Parameters(range), token))
        {
            offsets.Add(row.Get<long>(0));
        }

        return offsets;
    }

    private string Compared => $"""
        SELECT offset, sum(DISTINCT side) AS sides, min(content) AS first, max(content) AS last FROM
        (
            SELECT offset, 1 AS side, {Content} AS content FROM {live}.ledger_current WHERE {Range}
            UNION ALL SELECT offset, 2, {Content} FROM {shadow}.ledger_current WHERE {Range}
        )
        GROUP BY offset
        """;

    /// <summary>
    /// Makes the replayed ledger the live one, in one step, while processors go on writing. What they wrote after the ranges comes along; what they
    /// write during the step is brought over until nothing is missing. The former ledger stays in the shadow database.
    /// </summary>
    public async Task SwitchAsync(TimeProvider time, CancellationToken token)
    {
        if (!await IsSwitchedAsync("ledger", token))
        {
            await CopyAsync(live, shadow, After, token);
        }

        // The copies follow the ledger: views fill them by the ledger's name, so that from here on the live ones are filled by the new ledger.
        foreach (var table in Tables)
        {
            if (!await IsSwitchedAsync(table, token))
            {
                await RunAsync($"ALTER TABLE {shadow}.{table} MODIFY COMMENT '{Mark}'", token);
                await RunAsync($"EXCHANGE TABLES {live}.{table} AND {shadow}.{table}", token);
            }
        }

        // An insert that began before the exchange ends in the former table.
        for (var quiet = 0; quiet < 3;)
        {
            var missing = await clickHouse.QueryScalarAsync<long>(
                $"SELECT count() FROM {shadow}.ledger WHERE {After} AND (topic, partition, offset) NOT IN (SELECT topic, partition, offset FROM {live}.ledger WHERE {After})",
                AllParameters(), token);
            quiet = missing == 0 ? quiet + 1 : 0;
            if (missing > 0)
            {
                await CopyAsync(shadow, live, After, token);
            }

            await Task.Delay(TimeSpan.FromSeconds(1), time, token);
        }

        // What came between the ledger's exchange and theirs is in the former ones.
        foreach (var table in Tables)
        {
            await CopyTableAsync(shadow, live, table, After, token);
        }

        // The last writing of a raw event holds: the verdicts of the replay.
        await CopyTableAsync(shadow, live, "raw_events", Within, token);
        foreach (var table in Tables)
        {
            var comment = await CommentAsync(database, table, token);
            await RunAsync($"ALTER TABLE {live}.{table} MODIFY COMMENT '{comment.Replace("'", "''", StringComparison.Ordinal)}'", token);
        }

        await RunAsync($"DROP TABLE {shadow}.replay", token);
    }

    /// <summary>Frees the database, the former ledger in it included.</summary>
    public static Task DropAsync(IClickHouse clickHouse, string database, CancellationToken token) =>
        clickHouse.ExecuteAsync($"DROP DATABASE IF EXISTS {Quote(database)}", token: token);

    private async Task<bool> IsSwitchedAsync(string table, CancellationToken token) => await CommentAsync(clickHouse.Database, table, token) == Mark;

    private async Task<string> CommentAsync(string ofDatabase, string table, CancellationToken token) =>
        await clickHouse.QueryScalarAsync<string>("SELECT comment FROM system.tables WHERE database = {database:String} AND name = {name:String}",
            new Dictionary<string, object?> { ["database"] = ofDatabase, ["name"] = table }, token) ?? "";

    private const string Range = "topic = {topic:String} AND partition = {partition:Int32} AND offset >= {from:Int64} AND offset < {to:Int64}";

    private const string After = "topic = {topic:String} AND offset >= {to:Array(Int64)}[partition + 1]";

    private const string Within = "topic = {topic:String} AND offset >= {from:Array(Int64)}[partition + 1] AND offset < {to:Array(Int64)}[partition + 1]";

    private Task CopyAsync(string source, string target, string which, CancellationToken token) =>
        CopyTableAsync(source, target, "ledger", "topic = {topic:String} AND " + which, token);

    // From the table itself: a row that stands twice may be copied twice.
    private Task CopyTableAsync(string source, string target, string table, string which, CancellationToken token) =>
        RunAsync($"INSERT INTO {target}.{table} SELECT * FROM {source}.{table} WHERE {which}", token);

    private Task RunAsync(string sql, CancellationToken token) => clickHouse.ExecuteAsync(sql, AllParameters(), token);

    private Dictionary<string, object?> AllParameters() => new()
    {
        ["topic"] = topic,
        ["from"] = ranges.Select(range => range.From).ToArray(),
        ["to"] = ranges.Select(range => range.To).ToArray(),
    };

    private Dictionary<string, object?> Parameters(OffsetRange range) =>
        new() { ["topic"] = topic, ["partition"] = range.Partition, ["from"] = range.From, ["to"] = range.To };

    private static string Quote(string name) => "`" + name.Replace("`", "\\`", StringComparison.Ordinal) + "`";
}
