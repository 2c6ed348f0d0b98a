using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;
using Xunit.Abstractions;

namespace Stockflow.IntegrationTests.Import;

/// <summary>
/// UCI "Online Retail" and a stocktake a month, imported in three orders through the real pipeline, lead to one and the same ledger, positions,
/// closed hours and days, and to the figures of SQL over the CSV in DuckDB. By default the file's first <see cref="Records"/> records, about two
/// months; STOCKFLOW_RETAIL_RECORDS sets another number, or "all".
/// </summary>
[Collection(RetailRun.Collection)]
public sealed class ArrivalOrderTests(ITestOutputHelper output)
{
    private const int Records = 20_000;

    // The stocktakes' file is an input of the test, so its mapping is too.
    private const string StocktakeMapping = """
        mapping: stocktakes
        fields:
          event_ts: "{time}"
          sku_id: "{code}"
          location_id: UK-WEB
          movement_type: CYCLE_COUNT
          qty_delta: "0"
          counted_qty: "{counted}"
          source_system: WMS
          reference_id: "{time}"
        reference:
          skus: { name: "{code}" }
          locations: [{ id: UK-WEB }]
        """;

    // Columns as online-retail-days.js writes them.
    private static readonly Dictionary<string, string> Figures = new()
    {
        ["daily"] = """
            SELECT sku_id, location_id, toInt32(day), facts, units_sold, units_returned, net_units, orders, toInt64(gross_revenue * 10000), toInt64(discount * 10000),
              toInt64(net_revenue * 10000), unpriced_units, promo_units, toInt64(round(stockout_minutes * 60000)), toInt64(round(observed_minutes * 60000)),
              if(isNull(in_stock_share), '-', toString(toInt64(round(ifNull(in_stock_share, 0) * observed_minutes))))
            FROM demand_daily_current
            """,
        ["hourly"] = """
            SELECT sku_id, count(), sum(facts), sum(units_sold), sum(units_returned), sum(orders), toInt64(sum(gross_revenue) * 10000), toInt64(sum(net_revenue) * 10000),
              sum(out), sum(toInt64(round(observed_minutes * 60000))), sum(n * facts), sum(n * units_sold), sum(n * intDiv(out, 60000))
            FROM (SELECT *, intDiv(toInt64(toUnixTimestamp(hour)), 3600) AS n, toInt64(round(stockout_minutes * 60000)) AS out FROM demand_hourly_current)
            GROUP BY sku_id
            """,
        ["lost-sales"] = """
            SELECT sku_id, count(), count(expected_rate), count(lost_units), sum(usual_hours), sum(toInt64(floor(ifNull(lost_units, 0) * 1000000 + 0.5)))
            FROM lost_sales GROUP BY sku_id
            """,
        ["kpis"] = """
            SELECT sum(units_sold), sum(units_returned), sum(net_units), sum(orders), toInt64(sum(gross_revenue) * 10000), toInt64(sum(discount) * 10000),
              toInt64(sum(net_revenue) * 10000), sum(promo_units), toInt64(round(sum(stockout_minutes) * 60000)), toInt64(round(sum(observed_minutes) * 60000)),
              (SELECT count() FROM promo_lift)
            FROM demand_daily_current
            """,
    };

    // They follow from the hours alone, so that once is enough: the hours' fingerprint is the same in every order.
    private static readonly string[] FromHours = ["hourly", "lost-sales"];

    // Any difference in any column of any row, times of writing and places in Kafka left out.
    private static readonly Dictionary<string, string> Fingerprints = new()
    {
        ["ledger"] = Fingerprint("ledger_current", "topic, partition, offset, broker_ts, recorded_at"),
        ["demand_hourly"] = Fingerprint("demand_hourly_current", "revision, recorded_at"),
        ["position_hourly"] = Fingerprint("position_hourly_current", "revision, recorded_at"),
    };

