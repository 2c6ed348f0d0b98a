using System.Diagnostics;

namespace Stockflow.Benchmarks;

/// <summary>How long positions stand still when the processor is killed under load, and what loading a lane's dedupe horizon adds.</summary>
internal static class RecoveryBenchmark
{
    private const string Name = "recovery", Database = "bench";
    private const double Rate = 50_000, BeforeSeconds = 8, AfterSeconds = 24;

    /// <summary>Lag of a processor that keeps up, seconds of the load: batches fill for a while, and the sender's count is of the moment before.</summary>
    private const double KeepsUpSeconds = 1;

    private static readonly TimeSpan Sampling = TimeSpan.FromMilliseconds(20), Patience = TimeSpan.FromMinutes(2);

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        Report.Progress($"{Name}: starting Kafka listener, Redis and ClickHouse");
        await using (var servers = await Servers.StartAsync(options.Partitions, token))
        {
            await KillAsync(servers, options, report, token);
        }

        await HorizonLoad.RunAsync(report, token);
    }

    private static async Task KillAsync(Servers servers, BenchmarkOptions options, Report report, CancellationToken token)
    {
        var load = RateLoad.From(options, Rate, BeforeSeconds + AfterSeconds);
        await LoadProcess.SendReferencesAsync(servers, load, token);
        await using var first = ProcessorRun.Start(servers, Database);
        await first.WaitUntilReadyAsync(token);
        await using var watch = LaneWatch.Start(servers, Database, options.Partitions);
        await using var producer = LoadProcess.Start(servers, Database, load, Rate, BeforeSeconds + AfterSeconds);
        await UntilAsync(() => producer.Sent > 0, producer, token);
        await Task.Delay(TimeSpan.FromSeconds(BeforeSeconds), token);

        var (killed, waited) = (Stopwatch.GetTimestamp(), producer.WaitedSeconds);
        var lag = producer.Sent - watch.Applied;
        first.Kill();
        await using var second = ProcessorRun.Start(servers, Database);
        var standing = watch.Applied;
        await second.WaitUntilReadyAsync(token);
        var ready = Stopwatch.GetElapsedTime(killed).TotalSeconds;
        await UntilAsync(() => watch.Applied > standing, producer, token);
        var reading = Stopwatch.GetElapsedTime(killed).TotalSeconds;
        await UntilAsync(() => producer.Sent - watch.Applied < Rate * KeepsUpSeconds, producer, token);
        var caughtUp = Stopwatch.GetElapsedTime(killed).TotalSeconds;
        var isSending = !producer.Completion.IsCompleted;
        waited = producer.WaitedSeconds - waited;
        await producer.Completion.WaitAsync(token);
        await second.WaitUntilDurableAsync(producer.Sent, token);
        Report.Progress($"{Name}: {producer.Sent:N0} events are durable; checking the result");
        await ResultCheck.VerifyAsync(servers, Database, RateLoad.Count(load, producer.Sent), token);

        report.Add(Name, "SIGKILL to ready, s", Report.Figure(ready), $"at {Rate:N0} events/s, {lag:N0} events behind when it was killed");
        report.Add(Name, "SIGKILL to the first event applied, s", Report.Figure(reading), "the group waits for the end of the killed member's session, kafka.sessionTimeoutMilliseconds 10,000; the listener has no static members");
        report.Add(Name, "SIGKILL to caught up, s", Report.Figure(caughtUp),
            $"less than {KeepsUpSeconds} s of the load behind{(isSending ? "" : "; the load had ended")}{(waited > 0 ? $"; the sender stood still for {waited:0.0} s, because the listener keeps 5 MiB a partition" : "")}; positions and history are right afterwards");
    }

    private static async Task UntilAsync(Func<bool> isSo, LoadProcess producer, CancellationToken token)
    {
        var started = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            await producer.ThrowIfFailedAsync();
            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new WrongResultException($"{Name}: nothing has moved for {Patience.TotalSeconds:0} s.");
            }

            await Task.Delay(Sampling, token);
        }
    }
}
