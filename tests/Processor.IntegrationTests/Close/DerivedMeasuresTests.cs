using Stockflow.Commands;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Stockflow.Model;
using Stockflow.Window;
using Xunit;

namespace Stockflow.IntegrationTests.Close;

/// <summary>Views lost_sales and promo_lift over small ledgers whose answers are plain to see.</summary>
public sealed class DerivedMeasuresTests
{
    private const long Hour = ClosePlan.Hour, Day = ClosePlan.Day, Week = 7 * Day;

    // 2026-03-02 00:00, a Monday.
    private const long Start = 1_772_409_600_000;

    [Fact]
    public async Task Lost_sales_are_the_usual_rate_of_the_hour_over_the_time_without_stock_less_what_was_sold()
    {
        List<CloseFact> facts = [.. Weekly("KNOWN", 5, at: 10 * Hour, week => 6 + week), .. Weekly("NEW", 3, at: 10 * Hour, _ => 6)];
        // Mondays from 10 to 11 sold 6 to 10, and 99 under a promotion, which is no usual hour.
        facts[3] = facts[3] with { Qty = -99, Promo = "P" };
        foreach (var (sku, weeks) in ((string, int)[])[("KNOWN", 5), ("NEW", 3)])
        {
            // Nothing from 10:00 to 10:45, when one is found and sold at once; then there is stock again at 11:00.
            var monday = Start + (weeks * Week) + (10 * Hour);
            facts.Add(new(MovementType.CycleCount, monday, 0, sku + "-gone") { Sku = sku, Counted = 0 });
            facts.Add(new(MovementType.Adjustment, monday + (Hour / 4 * 3), 1, sku + "-found") { Sku = sku });
            facts.Add(new(MovementType.Sale, monday + (Hour / 4 * 3), -1, sku + "-last") { Sku = sku });
            facts.Add(new(MovementType.Receipt, monday + Hour, 50, sku + "-more") { Sku = sku });
        }

        var rows = await QueryAsync(facts, 6, "SELECT sku_id, hour, stockout_minutes, units_sold, usual_hours, expected_rate, lost_units FROM lost_sales ORDER BY sku_id");

        // Four usual hours sold 6 + 7 + 9 + 10 = 32 in 240 minutes; 60 minutes without stock would have sold 8, and 1 was sold.
        Assert.Equal(["KNOWN 2026-04-06 10:00:00 60 1 4 0.13333333333333333 7", "NEW 2026-03-23 10:00:00 60 1 3 null null"], rows);
    }

    [Fact]
    public async Task Promo_lift_is_over_the_median_of_the_same_weekday_without_promotion_and_stockout()
    {
        // Mondays sell 10, 20, 30, 40, 50; the third one under a promotion, the sixth too.
        List<CloseFact> facts = [.. Weekly("KNOWN", 5, at: 12 * Hour, week => 10 * (week + 1))];
        facts[3] = facts[3] with { Promo = "P" };
        facts.Add(new(MovementType.Sale, Start + (5 * Week) + Hour, -75, "promoted") { Sku = "KNOWN", Promo = "P" });

        var rows = await QueryAsync(facts, 6, "SELECT sku_id, day, units_sold, promo_units, usual_days, baseline, lift FROM promo_lift ORDER BY day");

        // Of 10, 20, 40 and 50 the median is 30; two days are too little history.
        Assert.Equal(["KNOWN 2026-03-16 30 30 2 null null", "KNOWN 2026-04-06 75 75 4 30 1.5"], rows);
    }

    // Plenty of stock from the first midnight, then one sale a week.
    private static IEnumerable<CloseFact> Weekly(string sku, int weeks, long at, Func<int, long> units) =>
        Enumerable.Range(0, weeks).Select(week => new CloseFact(MovementType.Sale, Start + (week * Week) + at, -units(week), $"{sku}-{week}") { Sku = sku })
            .Prepend(new CloseFact(MovementType.Receipt, Start, 1000, sku + "-stock") { Sku = sku });

    private static async Task<List<string>> QueryAsync(List<CloseFact> facts, int weeks, string sql)
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        await CloseFact.InsertAsync(client, facts, 0, Start);
        await new HourClose(new CloseLedger(client, "t"), new CloseOptions(), _ => Task.FromResult(true))
            .RunAsync(Start + (weeks * Week), new Dictionary<int, long> { [0] = facts.Count }, default);
        var rows = new List<string>();
        await foreach (var row in client.QueryAsync(sql))
        {
            rows.Add(string.Join(' ', row.Values.EnumerateArray().Select(value => value.ValueKind == System.Text.Json.JsonValueKind.Null ? "null" : value.ToString())));
        }

        return rows;
    }
}
