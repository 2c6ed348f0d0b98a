using System.Globalization;
using System.Text.Json;
using Stockflow.IntegrationTests.Fixtures;
using Xunit;

namespace Stockflow.IntegrationTests.Import;

/// <summary>The whole UCI "Online Retail" file through the real pipeline, compared with SQL over the CSV in DuckDB.</summary>
[Collection(RetailRun.Collection)]
public sealed class OnlineRetailTests
{
    private const string Location = "UK-WEB";

    // By code: on-hand, units sold, units returned, revenue in ten-thousandths. Values that the ledger adds up for itself.
    private const string ByCode = $"""
        SELECT sku_id, sumIf(qty_delta, stocked = 1), -sumIf(qty_delta, movement_type = 'SALE'), sumIf(qty_delta, movement_type = 'RETURN'),
          toInt64(-sumIf(qty_delta * ifNull(unit_price, 0) * 10000, movement_type IN ('SALE', 'RETURN')))
        FROM ledger_current WHERE location_id = '{Location}' GROUP BY sku_id
        """;

    // A tie is right when the sale is there, of the same customer, code and price, no later, and of enough units.
    private const string WrongTies = $"""
        SELECT countIf(sale.event_id = '' OR sale.sku_id != c.sku_id OR sale.customer_ref != c.customer_ref OR c.customer_ref = ''
          OR sale.unit_price != c.unit_price OR sale.event_ts > c.event_ts OR -sale.qty_delta < c.qty_delta
          OR sale.reference_id != c.attributes['cancels_invoice']), count()
        FROM (SELECT * FROM ledger_current WHERE mapContains(attributes, 'cancels_event_id')) AS c
        LEFT JOIN (SELECT * FROM ledger_current WHERE movement_type = 'SALE' AND location_id = '{Location}') AS sale
          ON c.attributes['cancels_event_id'] = sale.event_id
        """;

    private const string OverTied = $"""
        SELECT count() FROM (SELECT attributes['cancels_event_id'] AS id, sum(qty_delta) AS cancelled FROM ledger_current
          WHERE mapContains(attributes, 'cancels_event_id') GROUP BY id) AS c
        JOIN (SELECT event_id, -qty_delta AS sold FROM ledger_current WHERE movement_type = 'SALE' AND location_id = '{Location}') AS sale ON c.id = sale.event_id
        WHERE cancelled > sold
        """;

    [RetailDataFact]
    public async Task The_file_arrives_as_an_independent_computation_says_and_a_second_import_changes_nothing()
    {
        var expected = JsonDocument.Parse(await NodePeer.RunAsync("online-retail.js", RetailData.File!)).RootElement;
        await using var demo = await DemoProcess.StartAsync();

        var kill = demo.KillProcessorAfterAsync(records: 100_000);
        var (code, output) = await demo.RunAsync("import", "--mapping", "online-retail", "--json", RetailData.File!);
        Assert.True(code == 0, output);
        await kill;
        await demo.DrainedAsync();
        CompareSummary(expected, Summary(output));
        await CompareLedgerAsync(expected, demo);
        var positions = await PositionsAsync(expected, demo);

        // Versions too: not even a write that changes nothing.
        var before = await FingerprintAsync(demo);
        (code, output) = await demo.RunAsync("import", "--mapping", "online-retail", "--json", RetailData.File!);
        Assert.True(code == 0, output);
        Assert.Equal(541_909, Summary(output).GetProperty("sent").GetInt64());
        await demo.DrainedAsync();
        Assert.Equal(before, await FingerprintAsync(demo));
        Assert.Equal(positions, await PositionsAsync(expected, demo));
        var totals = (await demo.StatusAsync()).GetProperty("totals");
        Assert.InRange(totals.GetProperty("duplicates").GetInt64(), 541_909, long.MaxValue);
        Assert.Equal(0, (await demo.QueryAsync($"SELECT count() FROM raw_events_current WHERE verdict = 'dead_letter' AND broker_ts > (SELECT min(broker_ts) FROM ledger_current WHERE location_id = '{Location}')")) is [[var dead]] ? long.Parse(dead, CultureInfo.InvariantCulture) : -1);
    }

