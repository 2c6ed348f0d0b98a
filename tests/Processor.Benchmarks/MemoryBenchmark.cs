using Stockflow.Dedupe;
using Stockflow.History;
using Stockflow.Model;
using Stockflow.Position;
using Stockflow.Source;

namespace Stockflow.Benchmarks;

/// <summary>
/// What a processor keeps in memory, piece by piece, and the law that follows: what it takes without load, what traffic takes at most, and what
/// grows with the events in the horizon and with the positions. Tables grow in steps, so a piece is the mean over sizes between two steps.
/// </summary>
internal static class MemoryBenchmark
{
    private const string Name = "memory", Database = "bench";
    private const int Largest = 1_000_000, Sizes = 8, MostRows = 100_000;

    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(3);

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        Report.Progress($"{Name}: a processor without load");
        var idle = await IdleAsync(options, token);
        var fingerprint = Mean(FillSeen);
        var position = Mean(FillPositions);
        var row = RowBytes(options);
        var (kafka, history) = (new KafkaOptions(), new HistoryOptions());
        // Batches are kept for reuse up to the pool's bound; three inserts of the history hold their rows, two under way and one that is gathered; the client
        // keeps 64 MiB; what a lane remembers of its latest movements is resident once they came.
        var recent = options.Partitions * LiveBytes(() => new RecentMovements());
        var traffic = kafka.PooledBytes + (3L * history.InsertRows * row) + (64L << 20) + recent;
        report.Add(Name, string.Create(null, $"idle, {options.Partitions} lanes, MiB"), Report.Figure(idle / (1 << 20)), "resident");
        report.Add(Name, "traffic at most, MiB", Report.Figure(traffic / (1 << 20)), $"batches {kafka.PooledBytes >> 20} MiB, history {row:0} bytes a row of three inserts, librdkafka's queue 64 MiB, latest movements of the lanes {recent >> 20} MiB");
        report.Add(Name, "an event in the horizon, bytes", Report.Figure(fingerprint), "target <= 40");
        report.Add(Name, "a position, bytes", Report.Figure(position), "up to positions.cachedPositionsPerLane");
        report.Add(Name, "growth law, MiB", Report.Figure((idle + traffic) / (1 << 20)),
            $"and {fingerprint * 1e6 / (1 << 20):0.0} a million events in the horizon and {position * 1e6 / (1 << 20):0.0} a million positions; the collector leaves garbage for a while");
    }

    private static async Task<double> IdleAsync(BenchmarkOptions options, CancellationToken token)
    {
        await using var servers = await Servers.StartAsync(options.Partitions, token);
        await LoadProcess.SendReferencesAsync(servers, options.Generator(0), token);
        await using var run = ProcessorRun.Start(servers, Database);
        await run.WaitUntilReadyAsync(token);
        await Task.Delay(Settling, token);
        return run.ResidentBytes();
    }

    private static double Mean(Func<int, object> fill) =>
        Enumerable.Range(1, Sizes).Select(i => Largest * (Sizes + i) / (2 * Sizes)).Average(size => (double)LiveBytes(() => fill(size)) / size);

    private static SeenTable FillSeen(int size)
    {
        var table = new SeenTable();
        for (var i = 0; i < size; i++)
        {
            table.FirstOffset(SipHash128.Hash(BitConverter.GetBytes(i)), i);
        }

        return table;
    }

    private static PositionCache FillPositions(int size)
    {
        var cache = new PositionCache();
        for (var i = 0; i < size; i++)
        {
            cache.Place(i / 10, i % 10, out _);
        }

        return cache;
    }

    private static double RowBytes(BenchmarkOptions options)
    {
        var batches = LedgerBenchmark.Prepare(options with { Events = Math.Min(options.Events, MostRows) });
        return (double)LiveBytes(() =>
        {
            var format = LedgerFormat.Create("Native");
            format.Encode(batches);
            return format;
        }) / batches.Sum(batch => batch.Count);
    }

    private static long LiveBytes(Func<object> create)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var made = create();
        var after = GC.GetTotalMemory(forceFullCollection: true);
        GC.KeepAlive(made);
        return after - before;
    }
}
