using Stockflow.Commands;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Stockflow.Window;
using Xunit;

namespace Stockflow.IntegrationTests.Close;

/// <summary>What comes late for a locked period is posted into the open one, exactly once.</summary>
public sealed class PeriodLockTests
{
    private const long Day = ClosePlan.Day;

    // 2026-02-20 00:00.
    private const long Start = 1_771_545_600_000;

    [Fact]
    public async Task A_locked_row_and_its_postings_are_what_the_row_would_be()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var ledger = new CloseLedger(client, "t");
        var recorded = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var arrivals = Enumerable.Range(5000, 40).SelectMany(seed => RandomFacts.Of($"SKU-{seed}", seed, Start)).OrderBy(a => a.ArrivalTs).ToList();
        var facts = arrivals.ConvertAll(a => a.Fact);
        var half = facts.Count / 2;
        var locked = ClosePlan.Floor(arrivals[half].ArrivalTs - (5 * Day), Day);
        await CloseFact.InsertAsync(client, facts.GetRange(0, half), 0, recorded);
        await Close(client).RunAsync(arrivals[half].ArrivalTs, Through(half), default);
        await ledger.LockAsync(locked, "auditor", default);
        var before = Locked(await CloseTables.DemandAsync(client, "demand_hourly"), locked);

        await CloseFact.InsertAsync(client, facts.GetRange(half, facts.Count - half), half, recorded);
        var end = Start + (80 * Day);
        foreach (var after in new[] { false, true })
        {
            foreach (var writes in new[] { 0, 1, 2 })
            {
                await Assert.ThrowsAsync<BreakingClickHouse.BrokeOffException>(() =>
                    Close(new BreakingClickHouse(client, writes, after)).RunAsync(end, Through(half + ((facts.Count - half) * (writes + 1) / 4)), default));
            }
        }

        var outcome = await Close(client).RunAsync(end, Through(facts.Count), default);

        Assert.True(outcome.Postings > 0);
        Assert.Equal("", CloseTables.Differences(before, Locked(await CloseTables.DemandAsync(client, "demand_hourly"), locked)));
        foreach (var (table, start, period, length) in new[] { ("demand_hourly", "hour", "hour", ClosePlan.Hour), ("demand_daily", "day", "day", Day) })
        {
            var expected = facts.GroupBy(fact => fact.Sku).SelectMany(sku => CloseOracle.Rows([.. sku], end, length).Demand).ToDictionary();
            var found = await SumAsync(client, table, start, period);
            var differences = CloseTables.Differences(expected, found);
            Assert.True(differences.Length == 0, differences);
        }

        Assert.Equal(locked, await client.QueryScalarAsync<long>("SELECT toInt64(toUnixTimestamp(any(posting_hour))) * 1000 FROM period_postings_current"));
        Assert.Equal(0, await client.QueryScalarAsync<long>($"SELECT count() FROM demand_hourly WHERE revision > 0 AND hour < fromUnixTimestamp64Milli({locked}) AND known > {half}"));
        Assert.Equal(0, (await Close(client).RunAsync(end, Through(facts.Count), default)).Keys);
        await foreach (var row in ledger.LocksAsync(default))
        {
            Assert.Equal((locked, "auditor", await client.QueryScalarAsync<long>("SELECT count() FROM period_postings_current")), (row.ThroughTs, row.LockedBy, row.Postings));
        }
    }

    private static Dictionary<RowKey, DemandRow> Locked(Dictionary<RowKey, DemandRow> rows, long locked) =>
        rows.Where(row => row.Key.Start < locked).ToDictionary();

    private static async Task<Dictionary<RowKey, DemandRow>> SumAsync(ClickHouseClient client, string table, string start, string period)
    {
        var sql = $"""
            SELECT sku_id, place, at, sum(facts), sum(units_sold), sum(units_returned), sum(orders), toString(sum(gross_revenue)), toString(sum(discount)), toString(sum(net_revenue)),
                sum(unpriced_units), sum(promo_units), round(sum(stockout_minutes) * 60000) AS gone, round(sum(observed_minutes) * 60000)
            FROM
            (
                SELECT sku_id, toString(location_id) AS place, toInt64(toUnixTimestamp(toDateTime({start}, 'UTC'))) * 1000 AS at, toInt64(facts) AS facts, units_sold, units_returned, orders, gross_revenue, discount, net_revenue,
                    unpriced_units, promo_units, stockout_minutes, observed_minutes
                FROM {table}_current
                UNION ALL
                SELECT sku_id, toString(location_id), toInt64(toUnixTimestamp(start)) * 1000, facts, units_sold, units_returned, orders, gross_revenue, discount, net_revenue,
                    unpriced_units, promo_units, stockout_minutes, observed_minutes
                FROM period_postings_current WHERE period = '{period}'
            )
            GROUP BY sku_id, place, at
            HAVING sum(facts) > 0 OR gone > 0
            """;
        var rows = new Dictionary<RowKey, DemandRow>();
        await foreach (var row in client.QueryAsync(sql))
        {
            rows.Add(new RowKey(row.Get<string>(0)!, row.Get<string>(1)!, row.Get<long>(2)), new DemandRow(row.Get<long>(3), row.Get<long>(4), row.Get<long>(5), row.Get<long>(6),
                row.Get<decimal>(7), row.Get<decimal>(8), row.Get<decimal>(9), row.Get<long>(10), row.Get<long>(11), (long)row.Get<double>(12), (long)row.Get<double>(13)));
        }

        return rows;
    }

    private static HourClose Close(IClickHouse clickHouse) => new(new CloseLedger(clickHouse, "t"), new CloseOptions { KeysPerStatement = 1000 }, _ => Task.FromResult(true));

    private static Dictionary<int, long> Through(long offset) => new() { [0] = offset };
}
