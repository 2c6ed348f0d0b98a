using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Stockflow.Telemetry;

/// <summary>
/// Prometheus text format 0.0.4, or OpenMetrics 1.0 with exemplars, over <see cref="MeterListener"/>; written here because the package source has neither prometheus-net nor
/// OpenTelemetry's exporter. Thread-safe.
/// </summary>
public sealed class PrometheusExporter : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8", OpenMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// <summary>Series an instrument may have; more mean a label without bounds, and are dropped rather than kept for ever.</summary>
    private const int MaximumSeries = 10_000;

    private readonly MeterListener listener = new();
    private readonly ConcurrentDictionary<string, Family> families = new(StringComparer.Ordinal);
    private readonly Lock scrape = new();

    public PrometheusExporter(params IReadOnlyList<Meter> meters)
    {
        listener.InstrumentPublished = (instrument, source) =>
        {
            if (meters.Contains(instrument.Meter))
            {
                var family = new Family(instrument);
                if (!instrument.IsObservable && Metrics.Catalogue.Any(metric => metric.Name == instrument.Name && metric.Labels.Count == 0))
                {
                    family.Add(default);
                }

                families[instrument.Name] = family;
                source.EnableMeasurementEvents(instrument, family);
            }
        };
        listener.SetMeasurementEventCallback<double>((_, value, tags, state) => ((Family)state!).Add(value, tags));
        listener.SetMeasurementEventCallback<long>((_, value, tags, state) => ((Family)state!).Add(value, tags));
        listener.SetMeasurementEventCallback<int>((_, value, tags, state) => ((Family)state!).Add(value, tags));
        listener.Start();
    }

    public void Dispose() => listener.Dispose();

    /// <summary>The whole exposition, families by name.</summary>
    /// <param name="openMetrics">As OpenMetrics, which has the latest sampled trace of each bucket.</param>
    public string Write(bool openMetrics = false)
    {
        var text = new StringBuilder(16 * 1024);
        lock (scrape)
        {
            foreach (var family in families.Values)
            {
                family.BeginObservation();
            }

            listener.RecordObservableInstruments();
            foreach (var family in families.Values.OrderBy(family => family.Name, StringComparer.Ordinal))
            {
                family.Write(text, openMetrics);
            }
        }

        if (openMetrics)
        {
            text.Append("# EOF\n");
        }

        return text.ToString();
    }

    /// <summary>Quantiles of a histogram without labels, or null where it has no observations yet.</summary>
    public QuantileEstimate? Quantiles(Instrument histogram) =>
        families.TryGetValue(histogram.Name, out var family) ? family.Quantiles() : null;

    private sealed class Family(Instrument instrument)
    {
        private readonly ConcurrentDictionary<string, object> series = new(StringComparer.Ordinal);
        private readonly double[]? bounds = instrument is Histogram<double> histogram
            ? [.. histogram.Advice?.HistogramBucketBoundaries ?? Metrics.SecondsBuckets]
            : null;

        // Kept beside the dictionary: asking it takes all of its locks, up to a thousand of them for each series of a scrape.
        private int size;

        private readonly bool counts = instrument.GetType().Name.Contains("Counter", StringComparison.Ordinal);

        public string Name => instrument.Name;

        public void Add(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var state = Add(tags);
            if (state is null)
            {
                return;
            }

            if (state is HistogramSeries buckets)
            {
                buckets.Add(value);
            }
            else
            {
                ((ScalarSeries)state).Put(value, accumulate: counts && !instrument.IsObservable);
            }
        }

        /// <summary>The series of some labels, made now if it is new; so that a histogram stands in the exposition before its first value.</summary>
        public object? Add(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var labels = tags.IsEmpty ? "" : Labels(tags);
            if (series.TryGetValue(labels, out var state) || Volatile.Read(ref size) >= MaximumSeries)
            {
                return state;
            }

            object created = bounds is null ? new ScalarSeries() : new HistogramSeries(bounds);
            var kept = series.GetOrAdd(labels, created);
            if (kept == created)
            {
                Interlocked.Increment(ref size);
            }

            return kept;
        }

        /// <summary>An observable tells its whole state each time: series that it no longer tells are gone.</summary>
        public void BeginObservation()
        {
            if (instrument.IsObservable)
            {
                series.Clear();
                Volatile.Write(ref size, 0);
            }
        }

        public QuantileEstimate? Quantiles() =>
            series.TryGetValue("", out var state) && state is HistogramSeries buckets ? buckets.Estimate() : null;

        public void Write(StringBuilder text, bool openMetrics)
        {
            if (series.IsEmpty)
            {
                return;
            }

            var type = bounds is not null ? "histogram" : counts ? "counter" : "gauge";
            var family = openMetrics && type == "counter" ? Name[..^"_total".Length] : Name;
            text.Append("# HELP ").Append(family).Append(' ');
            Escape(text, instrument.Description ?? "", quoted: openMetrics);
            text.Append("\n# TYPE ").Append(family).Append(' ').Append(type).Append('\n');
            foreach (var (labels, state) in series.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                if (state is HistogramSeries buckets)
                {
                    WriteHistogram(text, labels, buckets, openMetrics);
                }
                else
                {
                    Line(text, "", labels, ((ScalarSeries)state).Value);
                }
            }
        }

        private void WriteHistogram(StringBuilder text, string labels, HistogramSeries buckets, bool openMetrics)
        {
            var prefix = labels.Length == 0 ? "" : labels + ",";
            long total = 0;
            var copy = buckets.Counts();
            for (var i = 0; i < copy.Length; i++)
            {
                total += copy[i];
                var bound = i == bounds!.Length ? "+Inf" : Number(bounds[i]);
                Line(text, "_bucket", $"{prefix}le=\"{bound}\"", total, openMetrics ? buckets.Example(i) : null);
            }

            Line(text, "_sum", labels, buckets.Sum);
            Line(text, "_count", labels, total);
        }

        private void Line(StringBuilder text, string suffix, string labels, double value, Exemplar? example = null)
        {
            text.Append(Name).Append(suffix);
            if (labels.Length > 0)
            {
                text.Append('{').Append(labels).Append('}');
            }

            text.Append(' ').Append(Number(value));
            if (example is not null)
            {
                text.Append(CultureInfo.InvariantCulture, $" # {{trace_id=\"{example.TraceId}\"}} {Number(example.Value)} {Number(example.Timestamp)}");
            }

            text.Append('\n');
        }

        private static string Number(double value) =>
            double.IsNaN(value) ? "NaN"
            : double.IsPositiveInfinity(value) ? "+Inf"
            : double.IsNegativeInfinity(value) ? "-Inf"
            : value.ToString("R", CultureInfo.InvariantCulture);

        private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var text = new StringBuilder();
            foreach (var (name, value) in tags)
            {
                text.Append(text.Length == 0 ? "" : ",").Append(name).Append("=\"");
                Escape(text, Convert.ToString(value, CultureInfo.InvariantCulture) ?? "", quoted: true);
                text.Append('"');
            }

            return text.ToString();
        }

        private static void Escape(StringBuilder text, string value, bool quoted)
        {
            foreach (var c in value)
            {
                _ = c switch
                {
                    '\\' => text.Append("\\\\"),
                    '\n' => text.Append("\\n"),
                    '"' when quoted => text.Append("\\\""),
                    _ => text.Append(c),
                };
            }
        }
    }

    private sealed class ScalarSeries
    {
        private double value;

        public double Value => Volatile.Read(ref value);

        public void Put(double next, bool accumulate)
        {
            if (!accumulate)
            {
                Volatile.Write(ref value, next);
                return;
            }

            double seen;
            do
            {
                seen = Volatile.Read(ref value);
            }
            while (Interlocked.CompareExchange(ref value, seen + next, seen) != seen);
        }
    }
}
