using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Commands;
using Stockflow.Decode;
using Stockflow.Embedded;
using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>
/// The history's inserts alone: the same decoded events into raw_events and ledger of the real schema as Native blocks, as RowBinary and as
/// JSONEachRow, over HTTP into a server process and into the engine inside the process.
/// </summary>
internal static class LedgerBenchmark
{
    private const string Name = "ledger";
    private const int BatchRecords = 4096, BatchesPerInsert = 24, MaximumEvents = 200_000, MaximumRounds = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // One instant for all formats, so that their rows can be compared.
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        Report.Progress("ledger: preparing events");
        var batches = Prepare(options);
        long events = batches.Sum(batch => batch.Count);
        var folder = Directory.CreateTempSubdirectory("stockflow-bench-").FullName;
        try
        {
            await using var server = ChildProcess.StartSelf("clickhouse", ["clickhouse", "--path", Path.Combine(folder, "clickhouse"), "--port", "0"], Path.Combine(folder, "clickhouse.log"));
            var url = new Uri(await server.WaitForLineAsync("listening on ", Patience, token));
            var totals = new Dictionary<string, double>(StringComparer.Ordinal);
            ulong? content = null;
            foreach (var format in LedgerFormat.Names)
            {
                var runs = new List<(double Client, double Server, double Wire)>();
                var rounds = Math.Min(options.Rounds, MaximumRounds);
                for (var round = 0; round <= rounds; round++)
                {
                    var database = string.Create(CultureInfo.InvariantCulture, $"{format.ToLowerInvariant()}{round}");
                    using var client = new ClickHouseClient(new ClickHouseOptions { Url = url, Database = database });
                    await CreateTablesAsync(client, token);
                    var figures = await InsertAsync(client, format, batches, server.Id, token);
                    Report.Progress($"ledger: {format} over HTTP, {(round == 0 ? "warm-up" : $"round {round}")}: client {figures.Client * 1e6 / events:0.00}, server {figures.Server * 1e6 / events:0.00} CPU s a million events");
                    await VerifyAsync(client, format, events, token);
                    if (round > 0)
                    {
                        runs.Add(figures);
                    }

                    if (round == rounds)
                    {
                        content ??= await ContentAsync(client, token);
                        WrongResultException.ThrowUnlessEqual($"ledger: checksum of the rows by {format}", (long)content.Value, (long)await ContentAsync(client, token));
                        if (format == LedgerFormat.Names[0])
                        {
                            await AddDiskAsync(client, server.Id, events, report, token);
                        }
                    }

                    await client.ExecuteAsync($"DROP DATABASE {database}", token: token);
                }

                var (ours, theirs, wire) = (Report.Median(runs.Select(run => run.Client)) * 1e6 / events, Report.Median(runs.Select(run => run.Server)) * 1e6 / events, runs[0].Wire / events);
                totals[format] = ours + theirs;
                report.Add(Name, $"{format} over HTTP, CPU s a million events", Report.Figure(ours + theirs), $"client {ours:0.00}, server {theirs:0.00}; a row of raw_events and one of ledger each; merges held back");
                report.Add(Name, $"{format}, bytes an event on the wire", Report.Figure(wire));
            }

            report.Add(Name, "JSONEachRow / Native over HTTP, CPU", Report.Figure(totals["JSONEachRow"] / totals["Native"]));
            report.Add(Name, "RowBinary / Native over HTTP, CPU", Report.Figure(totals["RowBinary"] / totals["Native"]));
            await AddEmbeddedAsync(options, folder, events, report, token);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Decoded, accepted events.</summary>
    internal static RecordBatch[] Prepare(BenchmarkOptions options)
    {
        var batches = EventBatches.Create(options.Generator(0) with { End = Now }, Math.Min(options.Events, MaximumEvents), BatchRecords, out var catalog);
        var settings = new DecodeOptions();
        var decode = new DecodeStage(settings, EventBatches.Readers(settings), 0, TimeProvider.System, NullLogger.Instance);
        var validate = new ValidateStage(settings, EventBatches.KnownIds(catalog), _ => Task.CompletedTask, 0, 1, TimeProvider.System);
        foreach (var batch in batches)
        {
            EventBatches.Finish(decode.ApplyAsync(batch, CancellationToken.None));
            EventBatches.Finish(validate.ApplyAsync(batch, CancellationToken.None));
            WrongResultException.ThrowUnlessEqual("ledger: dead letters of good events", 0, batch.Rejections.Count);
            batch.Verdicts.AsSpan(0, batch.Count).Fill(Verdict.Accepted);
            batch.RecordedTs = Now.ToUnixTimeMilliseconds();
        }

        return batches;
    }

    /// <summary>The inserts of all batches, as many rows each as the processor sends at once.</summary>
    internal static IEnumerable<EncodedInsert[]> Inserts(LedgerFormat format, RecordBatch[] batches)
    {
        for (var start = 0; start < batches.Length; start += BatchesPerInsert)
        {
            yield return format.Encode(batches.AsSpan(start, Math.Min(BatchesPerInsert, batches.Length - start)));
        }
    }

    // Merges would fall into some rounds and not into others; what they cost is told apart, and does not depend on the format.
    private static async Task CreateTablesAsync(ClickHouseClient client, CancellationToken token)
    {
        await client.EnsureDatabaseAsync(token);
        await new Migrations(client, Migrations.DefaultFolder).ApplyAsync(token);
        await client.ExecuteAsync("SYSTEM STOP MERGES raw_events", token: token);
        await client.ExecuteAsync("SYSTEM STOP MERGES ledger", token: token);
    }

    private static async Task<(double Client, double Server, double Wire)> InsertAsync(
        ClickHouseClient client, string formatName, RecordBatch[] batches, int server, CancellationToken token)
    {
        using var format = LedgerFormat.Create(formatName);
        var wire = 0L;
        var (own, theirs) = (Environment.CpuUsage.TotalTime, ProcessCpu.Seconds(server));
        foreach (var inserts in Inserts(format, batches))
        {
            foreach (var insert in inserts)
            {
                await client.InsertAsync(insert.Table, insert.Columns, insert.Format, insert.Data, token);
                wire += insert.Bytes;
            }
        }

        return ((Environment.CpuUsage.TotalTime - own).TotalSeconds, ProcessCpu.Seconds(server) - theirs, wire);
    }

    private static async Task VerifyAsync(ClickHouseClient client, string format, long events, CancellationToken token)
    {
        foreach (var table in (string[])["raw_events", "ledger"])
        {
            WrongResultException.ThrowUnlessEqual($"ledger: rows of {table} by {format}", events, await client.QueryScalarAsync<long>($"SELECT count() FROM {table}", token: token));
        }
    }

    private static async Task<ulong> ContentAsync(ClickHouseClient client, CancellationToken token) => unchecked(
        (ulong)await client.QueryScalarAsync<long>("SELECT reinterpretAsInt64(sum(cityHash64(toString(tuple(*))))) FROM ledger", token: token)
        + (ulong)await client.QueryScalarAsync<long>("SELECT reinterpretAsInt64(sum(cityHash64(toString(tuple(*))))) FROM raw_events", token: token));

    private static async Task AddDiskAsync(ClickHouseClient client, int server, long events, Report report, CancellationToken token)
    {
        foreach (var table in (string[])["ledger", "raw_events"])
        {
            await client.ExecuteAsync($"SYSTEM START MERGES {table}", token: token);
            var before = ProcessCpu.Seconds(server);
            await client.ExecuteAsync($"OPTIMIZE TABLE {table} FINAL", token: token);
            var merged = ProcessCpu.Seconds(server) - before;
            var bytes = await client.QueryScalarAsync<double>(
                $"SELECT toFloat64(sum(bytes_on_disk)) / sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = '{table}'", token: token);
            report.Add(Name, $"{table}, bytes a row on disk", Report.Figure(bytes), $"after OPTIMIZE FINAL, whatever the format; merging took {merged * 1e6 / events:0.00} CPU s a million rows");
        }
    }

    private static async Task AddEmbeddedAsync(BenchmarkOptions options, string folder, long events, Report report, CancellationToken token)
    {
        await using var child = Hidden.Start("embedded",
            [
                LedgerEmbedded.Command, Path.Combine(folder, "embedded"), "--events", options.Events.ToString(CultureInfo.InvariantCulture),
                "--skus", options.Skus.ToString(CultureInfo.InvariantCulture), "--locations", options.Locations.ToString(CultureInfo.InvariantCulture),
            ],
            Path.Combine(folder, "embedded.log"));
        foreach (var format in LedgerFormat.Names)
        {
            var line = await child.WaitForLineAsync(format + " ", Patience, token);
            report.Add(Name, $"{format}, engine in the process, CPU s a million events", Report.Figure(double.Parse(line, CultureInfo.InvariantCulture) * 1e6 / events), "client and engine together, no HTTP");
        }
    }
}
