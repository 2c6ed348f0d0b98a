using System.Globalization;
using System.Text.Json;
using Stockflow.History;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Reads;

/// <summary>Features as known at a label's time: equal to brute force over what had been written by then, whatever is written later.</summary>
public sealed class FeatureTests
{
    private const int Skus = 6, Days = 45;
    private static readonly DateTime First = new(2026, 2, 1, 0, 0, 0, DateTimeKind.Utc);

    private sealed record Day(string Sku, DateTime Date, int Revision, DateTime Written, long Sold, double Short);

    private sealed record Hour(string Sku, DateTime Start, int Revision, DateTime Written, long OnHand);

    private sealed record Features(long Week, long Month, long SoldDays, double? Share, long OnHand);

    [Fact]
    public async Task Features_know_nothing_of_what_was_written_or_happened_later()
    {
        var (server, client) = await EmbeddedClickHouse.StartMigratedAsync();
        await using var owned = server;
        using var closed = client;
        var random = new Random(77);
        var (days, hours) = (new List<Day>(), new List<Hour>());
        for (var i = 0; i < Skus * Days * 2; i++)
        {
            var date = First.AddDays(random.Next(Days));
            var sku = $"S{random.Next(Skus)}";
            var revision = days.Count(other => other.Sku == sku && other.Date == date);
            var written = revision == 0 ? date.AddDays(1).AddMinutes(random.Next(5, 600)) : days.Where(other => other.Sku == sku && other.Date == date).Max(other => other.Written).AddHours(random.Next(1, 300));
            days.Add(new Day(sku, date, revision, written, random.Next(9), random.Next(3) * 60));
            var start = date.AddHours(random.Next(24));
            revision = hours.Count(other => other.Sku == sku && other.Start == start);
            hours.Add(new Hour(sku, start, revision, start.AddHours(1).AddMinutes(random.Next(1, 4000) + (revision * 5000)), random.Next(100)));
        }

        var moments = Enumerable.Range(0, 12).Select(_ => First.AddDays(20).AddMinutes(random.Next(Days * 24 * 60))).ToArray();
        var last = moments.Max();
        await InsertAsync(client, days.Where(day => day.Written <= last), hours.Where(hour => hour.Written <= last));
        var first = await ReadAsync(client, moments);
        var compared = 0;
        foreach (var moment in moments)
        {
            foreach (var sku in Enumerable.Range(0, Skus).Select(i => $"S{i}"))
            {
                var expected = ByHand(days, hours, sku, moment);
                Assert.True(expected == first.GetValueOrDefault((moment, sku)), $"{sku} at {moment:O}: expected {expected}, found {first.GetValueOrDefault((moment, sku))}");
                compared += expected is null ? 0 : 1;
            }
        }

        Assert.InRange(compared, moments.Length * Skus / 2, moments.Length * Skus);
        await InsertAsync(client, days.Where(day => day.Written > last), hours.Where(hour => hour.Written > last));
        Assert.Equal(first.OrderBy(f => f.Key), (await ReadAsync(client, moments)).OrderBy(f => f.Key));
    }

    private static Features? ByHand(List<Day> days, List<Hour> hours, string sku, DateTime at)
    {
        var stock = hours.Where(hour => hour.Sku == sku && hour.Written <= at && hour.Start.AddHours(1) <= at).OrderBy(hour => hour.Start).ThenBy(hour => hour.Revision).LastOrDefault();
        if (stock is null)
        {
            return null;
        }

        var seen = days.Where(day => day.Sku == sku && day.Written <= at && day.Date.AddDays(1) <= at && day.Date >= at.Date.AddDays(-28))
            .GroupBy(day => day.Date).Select(day => day.MaxBy(row => row.Revision)!).ToList();
        return new Features(seen.Where(day => day.Date >= at.Date.AddDays(-7)).Sum(day => day.Sold), seen.Sum(day => day.Sold), seen.Count(day => day.Sold > 0),
            seen.Count > 0 ? 1 - (seen.Sum(day => day.Short) / (seen.Count * 1440)) : null, stock.OnHand);
    }

    private static async Task<Dictionary<(DateTime At, string Sku), Features>> ReadAsync(ClickHouseClient client, DateTime[] moments)
    {
        var found = new Dictionary<(DateTime, string), Features>();
        await foreach (var row in client.QueryAsync("""
            SELECT toUnixTimestamp64Milli(at), sku_id, units_7d, units_28d, sold_days_28d, in_stock_share_28d, on_hand
            FROM demand_features(at = {at:Array(DateTime64(3, 'UTC'))}, skus = [])
            """, new Dictionary<string, object?> { ["at"] = moments }))
        {
            found.Add((DateTime.UnixEpoch.AddMilliseconds(row.Get<long>(0)), row.Get<string>(1)!),
                new Features(row.Get<long>(2), row.Get<long>(3), row.Get<long>(4), row[5].ValueKind == JsonValueKind.Null ? null : row.Get<double>(5), row.Get<long>(6)));
        }

        return found;
    }

    private static async Task InsertAsync(ClickHouseClient client, IEnumerable<Day> days, IEnumerable<Hour> hours)
    {
        await client.InsertRowsAsync("demand_daily", days.Select(day => new Dictionary<string, object?>
        {
            ["sku_id"] = day.Sku,
            ["location_id"] = "L",
            ["day"] = day.Date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            ["revision"] = day.Revision,
            ["facts"] = 1,
            ["units_sold"] = day.Sold,
            ["stockout_minutes"] = day.Short,
            ["observed_minutes"] = 1440,
            ["recorded_at"] = Text(day.Written),
        }));
        await client.InsertRowsAsync("position_hourly", hours.Select(hour => new Dictionary<string, object?>
        {
            ["sku_id"] = hour.Sku,
            ["location_id"] = "L",
            ["hour"] = hour.Start.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
            ["revision"] = hour.Revision,
            ["facts"] = 1,
            ["on_hand"] = hour.OnHand,
            ["recorded_at"] = Text(hour.Written),
        }));
    }

    private static string Text(DateTime time) => time.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
}
