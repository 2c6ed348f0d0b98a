using System.Diagnostics;
using Stockflow.Serve;

namespace Stockflow.Benchmarks;

/// <summary>CPU seconds of one run.</summary>
/// <param name="Events">Events measured.</param>
/// <param name="Processors">CPU seconds of all processors together.</param>
/// <param name="Servers">CPU seconds by server.</param>
/// <param name="Positions">Positions at the end.</param>
internal sealed record GrowthFigures(long Events, double Processors, IReadOnlyDictionary<string, double> Servers, int Positions)
{
    /// <summary>CPU seconds of the processors for a million events.</summary>
    public double Each => Processors * 1e6 / Events;

    /// <summary>CPU seconds of all processes for a million events.</summary>
    public double All => (Processors + Servers.Values.Sum()) * 1e6 / Events;
}

/// <summary>Some processors of one consumer group over a load of its own, warm, with servers of its own.</summary>
internal static class GrowthRun
{
    private const string Database = "bench";
    // The listener takes the session timeout for a rebalance; an eager assignor needs only one. The processes are held still for less than that.
    private static readonly string[] SharedSettings = ["--kafka.session-timeout-milliseconds", "8000", "--kafka.assignor", "RoundRobin"];

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100), Patience = TimeSpan.FromSeconds(180);

    /// <exception cref="WrongResultException">The result differs from the independent count, or nothing moves.</exception>
    public static async Task<GrowthFigures> RunAsync(BenchmarkOptions options, int processors, int referencePartitions, string[] settings, CancellationToken token)
    {
        var load = new PipelineLoad(options);
        await using var servers = await Servers.StartAsync(options.Partitions, token, referencePartitions);
        using var sender = await load.OpenAsync(servers, token);
        var runs = new List<ProcessorRun>();
        try
        {
            var session = processors == 1 ? PipelineLoad.SessionSettings : SharedSettings;
            for (var i = 0; i < processors; i++)
            {
                runs.Add(ProcessorRun.Start(servers, Database, $"{Database}{i}", [.. session, .. settings]));
                if (i == 0)
                {
                    // The first one creates the tables and pins the partitions; the others join together.
                    await runs[i].WaitUntilReadyAsync(token);
                }
            }

            await UntilAsync(runs, "the partitions are shared out", all => all.All(status => status.Lanes.Count > 0) && all.Sum(status => status.Lanes.Count) == options.Partitions, token);
            await sender.WarmUpAsync(sent => UntilAsync(runs, "the warm-up is durable", all => Durable(all) >= sent, token), token);
            var warm = sender.Sent;
            runs.ForEach(run => run.Hold());
            await sender.SendRestAsync(token);
            var before = Cpu(runs);
            runs.ForEach(run => run.Continue());
            await UntilAsync(runs, "the load is durable", all => Durable(all) >= sender.Sent, token);
            var after = Cpu(runs);
            await UntilAsync(runs, "late counts are settled", all => all.All(status => status.Totals.Unsettled == 0), token);
            await ResultCheck.VerifyAsync(servers, Database, load.Expected, token);
            return new GrowthFigures(
                sender.Sent - warm, after.Processors - before.Processors,
                after.Servers.ToDictionary(pair => pair.Key, pair => pair.Value - before.Servers[pair.Key]), load.Expected.Positions.Count);
        }
        finally
        {
            foreach (var run in runs)
            {
                run.Continue();
                await run.DisposeAsync();
            }
        }
    }

    private static long Durable(StatusPayload[] all) => all.Sum(status => status.Lanes.Sum(lane => Math.Max(0, lane.DurableOffset)));

    private static (double Processors, Dictionary<string, double> Servers) Cpu(List<ProcessorRun> runs)
    {
        var first = runs[0].Cpu();
        first.Remove("processor");
        return (runs.Sum(run => run.Cpu()["processor"]), first);
    }

    private static async Task UntilAsync(List<ProcessorRun> runs, string what, Func<StatusPayload[], bool> holds, CancellationToken token)
    {
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(Poll, token))
        {
            var all = await Task.WhenAll(runs.Select(run => run.StatusAsync(token)));
            if (all.All(status => status is not null) && holds(all!))
            {
                return;
            }

            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new WrongResultException($"growth: waited {Patience.TotalSeconds:0} s until {what}.");
            }
        }
    }
}
