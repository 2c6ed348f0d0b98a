using Stockflow.Commands;
using Stockflow.Embedded;
using Stockflow.Model;

namespace Stockflow.Benchmarks;

/// <summary>The whole pipeline, Kafka over TCP to Redis and ClickHouse, against a bare consume loop over the same topic.</summary>
internal static class PipelineBenchmark
{
    private const string Name = "pipeline";

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        Report.Progress("pipeline: starting Kafka listener, Redis and ClickHouse");
        await using var servers = await Servers.StartAsync(options.Partitions, token);
        var expected = await ProduceAsync(servers, options, token);
        var bare = MeasureBare(servers, options, report, token);

        var runs = new List<ProcessorFigures>();
        for (var round = 1; round <= options.Rounds; round++)
        {
            runs.Add(await RunOnceAsync(servers, $"bench{round}", expected, last: round == options.Rounds ? report : null, token));
        }

        AddFigures(report, options, runs, bare);
    }

    private static async Task<IndependentResult> ProduceAsync(Servers servers, BenchmarkOptions options, CancellationToken token)
    {
        Report.Progress($"pipeline: producing {options.Events:N0} events");
        using var producer = new LoadProducer(new LoadOptions
        {
            Topic = Servers.Topic,
            ClientProperties = new Dictionary<string, string> { ["bootstrap.servers"] = servers.Bootstrap },
            Generator = options.Generator(options.Events),
            SchemaId = await LoadSettings.SchemaIdsAsync(null, token),
        });
        var references = await producer.SendReferenceAsync(token);
        var count = new IndependentCount(producer.Catalog);
        await producer.SendMovementsAsync(count, token);
        token.ThrowIfCancellationRequested();
        Report.Progress($"pipeline: the listener has {producer.Sent:N0} events and {references:N0} reference records; counting what they must lead to");

        ResultCheck.ThrowIfRecordsAreGone(servers, producer);
        return count.Result();
    }

    private static double MeasureBare(Servers servers, BenchmarkOptions options, Report report, CancellationToken token)
    {
        var rates = new List<double>();
        var cpu = new List<double>();
        var bytes = new List<double>();
        for (var round = 0; round <= options.Rounds; round++)
        {
            var (rate, seconds, allocated) = BareConsume.Run(servers, options.Partitions, options.Events, token);
            Report.Progress($"pipeline: bare consume loop, {(round == 0 ? "warm-up" : $"round {round}")}: {rate:N0} events/s");
            if (round > 0)
            {
                rates.Add(rate);
                cpu.Add(seconds * 1e6 / options.Events);
                bytes.Add((double)allocated / options.Events);
            }
        }

        var median = Report.Median(rates);
        report.Add(Name, "bare Consume() loop, events/s", Report.Figure(median), "one consumer, all partitions, nothing done");
        report.Add(Name, "bare loop, CPU s a million events", Report.Figure(Report.Median(cpu)));
        report.Add(Name, "bare loop, bytes allocated an event", Report.Figure(Report.Median(bytes)));
        return median;
    }

    private static async Task<ProcessorFigures> RunOnceAsync(
        Servers servers, string name, IndependentResult expected, Report? last, CancellationToken token)
    {
        servers.Redis.Flush();
        var memory = servers.Redis.DataMemory;
        ProcessorFigures figures;
        await using (var run = ProcessorRun.Start(servers, name))
        {
            figures = await run.FinishAsync(expected.Produced, token);
            var cpu = string.Join(", ", figures.Cpu.Select(process => $"{process.Key} {process.Value * 1e6 / expected.Produced:0.0}"));
            Report.Progress($"pipeline: {name}: {figures.Rate:N0} events/s, second half {figures.LateRate:N0}; CPU s a million events: {cpu}; checking the result");
            await ResultCheck.VerifyAsync(servers, name, expected, token);
        }

        using var clickHouse = servers.OpenClickHouse(name);
        if (last is not null)
        {
            last.Add(Name, "Redis bytes an event", Report.Figure((double)(servers.Redis.DataMemory - memory) / expected.Produced), $"with {expected.Positions.Count:N0} positions");
            last.Add(Name, "of them fingerprints", Report.Figure((double)servers.Redis.MemoryOf($"{{{name}:*}}:seen:*") / expected.Produced), "target <= 32");
            await foreach (var row in clickHouse.QueryAsync(
                $"SELECT table, toFloat64(sum(bytes_on_disk)) / sum(rows) FROM system.parts WHERE active AND database = '{name}' AND table IN ('raw_events', 'ledger') GROUP BY table ORDER BY table",
                token: token))
            {
                last.Add(Name, $"ClickHouse bytes a row, {row.Get<string>(0)}", Report.Figure(row.Get<double>(1)), "on disk, merges not finished");
            }
        }

        await clickHouse.ExecuteAsync($"DROP DATABASE {name}", token: token);
        return figures;
    }

    private static void AddFigures(Report report, BenchmarkOptions options, List<ProcessorFigures> runs, double bare)
    {
        var rate = Report.Median(runs.Select(run => run.Rate));
        report.Add(Name, "whole pipeline, events/s", Report.Figure(rate), "target >= 100,000; to durable in ClickHouse; a cold process each round");
        report.Add(Name, "whole pipeline, second half, events/s", Report.Figure(Report.Median(runs.Select(run => run.LateRate))), "the same without the cold start");
        report.Add(Name, "whole pipeline / bare loop", Report.Figure(rate / bare));
        foreach (var process in runs[0].Cpu.Keys)
        {
            report.Add(Name, $"{process}, CPU s a million events", Report.Figure(Report.Median(runs.Select(run => run.Cpu[process])) * 1e6 / options.Events));
        }

        report.Add(Name, "processor, bytes allocated an event", Report.Figure(Report.Median(runs.Select(run => run.Allocated)) / options.Events), "Confluent.Kafka's and the status polls' included");
        report.Add(Name, "processor, resident MiB at most", Report.Figure(Report.Median(runs.Select(run => run.Peak)) / (1 << 20)));
    }
}
