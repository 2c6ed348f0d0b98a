using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Stockflow.Benchmarks;

/// <summary>The Markdown table, and progress on standard error while it fills.</summary>
public sealed class Report(BenchmarkOptions options)
{
    private readonly long began = TimeProvider.System.GetTimestamp();
    private readonly List<(string Benchmark, string Measure, string Value, string Note)> rows = [];

    /// <summary>Adds a row.</summary>
    /// <param name="benchmark">Name of the benchmark.</param>
    /// <param name="measure">What was measured, with its unit.</param>
    /// <param name="value">The figure.</param>
    /// <param name="note">Target or circumstances.</param>
    public void Add(string benchmark, string measure, string value, string note = "")
    {
        rows.Add((benchmark, measure, value, note));
        Progress($"{benchmark}: {measure} = {value}");
    }

    /// <summary>A line on standard error.</summary>
    public static void Progress(string text) => Console.Error.WriteLine($"[{DateTime.Now:HH:mm:ss}] {text}");

    /// <summary>Text of a figure with three digits that count.</summary>
    public static string Figure(double value) => value switch
    {
        >= 100 or <= -100 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 10 or <= -10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.00", CultureInfo.InvariantCulture),
    };

    /// <summary>The middle one, or the mean of the two in the middle.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-dd}, {Environment.ProcessorCount} cores ({ProcessorName()}), {MemoryGiB():0} GiB, {RuntimeInformation.FrameworkDescription}, Linux {Environment.OSVersion.Version.ToString(2)}; all servers on the same machine; measured in {TimeProvider.System.GetElapsedTime(began).TotalMinutes:0.0} minutes.");
        text.AppendLine(CultureInfo.InvariantCulture, $"{options.Events:N0} events, {options.Skus:N0} SKUs, {options.Locations:N0} locations, {options.Partitions} partitions; medians of at most {options.Rounds} rounds.");
        text.AppendLine();
        text.AppendLine("| benchmark | measure | value | note |");
        text.AppendLine("|---|---|---:|---|");
        foreach (var (benchmark, measure, value, note) in rows)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {benchmark} | {measure} | {value} | {note} |");
        }

        return text.ToString();
    }

    private static double MemoryGiB() => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1 << 30);

    private static string ProcessorName()
    {
        var line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal));
        return line is null ? RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':', StringComparison.Ordinal) + 2)..];
    }
}
