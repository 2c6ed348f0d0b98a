using System.Diagnostics;
using System.Globalization;
using Stockflow.Serve;

namespace Stockflow.Benchmarks;

/// <summary>The whole pipeline at fixed rates, its event time going with the clock: how fresh positions are, whether lag grows, what it takes.</summary>
internal static class RateBenchmark
{
    private const string Name = "rates", Database = "bench";

    /// <summary>Load before the measurement, until the hot paths are compiled for good.</summary>
    private const double WarmSeconds = 10;

    private static readonly TimeSpan Sampling = TimeSpan.FromMilliseconds(250), Patience = TimeSpan.FromSeconds(60);

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        foreach (var rate in options.Rates)
        {
            Report.Progress($"{Name}: {rate:N0}/s: starting Kafka listener, Redis and ClickHouse");
            await using var servers = await Servers.StartAsync(options.Partitions, token);
            await RunOnceAsync(servers, options, rate, report, token);
        }
    }

    private static async Task RunOnceAsync(Servers servers, BenchmarkOptions options, double rate, Report report, CancellationToken token)
    {
        var load = RateLoad.From(options, rate, WarmSeconds + options.RateSeconds + 1);
        await LoadProcess.SendReferencesAsync(servers, load, token);
        await using var run = ProcessorRun.Start(servers, Database);
        await run.WaitUntilReadyAsync(token);
        await using var watch = LaneWatch.Start(servers, Database, options.Partitions);
        await using var producer = LoadProcess.Start(servers, Database, load, rate, WarmSeconds + options.RateSeconds + 1);
        while (producer.Sent == 0)
        {
            await producer.ThrowIfFailedAsync();
            await Task.Delay(Sampling, token);
        }

        await Task.Delay(TimeSpan.FromSeconds(WarmSeconds), token);
        var from = Mark.Take(run, producer, watch);
        var lags = new List<(double Seconds, double Lag)>();
        var peak = 0.0;
        while (from.Elapsed.TotalSeconds < options.RateSeconds)
        {
            await Task.Delay(Sampling, token);
            await producer.ThrowIfFailedAsync();
            run.ThrowIfEnded();
            lags.Add((from.Elapsed.TotalSeconds, producer.Sent - watch.Applied));
            peak = Math.Max(peak, run.ResidentBytes());
        }

        var until = Mark.Take(run, producer, watch);
        await producer.Completion.WaitAsync(token);
        await run.WaitUntilDurableAsync(producer.Sent, token);
        await CatchUpAsync(producer, watch, token);
        var own = (await run.StatusAsync(token))?.Freshness;
        var freshness = await watch.FinishAsync(from.ClockTs, until.ClockTs);
        Report.Progress($"{Name}: {rate:N0}/s: {producer.Sent:N0} events are durable; checking the result");
        await ResultCheck.VerifyAsync(servers, Database, RateLoad.Count(load, producer.Sent), token);
        AddFigures(report, rate, options, from, until, freshness, own, lags, peak);
    }

    private static async Task CatchUpAsync(LoadProcess producer, LaneWatch watch, CancellationToken token)
    {
        var started = Stopwatch.GetTimestamp();
        while (watch.Applied < producer.Sent)
        {
            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new WrongResultException($"Redis has {watch.Applied:N0} of {producer.Sent:N0} events.");
            }

            await Task.Delay(Sampling, token);
        }
    }

    private static void AddFigures(
        Report report, double rate, BenchmarkOptions options, Mark from, Mark until, List<long> freshness, FreshnessPayload? own, List<(double Seconds, double Lag)> lags, double peak)
    {
        var label = string.Create(CultureInfo.InvariantCulture, $"{rate / 1000:0.#}K/s");
        var seconds = (until.Timestamp - from.Timestamp) / (double)Stopwatch.Frequency;
        var applied = until.Applied - from.Applied;
        var waited = until.Waited - from.Waited;
        var slope = Slope(lags);
        report.Add(Name, $"{label}: achieved, events/s", Report.Figure(applied / seconds),
            $"{options.RateSeconds} s after {WarmSeconds} s of warm-up; sent {(until.Sent - from.Sent) / seconds:N0}/s{(waited > 0 ? $"; the sender stood still for {waited:0.0} s, because the listener keeps 5 MiB a partition" : "")}");
        report.Add(Name, $"{label}: freshness P50 / P95 / P99 / max, ms", string.Join(" / ", new[] { 0.5, 0.95, 0.99, 1 }.Select(share => Quantile(freshness, share).ToString("N0", CultureInfo.InvariantCulture))),
            $"from the record's timestamp to Redis, seen from outside for {freshness.Count:N0} events of every eighth partition; the processor's own figures, from its cold start on: P95 {own?.P95 * 1000:N0}, max {own?.Max * 1000:N0}; target P95 < 2,000");
        report.Add(Name, $"{label}: lag at the end, events", Report.Figure(lags[^1].Lag), string.Create(CultureInfo.InvariantCulture,
            $"{(Math.Abs(slope) < rate / 100 ? "steady" : slope > 0 ? "growing" : "shrinking")}: {slope:+#,0;-#,0;0} events a second, on average what arrives in {lags.Average(lag => lag.Lag) * seconds / applied:0.00} s"));
        foreach (var (process, before) in from.Cpu)
        {
            var cpu = until.Cpu[process] - before;
            report.Add(Name, $"{label}: {process}, CPU s a million events", Report.Figure(cpu * 1e6 / applied),
                $"{cpu / seconds * 100:0}% of a core{(process == "processor" ? "; target <= 2.5" : "")}");
        }

        report.Add(Name, $"{label}: processor, resident MiB at most", Report.Figure(peak / (1 << 20)), "target <= 1,024");
        report.Add(Name, $"{label}: all cores, % busy", Report.Figure(100 * MachineCpu.BusyShare(from.Machine, until.Machine)), "other programs and this one's sampling included");
    }

    private static long Quantile(List<long> sorted, double share) => sorted[Math.Min(sorted.Count - 1, (int)(share * sorted.Count))];

    // Least squares.
    private static double Slope(List<(double Seconds, double Lag)> lags)
    {
        var (x, y) = (lags.Average(lag => lag.Seconds), lags.Average(lag => lag.Lag));
        return lags.Sum(lag => (lag.Seconds - x) * (lag.Lag - y)) / lags.Sum(lag => (lag.Seconds - x) * (lag.Seconds - x));
    }

    private sealed record Mark(
        long Timestamp, long ClockTs, long Sent, long Applied, double Waited, IReadOnlyDictionary<string, double> Cpu, (long All, long Busy) Machine)
    {
        public TimeSpan Elapsed => Stopwatch.GetElapsedTime(Timestamp);

        public static Mark Take(ProcessorRun run, LoadProcess producer, LaneWatch watch)
        {
            var cpu = run.Cpu();
            cpu["producer"] = ProcessCpu.Seconds(producer.Id);
            return new Mark(Stopwatch.GetTimestamp(), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), producer.Sent, watch.Applied, producer.WaitedSeconds, cpu, MachineCpu.Read());
        }
    }
}
