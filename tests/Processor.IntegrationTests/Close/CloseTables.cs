using Stockflow.History;

namespace Stockflow.IntegrationTests.Close;

/// <summary>Reads what a close has written.</summary>
internal static class CloseTables
{
    public static async Task<Dictionary<RowKey, DemandRow>> DemandAsync(IClickHouse clickHouse, string table)
    {
        var start = table == "demand_hourly" ? "hour" : "day";
        var sql = $"""
            SELECT sku_id, location_id, toInt64(toUnixTimestamp(toDateTime({start}, 'UTC'))) * 1000, facts, units_sold, units_returned, orders, toString(gross_revenue), toString(discount),
                toString(net_revenue), unpriced_units, promo_units, round(stockout_minutes * 60000), round(observed_minutes * 60000)
            FROM {table}_current
            """;
        var rows = new Dictionary<RowKey, DemandRow>();
        await foreach (var row in clickHouse.QueryAsync(sql))
        {
            rows.Add(Key(row), new DemandRow(row.Get<long>(3), row.Get<long>(4), row.Get<long>(5), row.Get<long>(6), row.Get<decimal>(7), row.Get<decimal>(8), row.Get<decimal>(9),
                row.Get<long>(10), row.Get<long>(11), (long)row.Get<double>(12), (long)row.Get<double>(13)));
        }

        return rows;
    }

    public static async Task<Dictionary<RowKey, PositionRow>> PositionsAsync(IClickHouse clickHouse)
    {
        const string Sql = """
            SELECT sku_id, location_id, toInt64(toUnixTimestamp(hour)) * 1000, on_hand, unsellable, reserved, in_transit_in, in_transit_out, toUnixTimestamp64Milli(last_count_ts)
            FROM position_hourly_current
            """;
        var rows = new Dictionary<RowKey, PositionRow>();
        await foreach (var row in clickHouse.QueryAsync(Sql))
        {
            rows.Add(Key(row), new PositionRow(row.Get<long>(3), row.Get<long>(4), row.Get<long>(5), row.Get<long>(6), row.Get<long>(7), row.Get<long>(8)));
        }

        return rows;
    }

    /// <summary>Rows of two tables that differ, as text; empty where they are equal.</summary>
    public static string Differences<T>(Dictionary<RowKey, T> expected, Dictionary<RowKey, T> found)
        where T : class
    {
        var lines = expected.Keys.Union(found.Keys)
            .Where(key => !Equals(expected.GetValueOrDefault(key), found.GetValueOrDefault(key)))
            .OrderBy(key => key.ToString(), StringComparer.Ordinal)
            .Select(key => $"{key} {DateTimeOffset.FromUnixTimeMilliseconds(key.Start):u}: expected {expected.GetValueOrDefault(key)}, found {found.GetValueOrDefault(key)}").ToList();
        return string.Join('\n', lines.Take(10));
    }

    private static RowKey Key(ClickHouseRow row) => new(row.Get<string>(0)!, row.Get<string>(1)!, row.Get<long>(2));
}
