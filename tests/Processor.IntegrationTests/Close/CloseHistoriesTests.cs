using Stockflow.Commands;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Window;
using Xunit;

namespace Stockflow.IntegrationTests.Close;

/// <summary>Any history, written and closed in any steps that may break off at any write, ends in the rows of one look at all of it.</summary>
public sealed class CloseHistoriesTests
{
    // 2026-02-20 00:00: the facts lie on both sides of a month's end.
    private const long Start = 1_771_545_600_000;

    // STOCKFLOW_SEED runs another set; a failure names the SKU, whose number is the seed of its history.
    private static readonly int FirstSeed = int.Parse(Environment.GetEnvironmentVariable("STOCKFLOW_SEED") ?? "1", System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public async Task Any_history_ends_in_the_rows_of_the_whole_whatever_broke_off()
    {
        const int Cases = 60;
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var random = new Random(FirstSeed);
        var arrivals = Enumerable.Range(FirstSeed * 1000, Cases).SelectMany(seed => RandomFacts.Of($"SKU-{seed}", seed, Start)).OrderBy(a => a.ArrivalTs).ToList();
        var facts = arrivals.ConvertAll(a => a.Fact);
        // The copies that a close reads forget what was recorded long ago.
        var recorded = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var written = 0;
        var closeTs = 0L;
        var breaks = 0;
        while (written < facts.Count)
        {
            var more = Math.Min(facts.Count - written, random.Next(1, facts.Count / 6));
            await CloseFact.InsertAsync(client, facts.GetRange(written, more), written, recorded);
            if (random.Next(3) == 0)
            {
                await CloseFact.InsertAsync(client, facts.GetRange(written, more), written, recorded + 1000);
            }

            written += more;
            closeTs = Math.Max(closeTs, arrivals[written - 1].ArrivalTs - (random.Next(3) * ClosePlan.Day));
            for (var attempt = random.Next(3); attempt > 0; attempt--)
            {
                try
                {
                    // What is durable lags behind what can be read.
                    await Close(new BreakingClickHouse(client, random.Next(6), random.Next(2) == 0)).RunAsync(closeTs, Through(random.Next(written)), default);
                }
                catch (BreakingClickHouse.BrokeOffException)
                {
                    breaks++;
                }
            }

            if (random.Next(3) > 0)
            {
                await Close(client).RunAsync(closeTs, Through(written), default);
            }
        }

        var end = Start + (80 * ClosePlan.Day);
        await Close(client).RunAsync(end, Through(written), default);
        Assert.True(breaks > 3);
        await CheckAsync(client, facts, end);

        // And once more everything is as it was.
        var revisions = await client.QueryScalarAsync<long>("SELECT count() FROM demand_hourly FINAL");
        Assert.Equal(0, (await Close(client).RunAsync(end, Through(written), default)).Keys);
        Assert.Equal(revisions, await client.QueryScalarAsync<long>("SELECT count() FROM demand_hourly FINAL"));
    }

    internal static async Task CheckAsync(IClickHouse client, IReadOnlyList<CloseFact> facts, long end)
    {
        var (hours, positions) = All(facts, end, ClosePlan.Hour);
        AssertNone(CloseTables.Differences(positions, await CloseTables.PositionsAsync(client)));
        AssertNone(CloseTables.Differences(hours, await CloseTables.DemandAsync(client, "demand_hourly")));
        AssertNone(CloseTables.Differences(All(facts, end, ClosePlan.Day).Demand, await CloseTables.DemandAsync(client, "demand_daily")));
        foreach (var (table, start, measures) in new[]
        {
            ("demand_hourly", "hour", "facts, units_sold, units_returned, net_units, orders, gross_revenue, discount, net_revenue, unpriced_units, promo_units, stockout_minutes, observed_minutes"),
            ("demand_daily", "day", "facts, units_sold, units_returned, net_units, orders, gross_revenue, discount, net_revenue, unpriced_units, promo_units, stockout_minutes, observed_minutes"),
            ("position_hourly", "hour", "facts, on_hand, unsellable, reserved, in_transit_in, in_transit_out, available"),
        })
        {
            var names = measures.Split(", ");
            var different = await client.QueryScalarAsync<long>($"""
                SELECT count() FROM
                (
                    SELECT sku_id, location_id, toDateTime({start}, 'UTC') AS start, max(t.revision) AS last,
                        {string.Join(", ", names.Select(name => $"toFloat64(argMax(t.{name}, t.revision)) AS l_{name}, toFloat64(argMin(t.{name}, t.revision)) AS f_{name}"))}
                    FROM (SELECT * FROM {table} FINAL) AS t GROUP BY sku_id, location_id, start
                ) AS c
                LEFT JOIN
                (
                    SELECT sku_id, location_id, start, count() AS logged, {string.Join(", ", names.Select(name => $"toFloat64(sum({name})) AS d_{name}"))}
                    FROM restatements_current WHERE restated = '{table}' GROUP BY sku_id, location_id, start
                ) AS r USING (sku_id, location_id, start)
                WHERE logged != last OR {string.Join(" OR ", names.Select(name => $"abs(f_{name} + d_{name} - l_{name}) > 0.00001"))}
                """);
            Assert.True(different == 0, $"{table}: {different} rows are not the sum of their first revision and its restatements");
        }

        Assert.Equal(0, await client.QueryScalarAsync<long>("SELECT count() FROM restatements_current WHERE cause_event_id = '' OR cause_offset < 0"));
    }

    private static (Dictionary<RowKey, DemandRow> Demand, Dictionary<RowKey, PositionRow> Positions) All(IReadOnlyList<CloseFact> facts, long end, long length)
    {
        var (demand, positions) = (new Dictionary<RowKey, DemandRow>(), new Dictionary<RowKey, PositionRow>());
        foreach (var sku in facts.GroupBy(fact => fact.Sku))
        {
            var rows = CloseOracle.Rows([.. sku], end, length);
            rows.Demand.ToList().ForEach(row => demand.Add(row.Key, row.Value));
            rows.Positions.ToList().ForEach(row => positions.Add(row.Key, row.Value));
        }

        return (demand, positions);
    }

    private static void AssertNone(string differences) => Assert.True(differences.Length == 0, differences);

    private static HourClose Close(IClickHouse clickHouse) =>
        new(new CloseLedger(clickHouse, "t"), new CloseOptions { RowsPerStatement = 100_000, KeysPerStatement = 40 }, _ => Task.FromResult(true));

    private static Dictionary<int, long> Through(long offset) => new() { [0] = offset };
}
