using Stockflow.History;

namespace Stockflow.IntegrationTests.Histories;

/// <summary>
/// Closed rows, one line each: SKU, location, start, then the measures, all as whole numbers: money in 1/10,000, times in milliseconds.
/// </summary>
internal static class ClosedRows
{
    /// <summary>Names of the tables, which are the names of the oracle's files.</summary>
    public static readonly string[] Tables = ["demand_hourly", "demand_daily", "position_hourly"];

    private const string Measures = """
        [toInt64(facts), units_sold, units_returned, net_units, orders, toInt64(gross_revenue * 10000), toInt64(discount * 10000), toInt64(net_revenue * 10000),
            unpriced_units, promo_units, toInt64(round(stockout_minutes * 60000)), toInt64(round(observed_minutes * 60000))]
        """;

    private const string Logged =
        "facts, units_sold, units_returned, net_units, orders, gross_revenue, discount, net_revenue, unpriced_units, promo_units, stockout_minutes, observed_minutes";

    private const string Place = """
        [toInt64(toUnixTimestamp(hour)) * 1000, toInt64(facts), on_hand, unsellable, reserved, in_transit_in, in_transit_out, available,
            toUnixTimestamp64Milli(last_count_ts), toUnixTimestamp64Milli(last_sale_ts)]
        """;

    /// <summary>The highest revisions of a table, with what was posted to locked ones.</summary>
    public static Task<List<string>> ReadAsync(IClickHouse clickHouse, string table) => LinesAsync(clickHouse, table == "position_hourly"
        ? $"SELECT {Line("location_id", Place)} FROM position_hourly_current"
        : $"""
            SELECT {Line("place", "arrayPushFront(sums, at)")}
            FROM
            (
                SELECT sku_id, place, at, sumForEach(measures) AS sums
                FROM
                (
                    SELECT sku_id, toString(location_id) AS place, {Start(table)} AS at, {Measures} AS measures FROM {table}_current
                    UNION ALL
                    SELECT sku_id, toString(location_id), toInt64(toUnixTimestamp(start)) * 1000, {Measures} FROM period_postings_current WHERE period = '{Period(table)}'
                )
                GROUP BY sku_id, place, at
                HAVING sums[1] > 0 OR sums[11] > 0
            )
            """);

    /// <summary>By SKU what its locked rows say, to be compared.</summary>
    public static async Task<Dictionary<string, string>> LockedAsync(IClickHouse clickHouse, long throughTs)
    {
        var rows = new Dictionary<string, string>(StringComparer.Ordinal);
        var sql = $"""
            SELECT sku_id, concat(toString(count()), ' ', toString(groupBitXor(cityHash64(line)))) FROM
            (
                SELECT sku_id, tuple('hour', location_id, {Start("demand_hourly")} AS at, {Measures}) AS line FROM demand_hourly_current WHERE at < {throughTs}
                UNION ALL
                SELECT sku_id, tuple('day', location_id, {Start("demand_daily")} AS at, {Measures}) FROM demand_daily_current WHERE at < {throughTs}
            )
            GROUP BY sku_id
            """;
        await foreach (var row in clickHouse.QueryAsync(sql))
        {
            rows.Add(row.Get<string>(0)!, row.Get<string>(1)!);
        }

        return rows;
    }

    /// <summary>Rows whose first revision and restatements do not add up to their highest, and restatements that name no cause.</summary>
    public static async Task<List<string>> UnexplainedAsync(IClickHouse clickHouse)
    {
        var found = new List<string>();
        foreach (var table in Tables)
        {
            var names = (table == "position_hourly" ? "facts, on_hand, unsellable, reserved, in_transit_in, in_transit_out, available" : Logged).Split(", ");
            found.AddRange(await LinesAsync(clickHouse, $"""
                SELECT concat(sku_id, ' ', place, ' ', toString(at), ' in {table}: revision ', toString(last), ', first ', toString(firsts), ', last ', toString(lasts), ', ',
                    toString(logged), ' restatements of ', toString(deltas))
                FROM
                (
                    SELECT sku_id, toString(location_id) AS place, {Start(table)} AS at, max(t.revision) AS last,
                        argMin([{Floats(names)}], t.revision) AS firsts, argMax([{Floats(names)}], t.revision) AS lasts
                    FROM (SELECT * FROM {table} FINAL) AS t GROUP BY sku_id, place, at
                ) AS c
                LEFT JOIN
                (
                    SELECT sku_id, toString(location_id) AS place, toInt64(toUnixTimestamp(start)) * 1000 AS at, count() AS logged, sumForEach([{Floats(names)}]) AS deltas
                    FROM restatements_current WHERE restated = '{table}' GROUP BY sku_id, place, at
                ) AS r USING (sku_id, place, at)
                WHERE logged != last OR arrayExists((f, l, d) -> abs(f + d - l) > 0.00001, firsts, lasts, arrayResize(deltas, {names.Length}))
                """));
        }

        found.AddRange(await LinesAsync(clickHouse,
            "SELECT concat(sku_id, ' ', toString(start), ': a restatement names no cause') FROM restatements_current WHERE cause_event_id = '' OR cause_offset < 0"));
        return found;
    }

    private static async Task<List<string>> LinesAsync(IClickHouse clickHouse, string sql)
    {
        var lines = new List<string>();
        await foreach (var row in clickHouse.QueryAsync(sql))
        {
            lines.Add(row.Get<string>(0)!);
        }

        return lines;
    }

    private static string Line(string location, string numbers) =>
        $"concat(sku_id, ' ', {location}, ' ', arrayStringConcat(arrayMap(n -> toString(n), {numbers}), ' '))";

    private static string Floats(string[] names) => string.Join(", ", names.Select(name => $"toFloat64({name})"));

    private static string Period(string table) => table == "demand_daily" ? "day" : "hour";

    private static string Start(string table) => $"toInt64(toUnixTimestamp(toDateTime({Period(table)}, 'UTC'))) * 1000";
}