    private static JsonElement Summary(string output) =>
        JsonDocument.Parse(output.Split('\n').Last(line => line.StartsWith('{'))).RootElement;

    private static void CompareSummary(JsonElement expected, JsonElement summary)
    {
        Assert.Equal(541_909, expected.GetProperty("rows").GetInt64());
        Assert.Equal(expected.GetProperty("rows").GetInt64(), summary.GetProperty("sent").GetInt64());
        Assert.Equal(0, summary.GetProperty("rejected").GetInt64());
        Assert.Equal(expected.GetProperty("duplicates").GetInt64(), summary.GetProperty("duplicates").GetInt64());
        Assert.Equal(expected.GetProperty("codes").GetArrayLength(), summary.GetProperty("skus").GetInt64());
        var classes = summary.GetProperty("classes");
        Assert.Equal(expected.GetProperty("classes").GetArrayLength(), classes.EnumerateObject().Count());
        foreach (var wanted in expected.GetProperty("classes").EnumerateArray())
        {
            var found = classes.GetProperty(wanted.GetProperty("class").GetString()!);
            Assert.Equal(wanted.GetProperty("rows").GetInt64(), found.GetProperty("rows").GetInt64());
            Assert.Equal(Math.Abs(wanted.GetProperty("quantity").GetInt64()), Math.Abs(found.GetProperty("units").GetInt64()));
        }

        // No more ties than sales that could be meant; each sale only serves as often as it has units, so somewhat fewer.
        var possible = expected.GetProperty("tiesPossible").GetInt64();
        Assert.InRange(summary.GetProperty("cancellationsTied").GetInt64(), possible * 95 / 100, possible);
    }

    private static async Task CompareLedgerAsync(JsonElement expected, DemoProcess demo)
    {
        var counts = Assert.Single(await demo.QueryAsync(
            $"SELECT count(), uniqExact(event_id), uniqExactIf(customer_ref, customer_ref != ''), countIf(mapContains(attributes, 'cancels_event_id')) FROM ledger_current WHERE location_id = '{Location}'"));
        Assert.Equal(["541909", "541909", expected.GetProperty("customers").GetInt64().ToString(CultureInfo.InvariantCulture)], counts[..3]);
        Assert.Equal(["0", counts[3]], Assert.Single(await demo.QueryAsync(WrongTies)));
        Assert.Equal("0", Assert.Single(await demo.QueryAsync(OverTied))[0]);
        var ledger = (await demo.QueryAsync(ByCode)).ToDictionary(row => row[0], row => string.Join(' ', row[1..]));
        foreach (var wanted in expected.GetProperty("codes").EnumerateArray())
        {
            var code = wanted.GetProperty("code").GetString()!;
            var figures = string.Join(' ', ((string[])["on_hand", "sold", "returned", "revenue"]).Select(name => wanted.GetProperty(name).GetInt64()));
            Assert.True(ledger.Remove(code, out var found) && found == figures, $"{code}: expected {figures}, the ledger has {found}");
        }

        Assert.Empty(ledger);
    }

    private static async Task<Dictionary<string, (long OnHand, long Version)>> PositionsAsync(JsonElement expected, DemoProcess demo)
    {
        var positions = new Dictionary<string, (long, long)>();
        foreach (var wanted in expected.GetProperty("codes").EnumerateArray())
        {
            var code = wanted.GetProperty("code").GetString()!;
            var found = await demo.PositionAsync(code, Location);
            if (wanted.GetProperty("service").GetBoolean())
            {
                Assert.True(found is null, $"{code} is a service and has a position");
                continue;
            }

            Assert.True(
                found is { } position && position.OnHand == wanted.GetProperty("on_hand").GetInt64(),
                $"{code}: expected {wanted.GetProperty("on_hand")}, the position is {found?.OnHand}");
            positions[code] = found.GetValueOrDefault();
        }

        return positions;
    }

    /// <summary>Any change of any row that the ledger's readers see changes this.</summary>
    private static async Task<string> FingerprintAsync(DemoProcess demo) =>
        string.Join(' ', Assert.Single(await demo.QueryAsync("SELECT count(), sum(cityHash64(*)) FROM ledger_current")));
}
