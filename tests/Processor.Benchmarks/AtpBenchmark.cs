using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Benchmarks;

/// <summary>
/// What the HTTP API answers about stock that can be promised, and how many reservations of one hot SKU it takes, against a bare HGETALL of
/// the same Redis; then both beside the stream.
/// </summary>
internal static class AtpBenchmark
{
    private const string Name = "atp", Database = "bench";
    private const int Seconds = 8, Pairs = 20_000, PairsPerBatch = 1000, Buyers = 200, BesideRate = 50_000;
    private const long Stock = 1_000_000;

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        Report.Progress($"{Name}: starting Kafka listener, Redis and ClickHouse");
        await using var servers = await Servers.StartAsync(options.Partitions, token);
        await using var run = ProcessorRun.Start(servers, Database);
        var load = RateLoad.From(options, BesideRate, Seconds + 30);
        await LoadProcess.SendReferencesAsync(servers, load, token);
        await run.WaitUntilReadyAsync(token);
        await SendAsync(servers, run, load, token);
        var keys = await KeysAsync(servers, token);
        using var http = new HttpClient { BaseAddress = run.Address };

        var limit = await HashReadsAsync(servers, keys[0], token);
        report.Add(Name, "redis-benchmark HGETALL of a SKU, 32 connections, calls/s", Report.Figure(limit), "the limit: no HTTP, one key");
        var plain = await WrkRun.RunAsync(servers.Folder, "plain", run.Address, 32, 4, "function request() return wrk.format('GET', '/healthz') end", token);
        report.Add(Name, "GET /healthz over HTTP, 32 connections, answers/s", Report.Figure(plain.Rate), "the limit of HTTP: no store");
        await WrkRun.RunAsync(servers.Folder, "warm", run.Address, 16, 4, Reads(keys), token);
        await MeasureReadsAsync(servers, run, keys, limit, report, token);
        await MeasureBatchesAsync(servers, run, keys, limit, report, token);
        await MeasureReservationsAsync(servers, run, http, keys[0], report, token);
        await MeasureBesideStreamAsync(servers, run, load, keys, report, token);
    }

    private static async Task SendAsync(Servers servers, ProcessorRun run, GeneratorOptions load, CancellationToken token)
    {
        await using var producer = LoadProcess.Start(servers, Database, load, BesideRate, 6);
        await producer.Completion.WaitAsync(token);
        await run.WaitUntilDurableAsync(producer.Sent, token);

        // What ClickHouse still merges of this is not what is measured.
        using var clickHouse = servers.OpenClickHouse(Database);
        while (await clickHouse.QueryScalarAsync<long>("SELECT count() FROM system.merges", null, token) > 0)
        {
            await Task.Delay(500, token);
        }
    }

    private static async Task<PositionKey[]> KeysAsync(Servers servers, CancellationToken token)
    {
        await using var positions = new RedisPositionStore(new PositionOptions { Connection = servers.Redis.Endpoint, KeyPrefix = Database }, TimeProvider.System);
        var keys = new List<PositionKey>();
        await foreach (var position in positions.ScanAsync(token))
        {
            keys.Add(new PositionKey(position.SkuId, position.LocationId));
            if (keys.Count == Pairs)
            {
                break;
            }
        }

        return [.. keys];
    }

    private static async Task<double> HashReadsAsync(Servers servers, PositionKey key, CancellationToken token)
    {
        var name = (string)servers.Redis.Database.Multiplexer.GetServer(servers.Redis.Endpoint).Keys(pattern: $"*:sku:{key.SkuId}").First()!;
        var address = servers.Redis.Endpoint.Split(':');
        await using var child = ChildProcess.StartGuarded("redis-benchmark", "redis-benchmark",
            ["-h", address[0], "-p", address[1], "-c", "32", "-n", "300000", "--csv", "HGETALL", name], Path.Combine(servers.Folder, "redis-benchmark.log"));
        var line = await child.WaitForLineAsync("\"HGETALL", TimeSpan.FromSeconds(60), token);
        return double.Parse(line.Split("\",\"")[1].Trim('"'), CultureInfo.InvariantCulture);
    }

    private static async Task MeasureReadsAsync(Servers servers, ProcessorRun run, PositionKey[] keys, double limit, Report report, CancellationToken token)
    {
        var before = run.Cpu();
        var figures = await WrkRun.RunAsync(servers.Folder, "reads", run.Address, 32, Seconds, Reads(keys), token);
        var after = run.Cpu();
        ThrowIfRefused("reads", figures);
        report.Add(Name, "ATP of one position over HTTP, answers/s", Report.Figure(figures.Rate),
            $"32 connections over {keys.Length:N0} positions; {figures.Rate / limit:0.00} of HGETALL; target >= 20,000");
        report.Add(Name, "ATP of one position, P50 / P99 / max, ms", Latency(figures), "target P99 < 10");
        report.Add(Name, "ATP of one position, CPU us an answer: processor / redis", $"{(after["processor"] - before["processor"]) * 1e6 / figures.Answers:0.0} / {(after["redis"] - before["redis"]) * 1e6 / figures.Answers:0.0}");
    }

    private static async Task MeasureBatchesAsync(Servers servers, ProcessorRun run, PositionKey[] keys, double limit, Report report, CancellationToken token)
    {
        var before = run.Cpu();
        var figures = await WrkRun.RunAsync(servers.Folder, "batches", run.Address, 4, Seconds, Batches(keys), token);
        var after = run.Cpu();
        ThrowIfRefused("batches", figures);
        report.Add(Name, $"ATP in batches of {PairsPerBatch:N0}, keys/s", Report.Figure(figures.Rate * PairsPerBatch), $"4 connections; {figures.Rate * PairsPerBatch / limit:0.00} of HGETALL; target >= 200,000");
        report.Add(Name, $"ATP in batches of {PairsPerBatch:N0}, P50 / P99 / max, ms", Latency(figures));
        var answered = (double)figures.Answers * PairsPerBatch;
        report.Add(Name, "ATP in batches, CPU us a key: processor / redis", $"{(after["processor"] - before["processor"]) * 1e6 / answered:0.00} / {(after["redis"] - before["redis"]) * 1e6 / answered:0.00}");
    }

    private static async Task MeasureReservationsAsync(Servers servers, ProcessorRun run, HttpClient http, PositionKey hot, Report report, CancellationToken token)
    {
        await AdjustAsync(http, hot, Stock, token);
        var before = await ReservedAsync(http, hot, token);
        var cpu = run.Cpu();
        var figures = await WrkRun.RunAsync(servers.Folder, "reservations", run.Address, Buyers, Seconds, Reservations(hot), token);
        var after = run.Cpu();
        ThrowIfRefused("reservations", figures);
        report.Add(Name, $"reservations of one hot SKU, {Buyers} buyers, answers/s", Report.Figure(figures.Rate), "one unit each, all taken; target >= 5,000");
        report.Add(Name, $"reservations of one hot SKU, P50 / P99 / max, ms", Latency(figures));

        report.Add(Name, "reservations, CPU us each: processor / redis / clickhouse / kafka", string.Join(" / ", new[] { "processor", "redis", "clickhouse", "kafka" }.Select(process => Report.Figure((after[process] - cpu[process]) * 1e6 / figures.Answers))),
            "with their way through Kafka to positions and ledger");

        // The last ones were on their way when wrk stopped.
        var (taken, earlier) = (0L, -1L);
        while (taken != earlier)
        {
            await Task.Delay(500, token);
            (taken, earlier) = (await ReservedAsync(http, hot, token) - before, taken);
        }

        if (taken < figures.Answers || taken > figures.Answers + Buyers)
        {
            throw new WrongResultException($"{Name}: {figures.Answers} reservations were answered and {taken} units are reserved.");
        }

        await CheckLedgerAsync(servers, run, hot, taken, token);
    }

    private static async Task CheckLedgerAsync(Servers servers, ProcessorRun run, PositionKey hot, long taken, CancellationToken token)
    {
        using var clickHouse = servers.OpenClickHouse(Database);
        var started = Stopwatch.GetTimestamp();
        var inLedger = 0L;
        while (inLedger != taken)
        {
            if (Stopwatch.GetElapsedTime(started) > TimeSpan.FromSeconds(60))
            {
                throw new WrongResultException($"{Name}: {taken} units were reserved and the ledger has {inLedger}.");
            }

            run.ThrowIfEnded();
            await Task.Delay(500, token);
            inLedger = await clickHouse.QueryScalarAsync<long>($"SELECT -sum(qty_delta) FROM ledger_current WHERE sku_id = '{hot.SkuId}' AND location_id = '{hot.LocationId}' AND movement_type = 'RESERVE' AND source_system = '{StockMove.SourceSystem}'", null, token);
        }

        Report.Progress($"{Name}: all {taken:N0} reservations are in the ledger, {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s after the last one");
    }

    private static async Task MeasureBesideStreamAsync(Servers servers, ProcessorRun run, GeneratorOptions load, PositionKey[] keys, Report report, CancellationToken token)
    {
        var later = RateLoad.From(new BenchmarkOptions { Seed = load.Seed, Skus = load.Skus, Locations = load.Locations }, BesideRate, Seconds + 16);
        await using var producer = LoadProcess.Start(servers, Database, later, BesideRate, Seconds + 8);
        await Task.Delay(TimeSpan.FromSeconds(5), token);
        var figures = await WrkRun.RunAsync(servers.Folder, "beside", run.Address, 8, Seconds, Reads(keys) + "\nfunction delay() return 3 end\n", token);
        ThrowIfRefused("reads beside the stream", figures);
        var freshness = (await run.StatusAsync(token))?.Freshness;
        await producer.Completion.WaitAsync(token);
        report.Add(Name, $"ATP beside {BesideRate:N0} events/s, answers/s", Report.Figure(figures.Rate), "8 callers who rest 3 ms");
        report.Add(Name, $"ATP beside {BesideRate:N0} events/s, P50 / P99 / max, ms", Latency(figures), "target P99 < 20");
        report.Add(Name, $"freshness beside {BesideRate:N0} events/s, P95, s", Report.Figure(freshness?.P95 ?? double.NaN), "the processor's own figure since its start; target < 2");
    }

    private static async Task AdjustAsync(HttpClient http, PositionKey key, long units, CancellationToken token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/adjustments")
        {
            Content = JsonContent.Create(new JsonObject { ["sku_id"] = key.SkuId, ["location_id"] = key.LocationId, ["quantity_delta"] = units, ["reason"] = "BENCHMARK", ["performed_by"] = "benchmark" }),
        };
        request.Headers.Add("Idempotency-Key", "benchmark-stock");
        using var response = await http.SendAsync(request, token);
        if (!response.IsSuccessStatusCode)
        {
            throw new WrongResultException($"{Name}: the adjustment was refused: {await response.Content.ReadAsStringAsync(token)}");
        }
    }

    private static async Task<long> ReservedAsync(HttpClient http, PositionKey key, CancellationToken token) =>
        (long)(await http.GetFromJsonAsync<JsonNode>($"/v1/atp/{key.SkuId}/{key.LocationId}", token))!["reserved"]!;

    private static void ThrowIfRefused(string what, WrkFigures figures)
    {
        if (figures.Refused > 0)
        {
            throw new WrongResultException($"{Name}: {figures.Refused} of {figures.Answers} {what} were refused.");
        }
    }

    private static string Latency(WrkFigures figures) =>
        string.Join(" / ", new[] { figures.Milliseconds.P50, figures.Milliseconds.P99, figures.Milliseconds.Max }.Select(Report.Figure));

    private static string Reads(PositionKey[] keys) => "local paths = {" + string.Join(',', keys.Select(key => $"\"/v1/atp/{key.SkuId}/{key.LocationId}\"")) + "}\n" + """
        local made = {}
        function init() for i, path in ipairs(paths) do made[i] = wrk.format("GET", path) end end
        local at = 0
        function request() at = (at * 5 + 7919) % #made; return made[at + 1] end
        """;

    private static string Batches(PositionKey[] keys)
    {
        var script = new StringBuilder("local bodies = {");
        foreach (var batch in keys.Chunk(PairsPerBatch).Where(batch => batch.Length == PairsPerBatch))
        {
            script.Append("[[{\"pairs\":[").AppendJoin(',', batch.Select(key => $$"""{"sku_id":"{{key.SkuId}}","location_id":"{{key.LocationId}}"}""")).Append("]}]],");
        }

        return script.Append("""
            }
            local made = {}
            function init() for i, body in ipairs(bodies) do made[i] = wrk.format("POST", "/v1/atp/batch", {["Content-Type"] = "application/json"}, body) end end
            local at = 0
            function request() at = at + 1; return made[at % #made + 1] end
            """).ToString();
    }

    private static string Reservations(PositionKey hot) => $$"""
        local n = 0
        local body = [[{"reference":{"type":"order","id":"BENCH"},"lines":[{"sku_id":"{{hot.SkuId}}","location_id":"{{hot.LocationId}}","quantity":1}]}]]
        function request()
          n = n + 1
          return wrk.format("POST", "/v1/reservations", {["Content-Type"] = "application/json", ["Idempotency-Key"] = "bench-" .. n}, body)
        end
        """;
}
