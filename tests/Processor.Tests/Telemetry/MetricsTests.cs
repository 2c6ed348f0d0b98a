using System.Diagnostics.Metrics;
using System.Text;
using System.Text.RegularExpressions;
using Stockflow.Model;
using Stockflow.Telemetry;
using Xunit;

namespace Stockflow.Tests.Telemetry;

public sealed partial class MetricsTests
{
    [Fact]
    public void Every_name_is_unique_and_follows_Prometheus_rules()
    {
        Assert.NotEmpty(Metrics.Catalogue);
        Assert.Equal(Metrics.Catalogue.Count, Metrics.Catalogue.Select(metric => metric.Name).Distinct(StringComparer.Ordinal).Count());
        foreach (var metric in Metrics.Catalogue)
        {
            Assert.Matches(NameRule(), metric.Name);
            Assert.Equal(metric.Kind == MetricKind.Counter, metric.Name.EndsWith("_total", StringComparison.Ordinal));
            Assert.EndsWith(".", metric.Help, StringComparison.Ordinal);
            Assert.All(metric.Labels, label => Assert.Matches(NameRule(), label));
            if (metric.Unit is "seconds" or "bytes")
            {
                Assert.Contains("_" + metric.Unit, metric.Name, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void The_catalogue_in_the_documentation_is_the_one_of_the_code()
    {
        var expected = new StringBuilder("""
            # Metrics

            What `GET /metrics` tells, by name. `processor/Telemetry/Metrics.cs` is the source; a test compares this file with it
            (`STOCKFLOW_WRITE_DOCS=1 dotnet test tests/Processor.Tests --filter MetricsTests` writes it anew).
            Histograms of seconds have the buckets {BUCKETS}.

            | name | type | unit | labels | meaning |
            |---|---|---|---|---|

            """.Replace("{BUCKETS}", string.Join(", ", Metrics.SecondsBuckets.Select(bound => bound.ToString("R", null))), StringComparison.Ordinal));
        foreach (var metric in Metrics.Catalogue)
        {
            expected.Append(null, $"| `{metric.Name}` | {Type(metric.Kind)} | {metric.Unit} | {string.Join(", ", metric.Labels.Select(label => $"`{label}`"))} | {metric.Help} |\n");
        }

        var file = Path.Combine(Repository.Root, "dashboards", "METRICS.md");
        if (Environment.GetEnvironmentVariable("STOCKFLOW_WRITE_DOCS") == "1")
        {
            File.WriteAllText(file, expected.ToString());
        }

        Assert.Equal(expected.ToString(), File.ReadAllText(file));
    }

    [Fact]
    public void Lanes_are_told_with_their_labels_and_end_when_the_lane_is_lost()
    {
        var status = new ProcessorStatus();
        status.Lanes[3] = new LaneStatus { Topic = "in\"ven\\tory\n", Partition = 3, Read = 12, NextOffset = 10, EndOffset = 15, Paused = true };
        using var meter = Metrics.Observe(status, TimeProvider.System);
        using var exporter = new PrometheusExporter(meter);

        var text = exporter.Write();
        Assert.Contains("# TYPE stockflow_lane_records_read_total counter\nstockflow_lane_records_read_total{topic=\"in\\\"ven\\\\tory\\n\",partition=\"3\"} 12\n", text, StringComparison.Ordinal);
        Assert.Contains("partition=\"3\"} 5\n", Lines(text, "stockflow_lane_lag_records{"), StringComparison.Ordinal);
        Assert.Contains("} 1\n", Lines(text, "stockflow_lane_paused{"), StringComparison.Ordinal);
        Assert.DoesNotContain("stockflow_lane_watermark_lag_seconds", text, StringComparison.Ordinal);

        status.Lanes.Clear();
        Assert.DoesNotContain("stockflow_lane_records_read_total", exporter.Write(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_histogram_is_cumulative_and_its_quantiles_stay_within_the_bucket()
    {
        using var meter = new Meter("test");
        var histogram = meter.CreateHistogram("h_seconds", "seconds", "Help.", tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [1, 2, 4] });
        using var exporter = new PrometheusExporter(meter);
        Assert.Null(exporter.Quantiles(histogram));
        foreach (var value in (double[])[0.5, 1, 1.5, 3, 9])
        {
            histogram.Record(value);
        }

        Assert.EndsWith("""
            h_seconds_bucket{le="1"} 2
            h_seconds_bucket{le="2"} 3
            h_seconds_bucket{le="4"} 4
            h_seconds_bucket{le="+Inf"} 5
            h_seconds_sum 15
            h_seconds_count 5

            """, exporter.Write(), StringComparison.Ordinal);
        var quantiles = exporter.Quantiles(histogram)!.Value;
        Assert.InRange(quantiles.P50, 1, 2);
        Assert.Equal(9, quantiles.P99);
        Assert.Equal(9, quantiles.Max);
    }

    [Fact]
    public void A_counter_adds_up_by_label()
    {
        using var meter = new Meter("test");
        var counter = meter.CreateCounter<long>("c_total", "things", "Help.");
        using var exporter = new PrometheusExporter(meter);
        counter.Add(2, new KeyValuePair<string, object?>("kind", "a"));
        counter.Add(3, new KeyValuePair<string, object?>("kind", "a"));
        counter.Add(7, new KeyValuePair<string, object?>("kind", "b"));
        Assert.Equal("# HELP c_total Help.\n# TYPE c_total counter\nc_total{kind=\"a\"} 5\nc_total{kind=\"b\"} 7\n", exporter.Write());
    }

    private static string Type(MetricKind kind) => kind switch
    {
        MetricKind.Counter => "counter",
        MetricKind.Gauge => "gauge",
        _ => "histogram",
    };

    private static string Lines(string text, string start) =>
        string.Concat(text.Split('\n').Where(line => line.StartsWith(start, StringComparison.Ordinal)).Select(line => line + "\n"));

    [GeneratedRegex("^[a-z][a-z0-9_]*$")]
    private static partial Regex NameRule();
}
