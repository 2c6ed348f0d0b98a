using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Stockflow.Embedded;
using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary><c>bench asof</c>: the time of "position at T, known at K" for one SKU at one location, as the HTTP API asks it.</summary>
internal static class AsOfBenchmark
{
    /// <summary>Answers that are compared with the view that computes them from all corrections and movements.</summary>
    private const int Checks = 10, WarmUp = 200, Block = 5_000_000;

    private const long Days = 395;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static Command Create()
    {
        var rows = NumberOption.Create("--rows", "Rows of the ledger, spread over 13 months.", 1_000_000, 1000, 1_000_000_000);
        var perSku = NumberOption.Create("--rows-per-sku", "Movements of one SKU over all locations.", 1000, 1, 10_000_000);
        var locations = NumberOption.Create("--locations", "Locations.", 200, 1, 10_000);
        var questions = NumberOption.Create("--questions", "Timed questions, one after another.", 1000, 10, 1_000_000);
        var command = new Command("asof", """
            Fills a ledger in the embedded ClickHouse and measures "position at T, known at K" for one SKU at one location. One row in a hundred is a
            correction and one in fifty a count. Merges are waited for. Some answers are compared with view positions_as_of; a wrong one has no figures.

            Exit codes: 0 measured, 1 a result was wrong or a server failed, 2 wrong usage.

            Examples:
              eng/bench asof
              eng/bench asof --rows 100000000
            """) { rows, perSku, locations, questions };
        command.SetAction((parsed, token) => Guard.RunAsync(async () => await Console.Out.WriteLineAsync(await RunAsync(
            parsed.GetValue(rows), Math.Max(1, parsed.GetValue(rows) / parsed.GetValue(perSku)), parsed.GetValue(locations), parsed.GetValue(questions), token))));
        return command;
    }

