using Stockflow.Embedded;

namespace Stockflow.Benchmarks;

/// <summary>
/// The whole pipeline, Kafka over TCP to Redis and ClickHouse, saturated, against a bare consume loop over the same topic and against
/// the <see cref="Peer"/>. All of them are warm; each round has servers of its own.
/// </summary>
internal static class PipelineBenchmark
{
    private const string Name = "pipeline", Database = "bench";

    /// <summary>Each costs half a minute.</summary>
    private const int MostRounds = 3;

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        var load = new PipelineLoad(options);
        var runs = new List<ProcessorFigures>();
        var rounds = Math.Min(MostRounds, options.Rounds);
        PeerFigures? peer = null;
        for (var round = 1; round <= rounds; round++)
        {
            await using (var servers = await StartAsync($"round {round}", options, token))
            {
                runs.Add(await RunOnceAsync(servers, load, round == rounds ? report : null, token));
                if (round == rounds)
                {
                    AddFigures(report, runs, MeasureBare(servers, options, load.Total, report, token));
                }
            }

            // Between the rounds: a machine that grows faster or slower meanwhile does so for both.
            peer ??= await RunPeerAsync(options, load, token);
        }

        AddPeer(report, load, runs, peer!);
    }

    private static async Task<PeerFigures> RunPeerAsync(BenchmarkOptions options, PipelineLoad load, CancellationToken token)
    {
        await using var servers = await StartAsync("the peer", options, token);
        return await PeerRun.RunAsync(servers, Database, load, token);
    }

    private static Task<Servers> StartAsync(string what, BenchmarkOptions options, CancellationToken token)
    {
        Report.Progress($"{Name}: {what}: starting Kafka listener, Redis and ClickHouse");
        return Servers.StartAsync(options.Partitions, token);
    }

    private static double MeasureBare(Servers servers, BenchmarkOptions options, long events, Report report, CancellationToken token)
    {
        var rates = new List<double>();
        var cpu = new List<double>();
        var bytes = new List<double>();
        for (var round = 0; round <= options.Rounds; round++)
        {
            var (rate, seconds, allocated) = BareConsume.Run(servers, options.Partitions, events, token);
            if (round > 0)
            {
                rates.Add(rate);
                cpu.Add(seconds * 1e6 / events);
                bytes.Add((double)allocated / events);
            }
        }

        var median = Report.Median(rates);
        report.Add(Name, "bare Consume() loop, events/s", Report.Figure(median), "one consumer, all partitions, nothing done");
        report.Add(Name, "bare loop, CPU s a million events", Report.Figure(Report.Median(cpu)));
        report.Add(Name, "bare loop, bytes allocated an event", Report.Figure(Report.Median(bytes)));
        return median;
    }

    private static async Task<ProcessorFigures> RunOnceAsync(Servers servers, PipelineLoad load, Report? last, CancellationToken token)
    {
        using var sender = await load.OpenAsync(servers, token);
        var memory = servers.Redis.DataMemory;
        await using var run = ProcessorRun.Start(servers, Database, PipelineLoad.SessionSettings);
        var figures = await run.FinishWarmAsync(sender, token);
        var cpu = string.Join(", ", figures.Cpu.Select(process => $"{process.Key} {process.Value * 1e6 / load.Events:0.00}"));
        Report.Progress($"{Name}: {figures.Rate:N0} events/s; CPU s a million events: {cpu}; checking the result");
        sender.ThrowIfRecordsAreGone();
        await ResultCheck.VerifyAsync(servers, Database, load.Expected, token);
        load.History = await ResultCheck.FingerprintAsync(servers, Database, token);
        if (last is not null)
        {
            using var clickHouse = servers.OpenClickHouse(Database);
            last.Add(Name, "Redis bytes an event", Report.Figure((double)(servers.Redis.DataMemory - memory) / load.Total), $"with {load.Expected.Positions.Count:N0} positions");
            last.Add(Name, "of them fingerprints", Report.Figure((double)servers.Redis.MemoryOf($"{{{Database}:*}}:seen:*") / load.Total), "target <= 24");
            await foreach (var row in clickHouse.QueryAsync(
                $"SELECT table, toFloat64(sum(bytes_on_disk)) / sum(rows) FROM system.parts WHERE active AND database = '{Database}' AND table IN ('raw_events', 'ledger') GROUP BY table ORDER BY table",
                token: token))
            {
                last.Add(Name, $"ClickHouse bytes a row, {row.Get<string>(0)}", Report.Figure(row.Get<double>(1)), "on disk, merges not finished");
            }
        }

        return figures;
    }

    private static void AddFigures(Report report, List<ProcessorFigures> runs, double bare)
    {
        var rate = Report.Median(runs.Select(run => run.Rate));
        report.Add(Name, "whole pipeline, events/s", Report.Figure(rate), $"target >= 250,000; to durable in ClickHouse; {runs[0].Events:N0} events by a warm process, {runs.Count} rounds");
        report.Add(Name, "whole pipeline / bare loop", Report.Figure(rate / bare));
        foreach (var process in runs[0].Cpu.Keys)
        {
            report.Add(Name, $"{process}, CPU s a million events", Report.Figure(CpuOf(runs, process)), process == "processor" ? "target <= 2.5" : "");
        }

        report.Add(Name, "processor, bytes allocated an event", Report.Figure(Report.Median(runs.Select(run => run.Allocated / run.Events))), "Confluent.Kafka's and the status polls' included");
        report.Add(Name, "processor, resident MiB at most", Report.Figure(Report.Median(runs.Select(run => run.Peak)) / (1 << 20)));
    }

    private static double CpuOf(List<ProcessorFigures> runs, string process) => Report.Median(runs.Select(run => run.Cpu[process] * 1e6 / run.Events));

    private static void AddPeer(Report report, PipelineLoad load, List<ProcessorFigures> runs, PeerFigures peer)
    {
        report.Add(Name, "peer, events/s", Report.Figure(peer.Rate), "Consume() loop, Avro to objects, SET NX EX and HINCRBY pipelined, JSONEachRow; one round, as warm");
        foreach (var (process, seconds) in peer.Cpu)
        {
            report.Add(Name, $"{(process == "peer" ? "peer" : "peer's " + process)}, CPU s a million events", Report.Figure(seconds * 1e6 / load.Events));
        }

        report.Add(Name, "peer, bytes allocated an event", Report.Figure(peer.Allocated / load.Total));
        report.Add(Name, "peer, Redis bytes an event", Report.Figure(peer.RedisBytes / load.Total));
        report.Add(Name, "whole pipeline / peer, events/s", Report.Figure(Report.Median(runs.Select(run => run.Rate)) / peer.Rate), "target >= 5");
        report.Add(Name, "peer / processor, CPU of the process alone", Report.Figure(peer.Cpu["peer"] * 1e6 / load.Events / CpuOf(runs, "processor")), "target >= 8 where the servers are the limit");
        report.Add(Name, "peer / whole pipeline, CPU of all processes", Report.Figure(peer.Cpu.Values.Sum() / Report.Median(runs.Select(run => run.Cpu.Values.Sum()))));
        report.Add(Name, "peer, positions with another on-hand allowed", Report.Figure(peer.Unchecked),
            $"of {load.Expected.Positions.Count:N0}: it settles no late counts; its history is the processor's, row by row");
    }
}
