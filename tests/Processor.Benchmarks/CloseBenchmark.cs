using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Stockflow.Commands;
using Stockflow.Embedded;
using Stockflow.History;
using Stockflow.Window;

namespace Stockflow.Benchmarks;

/// <summary><c>bench close</c>: the time of closing an hour, and of restating SKUs at locations after late events.</summary>
internal static class CloseBenchmark
{
    private const int Partitions = 64, Block = 5_000_000;
    private const long HistoryHours = 24;

    // 2026-03-02 00:00 UTC.
    private const long Start = 1_772_409_600_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static Command Create()
    {
        var rows = NumberOption.Create("--rows", "Rows of the day before the hour.", 1_000_000, 0, 1_000_000_000);
        var hourRows = NumberOption.Create("--hour-rows", "Rows of the hour that is closed.", 1_000_000, 1000, 1_000_000_000);
        var skus = NumberOption.Create("--skus", "Stock keeping units.", 10_000, 1, 10_000_000);
        var locations = NumberOption.Create("--locations", "Locations.", 50, 1, 10_000);
        var keys = NumberOption.Create("--keys", "Late events, each for a SKU and location of its own.", 1000, 1, 1_000_000);
        var command = new Command("close", """
            Fills a ledger in the embedded ClickHouse and measures closing a day of it, closing one more hour, and restating SKUs at locations
            that late events of the last day touch, with the rows that each reads. A sum that differs from the ledger's has no figures.

            Exit codes: 0 measured, 1 a result was wrong or a server failed, 2 wrong usage.

            Examples:
              eng/bench close
              eng/bench close --rows 100000000 --hour-rows 10000000 --skus 100000 --locations 200
            """) { rows, hourRows, skus, locations, keys };
        command.SetAction((parsed, token) => Guard.RunAsync(async () => await Console.Out.WriteLineAsync(await RunAsync(
            parsed.GetValue(rows), parsed.GetValue(hourRows), parsed.GetValue(skus), parsed.GetValue(locations), parsed.GetValue(keys), token))));
        return command;
    }