    private static async Task<string> RunAsync(long rows, long skus, long locations, long questions, CancellationToken token)
    {
        var folder = Directory.CreateTempSubdirectory("stockflow-bench-").FullName;
        try
        {
            await using var server = ChildProcess.StartSelf("clickhouse", ["clickhouse", "--path", Path.Combine(folder, "clickhouse"), "--port", "0"], Path.Combine(folder, "clickhouse.log"));
            using var client = new ClickHouseClient(new ClickHouseOptions { Url = new Uri(await server.WaitForLineAsync("listening on ", Patience, token)) });
            await new Migrations(client, Migrations.DefaultFolder).ApplyAsync(token);
            var fill = Stopwatch.StartNew();
            for (var from = 0L; from < rows; from += Block)
            {
                await FillAsync(client, from, Math.Min(rows, from + Block), rows, skus, locations, token);
                await Console.Error.WriteLineAsync($"{Math.Min(rows, from + Block):N0} rows, {fill.Elapsed.TotalSeconds:0} s");
            }

            await SettleAsync(client, token);
            return await MeasureAsync(client, rows, skus, locations, questions, token);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Months that have passed are merged; a fill leaves many parts of each, and each costs a question time.</summary>
    private static async Task SettleAsync(ClickHouseClient client, CancellationToken token)
    {
        for (var quiet = 0; quiet < 10; await Task.Delay(TimeSpan.FromSeconds(1), token))
        {
            quiet = await client.QueryScalarAsync<long>("SELECT count() FROM system.merges", token: token) == 0 ? quiet + 1 : 0;
        }

        var parts = await client.QueryScalarAsync<long>("SELECT count() FROM system.parts WHERE active AND table = 'ledger' AND database = currentDatabase()", token: token);
        await Console.Error.WriteLineAsync($"{parts} parts once merges have ended");
    }

    private static Task FillAsync(ClickHouseClient client, long from, long to, long rows, long skus, long locations, CancellationToken token) => client.ExecuteAsync($$"""
        INSERT INTO ledger (topic, partition, offset, event_id, event_ts, ingest_ts, broker_ts, recorded_at, sku_id, location_id, movement_type, qty_delta, counted_qty,
            source_system, reference_id, unit_price, counterpart_location_id, corrects_event_id)
        SELECT 'inventory.movements', sku % 64, number, concat('event-', toString(number)), ts, ts, ts, ts + cityHash64(number, 2) % 3600, concat('SKU-', toString(sku)),
            concat('L', toString(cityHash64(number, 1) % {{locations}})) AS location,
            multiIf(number % 100 = 1, 'CORRECTION', number % 50 = 0, 'CYCLE_COUNT', number % 50 = 7, 'TRANSFER_OUT', number % 10 = 3, 'RECEIPT', 'SALE') AS type,
            multiIf(type = 'CYCLE_COUNT', 0, type = 'RECEIPT', 20, type = 'CORRECTION', number % 3, -1), if(type = 'CYCLE_COUNT', 50, NULL), 'POS',
            concat('document-', toString(number)), 9.99, if(type = 'TRANSFER_OUT', concat('L', toString(cityHash64(number, 3) % {{locations}})), ''),
            if(type = 'CORRECTION', concat('event-', toString(number - 1 + cityHash64(number, 4) % 4)), '')
        FROM
        (
            SELECT number, cityHash64(intDiv(number, 4)) % {{skus}} AS sku,
                toDateTime64('2025-01-01 00:00:00', 3, 'UTC') + number * {{(Days * 86400.0 / rows).ToString("R", CultureInfo.InvariantCulture)}} AS ts
            FROM numbers({{from}}, {{to - from}})
        )
        """, token: token);

    private static async Task<string> MeasureAsync(ClickHouseClient client, long rows, long skus, long locations, long questions, CancellationToken token)
    {
        var reader = new HistoryReader(client);
        var random = new Random(1);
        var start = new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
        for (var i = 0; i < Checks; i++)
        {
            var (sku, location, asOf) = Next();
            var expected = await ViewAsync(client, sku, location, asOf, token);
            var found = await reader.PositionAsync(sku, location, asOf, token);
            if (expected != (found?.State.OnHand, found?.State.Version))
            {
                throw new WrongResultException($"{sku} at {location}, {asOf}: the view has {expected}, the reader {found}");
            }
        }

        var times = new List<double>();
        var found0 = 0;
        for (var i = -WarmUp; i < questions; i++)
        {
            var (sku, location, asOf) = Next();
            var began = Stopwatch.GetTimestamp();
            var position = await reader.PositionAsync(sku, location, asOf, token);
            found0 += position is null ? 0 : 1;
            if (i >= 0)
            {
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }

        times.Sort();
        return string.Create(CultureInfo.InvariantCulture, $"""
            | ledger rows | SKUs | locations | questions | with a position | P50 | P95 | P99 | most |
            |---:|---:|---:|---:|---:|---:|---:|---:|---:|
            | {rows:N0} | {skus:N0} | {locations:N0} | {questions:N0} | {found0 * 100.0 / (questions + WarmUp):0} % | {At(0.5):0.0} ms | {At(0.95):0.0} ms | {At(0.99):0.0} ms | {times[^1]:0.0} ms |
            """);

        double At(double share) => times[(int)Math.Min(times.Count - 1, Math.Ceiling(share * times.Count) - 1)];

        (string Sku, string Location, AsOf AsOf) Next() => ($"SKU-{random.NextInt64(skus)}", $"L{random.NextInt64(locations)}",
            new AsOf(start + random.NextInt64(Days * 86_400_000), start + random.NextInt64(Days * 86_400_000)));
    }

    private static async Task<(long?, long?)> ViewAsync(ClickHouseClient client, string sku, string location, AsOf asOf, CancellationToken token)
    {
        await foreach (var row in client.QueryAsync("""
            SELECT on_hand, version FROM positions_as_of(topic = '', partition = -1, below = 9223372036854775807, skus = {skus:Array(String)}, before = [],
                known_at = {known_at:DateTime64(3, 'UTC')}, until = {until:DateTime64(3, 'UTC')})
            WHERE location = {location:String}
            """, new Dictionary<string, object?>
        {
            ["skus"] = new[] { sku },
            ["location"] = location,
            ["known_at"] = DateTime.UnixEpoch.AddMilliseconds(asOf.KnownAt),
            ["until"] = DateTime.UnixEpoch.AddMilliseconds(asOf.At + 1),
        }, token))
        {
            return (row.Get<long>(0), row.Get<long>(1));
        }

        return (null, null);
    }
}
