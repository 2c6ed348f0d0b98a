using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Stockflow.Commands;
using Stockflow.History;
using Stockflow.IntegrationTests.Pipeline;
using Stockflow.Model;
using Stockflow.Window;
using Xunit;

namespace Stockflow.IntegrationTests.Quality;

/// <summary>The lineage of events of a small history that the stages wrote and the close restated; what is expected is written down by hand.</summary>
[Collection(QualityCollection.Name)]
public sealed partial class LineageTests(SharedClickHouse shared)
{
    private static readonly DateTimeOffset Ten = new(2026, 3, 1, 10, 0, 0, TimeSpan.Zero);
    private static readonly DateTime Hour = Ten.UtcDateTime, Day = Ten.UtcDateTime.Date;

    // Close to now: the hourly copy of the ledger forgets what was recorded long ago.
    private static readonly long Recorded = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - 60_000;

    [Fact]
    public async Task Every_record_of_an_event_and_all_that_followed_from_it_is_told()
    {
        using var client = await QualityCollection.MigratedAsync(shared);
        await WriteHistoryAsync(client);
        var reader = new HistoryReader(client);

        var sale = (await reader.LineageAsync("sale/1", default))!;
        var (first, second) = (new LineageBatch(At(0), 0, 4, 5), new LineageBatch(At(1000), 5, 6, 2));
        Assert.Equal(
            [
                new EventOccurrence("t", 0, 1, Ten.AddMinutes(20).UtcDateTime, StageFeed.SchemaId, "accepted", null, null, null, first),
                new EventOccurrence("t", 0, 5, Ten.AddMinutes(20).UtcDateTime, StageFeed.SchemaId, "duplicate", null, null, 1, second),
            ],
            sale.Occurrences);
        Assert.Equal(
            [new LineageMovement("t/0/1", "SALE", "A", "L1", null, Ten.AddMinutes(20).UtcDateTime, At(0), -5, null, -3, null, "POS", "R-1", true, null, null, true)], sale.Movements);
        Assert.Equal([new LineageCorrection("correction", "sale/1", 2, At(2000), "POS", true)], sale.Corrections);
        Assert.Equal(
            [("demand_hourly", "L1", Hour, true, 1L), ("demand_daily", "L1", Day, false, -1L), ("position_hourly", "L1", Hour, true, 1L)],
            sale.Aggregates.Select(one => (one.Table, one.LocationId, one.Start, one.Closed, one.Revision ?? -1)));
        Assert.Equal(
            [("demand_hourly", "L1", Hour, 1L, false, "correction", -2L, 0L), ("position_hourly", "L1", Hour, 1L, false, "correction", 0L, 2L)],
            sale.Restatements.Select(Text).Order());
        Assert.Equal([("run-1", "compensated", "sale/1", "t/0/9", "fix-1")], sale.Compensations.Select(one => (one.RunId, one.Action, one.EventId, one.Record, string.Join(',', one.CompensatedBy))));
        Assert.Empty(sale.Postings);
        Assert.False(sale.IsCut);

        var correction = (await reader.LineageAsync("correction", default))!;
        var row = Assert.Single(correction.Movements);
        Assert.Equal(("CORRECTION", 2L, "sale/1", "sale/1", true), (row.MovementType, row.Quantity, row.Corrects, row.Root, row.InEffect));
        Assert.Equal(sale.Aggregates, correction.Aggregates);
        Assert.All(correction.Restatements, one => Assert.True(one.Caused));
        Assert.Equal(2, correction.Restatements.Count);

        var late = (await reader.LineageAsync("late", default))!;
        Assert.Equal([("demand_hourly", "L2", Hour, 1L, true, "late", 7L, 0L), ("position_hourly", "L2", Hour, 1L, true, "late", 0L, -7L)], late.Restatements.Select(Text).Order());
        var posting = Assert.Single(late.Postings);
        Assert.Equal(("hour", "L2", true, 7L), (posting.Period, posting.LocationId, posting.Caused, posting.NetUnits));

        var bad = (await reader.LineageAsync("bad", default))!;
        var letter = Assert.Single(bad.Occurrences);
        Assert.Equal(("dead_letter", "quantity_sign", "qty_delta 5 does not fit SALE; expected a number below zero."), (letter.Verdict, letter.Reason, letter.Message));
        Assert.Equal((0, 0, 0), (bad.Movements.Count, bad.Aggregates.Count, bad.Restatements.Count));

        Assert.Null(await reader.LineageAsync("never", default));
        Assert.Equal("fix-1", (await reader.LineageAsync("fix-1", default))?.Compensations[0].CompensatedBy[0]);
    }

    [Fact]
    public async Task The_command_tells_it_as_text_and_as_JSON_and_what_it_does_not_know()
    {
        // The database that commands ask unless the environment names another.
        using var client = shared.Server.Client();
        await new Migrations(client, Migrations.DefaultFolder).ApplyAsync();
        await WriteHistoryAsync(client);
        var (code, text) = await RunAsync("sale/1");
        Assert.Equal(0, code);
        foreach (var part in new[] { "t/0/5", "of offset 1", "5 at 0 to 4", "SALE", "restatements", "correction", "demand_daily", "no row" })
        {
            Assert.Contains(part, text, StringComparison.OrdinalIgnoreCase);
        }

        var (_, json) = await RunAsync("sale/1", "--format", "json");
        Assert.Equal(-3, JsonDocument.Parse(json).RootElement.GetProperty("movements")[0].GetProperty("effective_quantity").GetInt64());
        Assert.Equal(ExitCode.CheckFailed, (await RunAsync("never")).Code);
    }

