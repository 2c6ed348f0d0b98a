using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Stockflow.Embedded;
using Stockflow.Model;
using Stockflow.Position;

namespace Stockflow.Benchmarks;

/// <summary>
/// The position commit alone: decoded movements through the position stage (conflation, one script a batch) against an HINCRBY for each
/// quantity of an event, pipelined, on the same Redis. Counts and corrections are left out, which increments can not do.
/// </summary>
internal static class CommitBenchmark
{
    private const string Name = "commit";
    private const int Lanes = 8, MaximumEvents = 160_000, MaximumRounds = 2;
    private static readonly int[] BatchSizes = [256, 1024, 4096];

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        Report.Progress("commit: preparing movements");
        var load = options.Generator(options.Events * options.Partitions / Lanes) with { InvalidShare = 0, DuplicateShare = 0 };
        var facts = Generate(load, options.Partitions, Math.Min(options.Events, MaximumEvents), out var catalog, out var expected);
        var known = EventBatches.KnownIds(catalog);
        long events = facts.Sum(lane => lane.Count);
        var folder = Directory.CreateTempSubdirectory("stockflow-bench-").FullName;
        try
        {
            await using var redis = await RedisServer.StartAsync(folder, token);
            var (bytes, naiveBytes) = (0.0, 0.0);
            foreach (var size in BatchSizes)
            {
                var lanes = facts.Select((lane, p) => CommitLane.Create(p, options.Partitions, lane, size, load, catalog, known)).ToList();
                var ours = await MeasureAsync($"script, {size} a batch", round => OursAsync(redis, lanes, expected, round, token));
                var naive = await MeasureAsync($"HINCRBY, {size} a batch", _ => NaiveAsync(redis, lanes, expected, token));
                report.Add(Name, $"batches of {size}: script, CPU s a million events", Report.Figure(ours.Redis + ours.Client), $"redis {ours.Redis:0.00}, client {ours.Client:0.00}; fingerprints and offset included");
                report.Add(Name, $"batches of {size}: HINCRBY, CPU s a million events", Report.Figure(naive.Redis + naive.Client), $"redis {naive.Redis:0.00}, client {naive.Client:0.00}");
                report.Add(Name, $"batches of {size}: HINCRBY / script, CPU", Report.Figure((naive.Redis + naive.Client) / (ours.Redis + ours.Client)), $"events/s: script {ours.Rate:N0}, HINCRBY {naive.Rate:N0}");
                (bytes, naiveBytes) = (ours.Bytes, naive.Bytes);
            }

            report.Add(Name, "script, Redis bytes a position", Report.Figure(bytes), $"{expected.Positions.Count:N0} positions, {(double)events / expected.Positions.Count:0.0} events each");
            report.Add(Name, "HINCRBY, Redis bytes a position", Report.Figure(naiveBytes));

            async Task<Figures> MeasureAsync(string what, Func<int, Task<Figures>> run)
            {
                var runs = new List<Figures>();
                for (var round = -2; round < Math.Min(options.Rounds, MaximumRounds); round++)
                {
                    token.ThrowIfCancellationRequested();
                    redis.Flush();
                    var figures = await run(round);
                    Report.Progress($"commit: {what}, {(round < 0 ? "warm-up" : $"round {round + 1}")}: {figures.Rate:N0} events/s");
                    if (round >= 0)
                    {
                        runs.Add(figures);
                    }
                }

                return new Figures(Report.Median(runs.Select(f => f.Rate)), Report.Median(runs.Select(f => f.Redis)), Report.Median(runs.Select(f => f.Client)), runs[^1].Bytes);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Some of the topic's lanes, because what a lane can conflate depends on how few SKUs are its own.
    private static List<GeneratedFact>[] Generate(GeneratorOptions load, int partitions, long events, out GeneratorCatalog catalog, out IndependentResult expected)
    {
        var generator = new Generator(load);
        catalog = generator.Catalog;
        var count = new IndependentCount(catalog);
        var lanes = Enumerable.Range(0, Math.Min(Lanes, partitions)).Select(_ => new List<GeneratedFact>()).ToArray();
        var partitionOfSku = catalog.SkuIds.Select(sku => Murmur2.Partition(sku, partitions)).ToArray();
        for (var kept = 0L; kept < events && generator.TryNext(out var fact);)
        {
            if (partitionOfSku[fact.Sku] < lanes.Length && fact.Type is not (MovementType.CycleCount or MovementType.Correction))
            {
                lanes[partitionOfSku[fact.Sku]].Add(fact);
                count.Add(in fact);
                kept++;
            }
        }

        expected = count.Result();
        return lanes;
    }

    private static async Task<Figures> OursAsync(RedisServer redis, List<CommitLane> lanes, IndependentResult expected, int round, CancellationToken token)
    {
        await using var store = new RedisPositionStore(new PositionOptions { Connection = redis.Endpoint, KeyPrefix = $"commit{round + 1}" }, TimeProvider.System);
        await store.CheckAsync(token);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        var figures = await ClockAsync(redis, expected, () => Task.WhenAll(lanes.Select(lane => Task.Run(() => LaneAsync(lane), token))));
        await stop.CancelAsync();
        var seen = redis.MemoryOf("{*}:seen:*");
        await VerifyAsync(expected, store.ScanAsync(token));
        return figures with { Bytes = figures.Bytes - ((double)seen / expected.Positions.Count) };

        async Task LaneAsync(CommitLane lane)
        {
            var status = new LaneStatus { Topic = "t", Partition = lane.Partition, NextOffset = 0, DurableOffset = 0 };
            var stage = new PositionStage(new PositionOptions(), store, new NoLedger(), status, lane.Ids, TimeProvider.System, NullLogger.Instance);
            stage.Open(await store.AcquireAsync(lane.Partition, token), 0, stop.Token);
            foreach (var batch in lane.Batches)
            {
                await stage.ApplyAsync(batch, static commit => commit.Bucket = 1, token);
            }
        }
    }

    private static async Task<Figures> NaiveAsync(RedisServer redis, List<CommitLane> lanes, IndependentResult expected, CancellationToken token)
    {
        var database = redis.Database;
        var figures = await ClockAsync(redis, expected, () => Task.WhenAll(lanes.Select(lane => Task.Run(() => LaneAsync(lane), token))));
        await VerifyAsync(expected, ReadAsync());
        return figures;

        async Task LaneAsync(CommitLane lane)
        {
            var answers = new List<Task>();
            foreach (var batch in lane.Batches)
            {
                await NaiveIncrements.ApplyAsync(database, batch, answers);
            }
        }

        async IAsyncEnumerable<StockPosition> ReadAsync()
        {
            foreach (var chunk in expected.Positions.Keys.Chunk(1000))
            {
                var states = await Task.WhenAll(chunk.Select(key => NaiveIncrements.ReadAsync(database, key)));
                for (var i = 0; i < chunk.Length; i++)
                {
                    yield return new StockPosition(chunk[i].SkuId, chunk[i].LocationId, states[i]);
                }
            }
        }
    }

    private static async Task<Figures> ClockAsync(RedisServer redis, IndependentResult expected, Func<Task> run)
    {
        GC.Collect();
        var (used, busy, own, started) = (redis.DataMemory, ProcessCpu.Seconds(redis.ProcessId), Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp());
        await run();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var million = expected.Produced / 1e6;
        return new Figures(
            expected.Produced / seconds, (ProcessCpu.Seconds(redis.ProcessId) - busy) / million, (Environment.CpuUsage.TotalTime - own).TotalSeconds / million,
            (double)(redis.DataMemory - used) / expected.Positions.Count);
    }

    private static async Task VerifyAsync(IndependentResult expected, IAsyncEnumerable<StockPosition> positions)
    {
        var found = 0;
        await foreach (var (sku, location, state) in positions)
        {
            found++;
            var actual = new CountedPosition(state.OnHand, state.Unsellable, state.Reserved, state.InTransitIn, state.InTransitOut);
            if (!expected.Positions.TryGetValue(new PositionKey(sku, location), out var counted) || counted != actual)
            {
                throw new WrongResultException($"commit: {sku} {location} is {actual}, but the independent count says {counted}.");
            }
        }

        WrongResultException.ThrowUnlessEqual("commit: positions", expected.Positions.Count, found);
    }

    private sealed class NoLedger : ILedgerReader
    {
        public Task<IReadOnlyList<LedgerAnswer>> AskAsync(string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token) =>
            throw new WrongResultException("commit: a movement waits for the ledger, though counts and corrections are left out.");
    }

    private readonly record struct Figures(double Rate, double Redis, double Client, double Bytes);
}