    [RetailDataFact]
    public async Task In_file_order_in_reverse_and_shuffled_the_file_leads_to_what_DuckDB_computes()
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-arrival-").FullName;
        try
        {
            var watch = Stopwatch.StartNew();
            var file = await FileAsync(folder);
            await File.WriteAllTextAsync(Path.Combine(folder, "stocktakes.yaml"), StocktakeMapping);
            var oracle = await AskOracleAsync(file, folder);
            var (until, records) = (oracle.GetProperty("until").GetInt64(), oracle.GetProperty("rows").GetInt64() + oracle.GetProperty("stocktakes").GetInt64());
            output.WriteLine($"{records} records; DuckDB {watch.Elapsed.TotalSeconds:F1} s");
            await using var clickHouse = await EmbeddedClickHouse.StartAsync();
            var seen = new Dictionary<string, List<string>>();
            foreach (var order in (string[])["file", "reverse", "shuffled"])
            {
                watch.Restart();
                await using var run = await RetailRun.StartAsync(clickHouse, "retail_" + order);
                await ImportAsync(run, order, file, folder, oracle.GetProperty("rows").GetInt64(), until);
                await run.DrainedAsync(records);
                var imported = watch.Elapsed.TotalSeconds;
                await run.StopAsync();
                await run.CloseAsync(until);
                var closed = watch.Elapsed.TotalSeconds;
                await CheckAsync(run, order, folder, seen);
                output.WriteLine($"{order}: imported {imported:F1} s, closed {closed - imported:F1} s, compared {watch.Elapsed.TotalSeconds - closed:F1} s");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Fingerprint(string view, string except) => $"SELECT count(), sum(cityHash64(*)) FROM (SELECT * EXCEPT ({except}) FROM {view})";

    private static async Task<string> FileAsync(string folder)
    {
        var wanted = Environment.GetEnvironmentVariable("STOCKFLOW_RETAIL_RECORDS") ?? Records.ToString(CultureInfo.InvariantCulture);
        if (wanted == "all")
        {
            return RetailData.File!;
        }

        var file = Path.Combine(folder, "online_retail.csv");
        await RetailData.WriteBeginningAsync(file, int.Parse(wanted, CultureInfo.InvariantCulture));
        return file;
    }

    private static async Task<JsonElement> AskOracleAsync(string file, string folder)
    {
        await using var peer = NodePeer.Start("online-retail.js", file, folder);
        var code = await peer.WaitForExitAsync(TimeSpan.FromMinutes(10));
        Assert.True(code == 0, peer.Output);
        return JsonDocument.Parse(peer.Output).RootElement;
    }

    // In file order the stocktakes come before all that they count, in reverse after it, the latest first. Shuffled, the processor also
    // dies on its way and hours are closed over what it has done; sales that it had not done, and the stocktakes, restate them.
    private static async Task ImportAsync(RetailRun run, string order, string file, string folder, long sales, long until)
    {
        string[] options = order == "shuffled" ? ["--order", order, "--seed", "7"] : ["--order", order];
        Task SalesAsync() => run.ImportAsync("online-retail", file, options);
        Task StocktakesAsync() => run.ImportAsync(Path.Combine(folder, "stocktakes.yaml"), Path.Combine(folder, "stocktakes.csv"), options);
        switch (order)
        {
            case "file":
                await run.StartProcessorAsync();
                await StocktakesAsync();
                await SalesAsync();
                break;
            case "reverse":
                await run.StartProcessorAsync();
                await SalesAsync();
                await StocktakesAsync();
                break;
            default:
                await SalesAsync();
                // Small steps, so that it dies between two of them.
                await run.StartProcessorAsync("--kafka.batch-records", "256", "--history.insert-rows", "2000");
                await run.DoneAsync(sales / 4);
                run.KillProcessor();
                await run.CloseAsync(until);
                await run.StartProcessorAsync();
                await StocktakesAsync();
                break;
        }
    }

    private static async Task CheckAsync(RetailRun run, string order, string folder, Dictionary<string, List<string>> seen)
    {
        Compare($"{order}: positions", await ExpectedAsync(folder, "positions"), await run.PositionsAsync());
        foreach (var (name, sql) in Figures.Where(figure => order == "file" || !FromHours.Contains(figure.Key)))
        {
            Compare($"{order}: {name}", await ExpectedAsync(folder, name), await run.QueryAsync(sql));
        }

        foreach (var (name, sql) in Fingerprints)
        {
            var found = await run.QueryAsync(sql);
            Assert.NotEqual("0\t0", Assert.Single(found));
            Compare($"{order}, compared with file order: {name}", seen.TryAdd(name, found) ? found : seen[name], found);
        }

        var restated = long.Parse(Assert.Single(await run.QueryAsync("SELECT count() FROM restatements_current")), CultureInfo.InvariantCulture);
        Assert.True(order == "shuffled" ? restated > 0 : restated == 0, $"{order}: {restated} rows were restated");
    }

    private static async Task<List<string>> ExpectedAsync(string folder, string name) => RetailRun.Sorted(await File.ReadAllLinesAsync(Path.Combine(folder, name + ".tsv")));

    private static void Compare(string what, List<string> expected, List<string> found)
    {
        Assert.NotEmpty(expected);
        if (!expected.SequenceEqual(found))
        {
            var (missing, extra) = (expected.Except(found).ToList(), found.Except(expected).ToList());
            Assert.Fail($"{what}: {missing.Count} of {expected.Count} lines are not there, {extra.Count} others are.\nexpected:\n{string.Join('\n', missing.Take(10))}\nfound:\n{string.Join('\n', extra.Take(10))}");
        }
    }
}