    private static async Task<string> RunAsync(long rows, long hourRows, long skus, long locations, long keys, CancellationToken token)
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-bench-").FullName;
        try
        {
            await using var server = ChildProcess.StartSelf("clickhouse", ["clickhouse", "--path", Path.Combine(folder, "clickhouse"), "--port", "0"], Path.Combine(folder, "clickhouse.log"));
            var url = new Uri(await server.WaitForLineAsync("listening on ", Patience, token));
            using var client = new ClickHouseClient(new ClickHouseOptions { Url = url, RequestTimeoutSeconds = 3600, MaxRetries = 0 });
            await new Migrations(client, Migrations.DefaultFolder).ApplyAsync(token);
            var close = new HourClose(new CloseLedger(client, "inventory.movements"), new CloseOptions(), _ => Task.FromResult(true));
            var (day, hour) = (Start + (HistoryHours * ClosePlan.Hour), Start + ((HistoryHours + 1) * ClosePlan.Hour));
            var lines = new List<string> { "| step | rows of the step | seconds | rows read | million rows/s |", "|---|---:|---:|---:|---:|" };
            if (rows > 0)
            {
                await FillAsync(client, 0, rows, Start, HistoryHours, skus, locations, token);
                await StepAsync($"close {HistoryHours} hours and a day", rows, day, rows);
            }
            else
            {
                await close.RunAsync(day, Through(0), token);
            }

            await FillAsync(client, rows, hourRows, day, 1, skus, locations, token);
            await StepAsync("close an hour", hourRows, hour, rows + hourRows);
            await client.ExecuteAsync($$"""
                INSERT INTO ledger (topic, partition, offset, event_id, event_ts, ingest_ts, broker_ts, recorded_at, sku_id, location_id, movement_type, qty_delta, source_system, reference_id, unit_price)
                SELECT 'inventory.movements', sku % {{Partitions}}, {{rows + hourRows}} + number, concat('late-', toString(number)), fromUnixTimestamp64Milli({{Start}} + intDiv(toInt64(number) * {{HistoryHours * ClosePlan.Hour}}, {{keys}}), 'UTC') AS ts,
                    ts, ts, now64(3), concat('SKU-', toString(sku)), concat('L', toString(cityHash64(number, 1) % {{locations}})), 'SALE', -1, 'POS', concat('late-', toString(number)), 9.99
                FROM (SELECT number, cityHash64(number) % {{skus}} AS sku FROM numbers({{keys}}))
                """, token: token);
            await StepAsync($"restate {keys:N0} late events", keys, hour, rows + hourRows + keys);
            var expected = await client.QueryScalarAsync<long>($$"""
                SELECT -sum(qty_delta) FROM ledger_effective(topic = '', partition = -1, below = 9223372036854775807, skus = [], before = [], known_at = '2299-01-01 00:00:00',
                    since = '1970-01-01 00:00:00', until = '2299-01-01 00:00:00') WHERE movement_type = 'SALE'
                """, token: token);
            var found = await client.QueryScalarAsync<long>("SELECT sum(units_sold) FROM demand_hourly_current", token: token);
            if (expected != found)
            {
                throw new WrongResultException($"the closed hours have {found} units sold, the ledger {expected}");
            }

            var positions = await client.QueryScalarAsync<long>("SELECT uniq(sku_id, location_id) FROM position_state", token: token);
            var revisions = await client.QueryScalarAsync<long>("SELECT count() FROM restatements_current", token: token);
            lines.Add("");
            lines.Add($"{positions:N0} positions; {revisions:N0} rows restated.");
            return string.Join('\n', lines);

            async Task StepAsync(string name, long size, long until, long through)
            {
                var before = await ReadAsync(client, token);
                var began = Stopwatch.GetTimestamp();
                await close.RunAsync(until, Through(through), token);
                var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
                var read = await ReadAsync(client, token) - before;
                lines.Add(string.Create(CultureInfo.InvariantCulture, $"| {name} | {size:N0} | {seconds:0.0} | {read:N0} | {size / seconds / 1e6:0.000} |"));
                await Console.Error.WriteLineAsync(lines[^1]);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task FillAsync(ClickHouseClient client, long first, long count, long start, long hours, long skus, long locations, CancellationToken token)
    {
        for (var from = 0L; from < count; from += Block)
        {
            await client.ExecuteAsync($$"""
                INSERT INTO ledger (topic, partition, offset, event_id, event_ts, ingest_ts, broker_ts, recorded_at, sku_id, location_id, movement_type, qty_delta, counted_qty,
                    source_system, reference_id, unit_price, promo_id, counterpart_location_id, corrects_event_id)
                SELECT 'inventory.movements', sku % {{Partitions}}, number, concat('event-', toString(number)), ts, ts, ts, now64(3), concat('SKU-', toString(sku)),
                    concat('L', toString(cityHash64(number, 1) % {{locations}})),
                    multiIf(number % 100 = 1, 'CORRECTION', number % 50 = 0, 'CYCLE_COUNT', number % 50 = 7, 'TRANSFER_OUT', number % 10 = 3, 'RECEIPT', 'SALE') AS type,
                    multiIf(type = 'CYCLE_COUNT', 0, type = 'RECEIPT', 20, type = 'CORRECTION', number % 3, -1), if(type = 'CYCLE_COUNT', 50, NULL), 'POS',
                    concat('document-', toString(intDiv(number, 4))), 9.99, if(number % 20 = 5, 'promotion', ''),
                    if(type = 'TRANSFER_OUT', concat('L', toString(cityHash64(number, 3) % {{locations}})), ''),
                    if(type = 'CORRECTION', concat('event-', toString(number - 1 + cityHash64(number, 4) % 4)), '')
                FROM
                (
                    SELECT n + {{first}} AS number, cityHash64(intDiv(number, 4)) % {{skus}} AS sku,
                        fromUnixTimestamp64Milli({{start}} + intDiv(toInt64(n) * {{hours * ClosePlan.Hour}}, {{count}}), 'UTC') AS ts
                    FROM (SELECT number AS n FROM numbers({{from}}, {{Math.Min(Block, count - from)}}))
                )
                """, token: token);
            await Console.Error.WriteLineAsync($"filled {Math.Min(count, from + Block):N0} of {count:N0} rows");
        }
    }

    private static Task<long> ReadAsync(ClickHouseClient client, CancellationToken token) =>
        client.QueryScalarAsync<long>("SELECT value FROM system.events WHERE event = 'SelectedRows'", token: token);

    private static Dictionary<int, long> Through(long offset) => Enumerable.Range(0, Partitions).ToDictionary(partition => partition, _ => offset);
}
