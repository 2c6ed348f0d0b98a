using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Decode;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Source;

namespace Stockflow.Benchmarks;

/// <summary>The pipeline without sinks (source, decode and validate in lanes) against a bare consume loop, over the same topic in the same process.</summary>
internal static class ConsumeBenchmark
{
    private const string Name = "consume";
    private const long MaximumEvents = 500_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        options = options with { Events = Math.Min(options.Events, MaximumEvents) };
        Report.Progress($"consume: starting servers and producing {options.Events:N0} events");
        await using var servers = await Servers.StartAsync(options.Partitions, token);
        var (expected, catalog) = await Preload.SendAsync(servers, options.Generator(options.Events), token);
        var known = EventBatches.KnownIds(catalog);
        var kafka = new KafkaOptions();
        var pool = new BatchPool(kafka.BatchRecords, kafka.PooledBytes);
        var (bare, ours) = (new List<Figures>(), new List<Figures>());
        // By turns, so that a machine that is slow for a while is slow for both. The first round is for the compiler's tiers.
        for (var round = 0; round <= options.Rounds; round++)
        {
            var (rate, cpu, allocated) = BareConsume.Run(servers, options.Partitions, options.Events, token);
            var mine = await RunOnceAsync(servers, options, known, expected, pool, round, token);
            Report.Progress($"consume: {(round == 0 ? "warm-up" : $"round {round}")}: bare loop {rate:N0} events/s, no sinks {mine.Rate:N0} events/s");
            if (round > 0)
            {
                bare.Add(new Figures(rate, cpu, (double)allocated / options.Events));
                ours.Add(mine);
            }
        }

        Add("bare Consume() loop", bare, "one consumer, all partitions, nothing done");
        Add("consume + decode + validate", ours, "the processor's source and lanes; one thread reads, the lanes share the cores");
        report.Add(Name, "consume + decode + validate / bare loop, events/s", Report.Figure(Median(ours, f => f.Rate) / Median(bare, f => f.Rate)), "target >= 0.60");
        report.Add(Name, "consume + decode + validate / bare loop, events a CPU s", Report.Figure(Median(bare, f => f.Cpu) / Median(ours, f => f.Cpu)));

        void Add(string what, List<Figures> runs, string note)
        {
            report.Add(Name, what + ", events/s", Report.Figure(Median(runs, f => f.Rate)), note);
            report.Add(Name, what + ", CPU s a million events", Report.Figure(Median(runs, f => f.Cpu) * 1e6 / options.Events));
            report.Add(Name, what + ", bytes allocated an event", Report.Figure(Median(runs, f => f.Allocated)), "Confluent.Kafka's included");
        }
    }

    private static double Median(List<Figures> runs, Func<Figures, double> figure) => Report.Median(runs.Select(figure));

    private static async Task<Figures> RunOnceAsync(
        Servers servers, BenchmarkOptions options, ReferenceCatalog known, IndependentResult expected, BatchPool pool, int round, CancellationToken token)
    {
        var settings = new ProcessorOptions { Kafka = new KafkaOptions { BootstrapServers = servers.Bootstrap, Topic = Servers.Topic, GroupId = $"nosink{round}" } };
        var readers = EventBatches.Readers(settings.Decode);
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long good = 0, refused = 0, started = 0, allocated = 0;
        var source = new KafkaSource(settings.Kafka, Open, pool, new ProcessorStatus(), TimeProvider.System, NullLogger.Instance);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        var cpu = Environment.CpuUsage.TotalTime;
        var run = source.RunAsync(stop.Token);
        try
        {
            await (await Task.WhenAny(all.Task, run, Task.Delay(Patience, token)));
            if (!all.Task.IsCompleted)
            {
                throw new WrongResultException($"consume: {good + refused:N0} of {options.Events:N0} events have a verdict after {Patience.TotalSeconds:0} s.");
            }

            var seconds = Stopwatch.GetElapsedTime(Volatile.Read(ref started)).TotalSeconds;
            var figures = new Figures(options.Events / seconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds, (GC.GetTotalAllocatedBytes() - allocated) / (options.Events / 2.0));
            WrongResultException.ThrowUnlessEqual("consume: good events", expected.Accepted + expected.Duplicates, good);
            WrongResultException.ThrowUnlessEqual("consume: dead letters", expected.DeadLetterCount, refused);
            return figures;
        }
        finally
        {
            await stop.CancelAsync();
            await run;
        }

        // Joining the group takes seconds in which nothing is read: the clock starts with the first lane.
        Task<ILane> Open(int partition, long committed, long earliest, CancellationToken opening)
        {
            Interlocked.CompareExchange(ref started, Stopwatch.GetTimestamp(), 0);
            var status = new LaneStatus { Topic = Servers.Topic, Partition = partition, Epoch = 1, NextOffset = 0, DurableOffset = 0 };
            var decode = new DecodeStage(settings.Decode, readers, partition, TimeProvider.System, NullLogger.Instance);
            var validate = new ValidateStage(settings.Decode, known, _ => Task.CompletedTask, partition, options.Partitions, TimeProvider.System);
            return Task.FromResult<ILane>(new NoSinkLane(status, settings.BatchesPerBlock, decode.ApplyAsync, validate.ApplyAsync, Take));
        }

        void Take(RecordBatch batch)
        {
            var (records, bad) = (batch.Count, batch.Rejections.Count);
            pool.Return(batch);
            Interlocked.Add(ref good, records - bad);
            var judged = Interlocked.Add(ref refused, bad) + Volatile.Read(ref good);

            // Opening the lanes, their readers and tables are no event's.
            if (judged >= options.Events / 2)
            {
                Interlocked.CompareExchange(ref allocated, GC.GetTotalAllocatedBytes(), 0);
            }

            if (judged == options.Events)
            {
                all.TrySetResult();
            }
        }
    }

    /// <param name="Rate">Events a second.</param>
    /// <param name="Cpu">CPU seconds.</param>
    /// <param name="Allocated">Bytes an event, in steady state.</param>
    private readonly record struct Figures(double Rate, double Cpu, double Allocated);
}
