using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using System.Text.RegularExpressions;
using Stockflow.Model;
using Stockflow.Telemetry;
using Stockflow.Window;
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
    public void OpenMetrics_has_an_example_for_each_bucket_that_a_sampled_trace_filled()
    {
        using var source = new ActivitySource("test");
        using var listener = new ActivityListener { ShouldListenTo = listened => listened == source, Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded };
        ActivitySource.AddActivityListener(listener);
        using var meter = new Meter("test");
        var histogram = meter.CreateHistogram("h_seconds", "seconds", "Say \"when\".", tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [1, 2] });
        var counter = meter.CreateCounter<long>("c_total", "things", "Help.");
        using var exporter = new PrometheusExporter(meter);
        counter.Add(3);
        histogram.Record(0.5);
        string trace;
        using (var span = source.StartActivity("s")!)
        {
            trace = span.TraceId.ToHexString();
            histogram.Record(1.5);
        }

        var text = exporter.Write(openMetrics: true);
        Assert.StartsWith("# HELP c Help.\n# TYPE c counter\nc_total 3\n# HELP h_seconds Say \\\"when\\\".\n", text, StringComparison.Ordinal);
        Assert.Matches($"h_seconds_bucket{{le=\"1\"}} 1\nh_seconds_bucket{{le=\"2\"}} 2 # {{trace_id=\"{trace}\"}} 1.5 [0-9.]+\nh_seconds_bucket{{le=\"\\+Inf\"}} 2\n", text);
        Assert.EndsWith("\n# EOF\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain(trace, exporter.Write(), StringComparison.Ordinal);
    }

    // What comes from outside (sources, brokers, tables, rules) or is many must not add series without end.
    [Fact]
    public void Each_label_has_a_bounded_number_of_values()
    {
        const int lanes = 20;
        var status = new ProcessorStatus
        {
            GlobalWatermarkTs = 1,
            Kafka = new KafkaUsage(1, [("1", 0.1)]),
            Redis = new RedisUsage(1, 1, 1, 1),
            Tables = [new TableUsage("ledger", 1, 1, 1, 1)],
        };
        for (var i = 0; i < lanes; i++)
        {
            var lane = status.Lanes[i] = new LaneStatus { Topic = "t", Partition = i, WatermarkTs = 1 };
            var stage = new WatermarkStage(new WindowOptions(), lane, TimeProvider.System);
            stage.Restore(Enumerable.Range(0, 1000).ToDictionary(n => $"SOURCE-{n}", n => (long)n), default);
            status.Fenced[("t", i)] = 1;
        }

        foreach (var reason in Enum.GetValues<RejectReason>())
        {
            status.DeadLetterReasons[reason] = 1;
        }

        using var meter = Metrics.Observe(status, TimeProvider.System);
        using var exporter = new PrometheusExporter(meter);
        var series = exporter.Write().Split('\n').Where(line => line.Length > 0 && line[0] != '#').GroupBy(line => line.Split('{', ' ')[0]).ToDictionary(group => group.Key, group => group.Count());
        foreach (var (name, count) in series)
        {
            var labels = Metrics.Catalogue.Single(metric => metric.Name == name).Labels;
            var bound = labels.Aggregate(1, (product, label) => product * label switch
            {
                "topic" => 1,
                "partition" => lanes,
                "source_system" => WatermarkStage.MaximumToldSources + 1,
                "stage" => status.Stages.Length,
                "state" => Enum.GetValues<StageState>().Length,
                "reason" => Enum.GetValues<RejectReason>().Length,
                "broker" or "table" or "rule" => 1,
                _ => throw new InvalidOperationException($"Nothing bounds the label {label} of {name}."),
            });
            Assert.True(count <= bound, $"{name} has {count} series; {bound} are its bound.");
        }

        Assert.Equal(lanes * (WatermarkStage.MaximumToldSources + 1), series["stockflow_source_watermark_timestamp_seconds"]);
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

    [Fact]
    public void Series_beyond_ten_thousand_are_dropped_at_each_scrape_anew()
    {
        const int most = 10_000;
        using var meter = new Meter("test");
        var counter = meter.CreateCounter<long>("c_total", "things", "Help.");
        var first = 0;
        meter.CreateObservableGauge("g", () => Enumerable.Range(first, most + 1).Select(i => new Measurement<long>(i, new KeyValuePair<string, object?>("kind", i))));
        using var exporter = new PrometheusExporter(meter);
        for (var i = 0; i <= most; i++)
        {
            counter.Add(1, new KeyValuePair<string, object?>("kind", i));
        }

        counter.Add(1, new KeyValuePair<string, object?>("kind", 0));
        foreach (var start in (int[])[0, 500_000])
        {
            first = start;
            var lines = exporter.Write().Split('\n');
            Assert.Equal(most, lines.Count(line => line.StartsWith("c_total{", StringComparison.Ordinal)));
            Assert.Equal(most, lines.Count(line => line.StartsWith("g{", StringComparison.Ordinal)));
            Assert.Contains($"g{{kind=\"{start}\"}} {start}", lines);
            Assert.Contains("c_total{kind=\"0\"} 2", lines);
        }
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