    [Fact]
    public async Task One_event_among_many_is_found_without_reading_the_others()
    {
        using var client = await QualityCollection.MigratedAsync(shared);
        await client.ExecuteAsync("""
            INSERT INTO ledger (topic, partition, offset, event_id, event_ts, ingest_ts, broker_ts, recorded_at, sku_id, location_id, movement_type, qty_delta)
            SELECT 't', 0, number, concat('e', toString(number)), now64(3), now64(3), now64(3), now64(3), concat('S', toString(number % 997)), 'L', 'SALE', -1 FROM numbers(400000)
            """);
        await client.ExecuteAsync("""
            INSERT INTO raw_events (topic, partition, offset, broker_ts, recorded_at, verdict, event_hash) SELECT 't', 0, number, now64(3), now64(3), 'accepted', cityHash64(number) FROM numbers(400000)
            """);
        var (ledger, ofLedger) = await GranulesAsync(client, "ledger WHERE event_id = 'e123456'", "event_index");
        var (raw, ofRaw) = await GranulesAsync(client, "raw_events WHERE event_hash = cityHash64(123456)", "event_hash_index");
        Assert.True(ofLedger > 300 && ledger <= ofLedger / 10, $"{ledger} of {ofLedger} granules of the ledger are read.");
        Assert.True(ofRaw > 40 && raw <= ofRaw / 10, $"{raw} of {ofRaw} granules of raw_events are read.");
        Assert.Equal("t/0/123456", (await new HistoryReader(client).LineageAsync("e123456", default))!.Movements.Single().Record);
    }

    private static async Task WriteHistoryAsync(ClickHouseClient client)
    {
        var feed = new StageFeed(client);
        await feed.BatchAsync(Recorded,
            ("receipt", Ten.AddMinutes(5), "RECEIPT", 100, "L1", null), ("sale/1", Ten.AddMinutes(20), "SALE", -5, "L1", null), ("bad", Ten.AddMinutes(21), "SALE", 5, "L1", null),
            ("receipt-2", Ten.AddMinutes(1), "RECEIPT", 50, "L2", null), ("sale-2", Ten.AddMinutes(10), "SALE", -1, "L2", null));
        await feed.BatchAsync(Recorded + 1000, ("sale/1", Ten.AddMinutes(20), "SALE", -5, "L1", null), ("other", Ten.AddMinutes(130), "SALE", -1, "L1", null));
        await CloseAsync(client, 7);
        await feed.BatchAsync(Recorded + 2000, ("correction", Ten.AddMinutes(200), "CORRECTION", 2, "L1", "sale/1"), ("late", Ten.AddMinutes(40), "SALE", -7, "L2", null),
            ("fix-1", Ten.AddMinutes(300), "ADJUSTMENT", 5, "L1", null));
        await CloseAsync(client, 10);
        await new ReconciliationLog(client, "run-1", StageFeed.Topic, TimeProvider.System).WriteAsync("compensated",
            [new ReconciliationRow("duplicate", 0, 9, "A", "L1") { EventId = "sale/1", Compensations = ["fix-1"] }], default);
        await client.ExecuteAsync("""
            INSERT INTO period_postings (period, sku_id, location_id, start, number, posting_hour, facts, units_sold, net_units, cause_event_id, cause_topic, cause_partition, cause_offset, known)
            VALUES ('hour', 'A', 'L2', '2026-02-01 10:00:00', 1, '2026-03-01 00:00:00', 1, 7, 7, 'late', 't', 0, 8, 9)
            """);
    }

    private static async Task CloseAsync(ClickHouseClient client, long durable) =>
        await new HourClose(new CloseLedger(client, StageFeed.Topic), new CloseOptions(), _ => Task.FromResult(true))
            .RunAsync(Ten.AddHours(2).ToUnixTimeMilliseconds(), new Dictionary<int, long> { [0] = durable }, default);

    private static (string, string, DateTime, long, bool, string, long, long) Text(LineageRestatement one) =>
        (one.Table, one.LocationId, one.Start, one.Revision, one.Caused, one.CauseEventId, one.NetUnits, one.OnHand);

    private static DateTime At(long after) => DateTime.UnixEpoch.AddMilliseconds(Recorded + after);

    // What ClickHouse itself says that it reads: "Name: event_index ... Granules: 3/391".
    private static async Task<(int Read, int Of)> GranulesAsync(ClickHouseClient client, string from, string index)
    {
        var plan = "";
        await foreach (var row in client.QueryAsync($"EXPLAIN indexes = 1 SELECT offset FROM {from}"))
        {
            plan += row.Get<string>(0) + "\n";
        }

        var match = Granules().Match(plan[plan.IndexOf("Name: " + index, StringComparison.Ordinal)..]);
        return (int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
    }

    private async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        await using var output = new StringWriter();
        var code = await LineageCommand.Create().Parse([.. arguments, "--clickhouse-url", shared.Server.Url.ToString()]).InvokeAsync(new InvocationConfiguration { Output = output });
        return (code, output.ToString());
    }

    [GeneratedRegex(@"Granules: (\d+)/(\d+)")]
    private static partial Regex Granules();
}
