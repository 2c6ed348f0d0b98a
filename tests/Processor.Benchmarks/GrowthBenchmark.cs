using System.Globalization;

namespace Stockflow.Benchmarks;

/// <summary>How the cost of an event grows: the whole pipeline again and again, with one thing changed each time.</summary>
internal static class GrowthBenchmark
{
    private const string Name = "growth";
    private const long MaximumEvents = 100_000;

    /// <summary>What a single partition of the listener can hold.</summary>
    private const long EventsOfOnePartition = 30_000;

    /// <summary>The listener keeps 5 MiB of a partition of the reference topics too.</summary>
    private const int ReferencePartitions = 8, ReferencePartitionsForManySkus = 64, ManySkus = 100_000;

    public static async Task RunAsync(BenchmarkOptions options, Report report, CancellationToken token)
    {
        var start = options with { Events = Math.Min(options.Events, MaximumEvents) };
        var usual = await MeasureAsync(string.Create(CultureInfo.InvariantCulture,
            $"as the load ({start.Skus:N0} SKUs, {start.Locations:N0} locations, {start.Partitions} partitions)"), start);
        foreach (var processors in (int[])[2, 4])
        {
            // As warm as the one: the two have as much to do each.
            var figures = await MeasureAsync(string.Create(CultureInfo.InvariantCulture, $"{processors} processors"), start with { Events = start.Events * 2 }, processors);
            report.Add(Name, string.Create(CultureInfo.InvariantCulture, $"{processors} processors, events a CPU s against one's"), Report.Figure(usual.Each / figures.Each),
                string.Create(CultureInfo.InvariantCulture, $"with as many cores {processors * usual.Each / figures.Each:0.00} times one's throughput{(processors == 2 ? "; target >= 1.8" : "")}"));
        }

        foreach (var skus in (int[])[10_000, 1_200_000])
        {
            await MeasureAsync(string.Create(CultureInfo.InvariantCulture, $"{skus:N0} SKUs"), start with { Skus = skus });
        }

        foreach (var locations in (int[])[28, 2_400])
        {
            await MeasureAsync(string.Create(CultureInfo.InvariantCulture, $"{locations:N0} locations"), start with { Locations = locations });
        }

        await MeasureAsync("1 partition", start with { Partitions = 1, Events = Math.Min(start.Events, EventsOfOnePartition) });
        await MeasureAsync("256 partitions", start with { Partitions = 256 });

        foreach (var share in (double[])[0, 0.2])
        {
            await MeasureAsync(string.Create(CultureInfo.InvariantCulture, $"{share:P0} duplicates"), start with { DuplicateShare = share });
        }

        foreach (var share in (double[])[0, 0.2])
        {
            await MeasureAsync(string.Create(CultureInfo.InvariantCulture, $"{share:P0} out of order"), start with { OutOfOrderShare = share });
        }

        await MeasureAsync("batches of 512 at most", start, settings: ["--kafka.batch-records", "512"]);

        async Task<GrowthFigures> MeasureAsync(string what, BenchmarkOptions changed, int processors = 1, string[]? settings = null)
        {
            Report.Progress($"{Name}: {what}");
            var references = changed.Skus > ManySkus ? ReferencePartitionsForManySkus : ReferencePartitions;
            var figures = await GrowthRun.RunAsync(changed, processors, references, settings ?? [], token);
            var servers = string.Join(", ", figures.Servers.Select(server => string.Create(CultureInfo.InvariantCulture, $"{server.Key} {server.Value * 1e6 / figures.Events:0.00}")));
            report.Add(Name, what + ", processor CPU s a million events", Report.Figure(figures.Each),
                string.Create(CultureInfo.InvariantCulture, $"all processes {figures.All:0.00}: {servers}; {figures.Positions:N0} positions, {figures.Events:N0} events, one round"));
            return figures;
        }
    }
}
