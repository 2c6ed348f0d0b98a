using System.Diagnostics;

namespace Stockflow.Telemetry;

/// <summary>Buckets, sum and maximum of one series. Thread-safe without locks; a reader may see an observation in part.</summary>
internal sealed class HistogramSeries(double[] bounds)
{
    private readonly long[] counts = new long[bounds.Length + 1];
    private readonly Exemplar?[] examples = new Exemplar?[bounds.Length + 1];
    private double sum;
    private double maximum;

    public double Sum => Volatile.Read(ref sum);

    public void Add(double value)
    {
        var index = Array.BinarySearch(bounds, value);
        index = index < 0 ? ~index : index;
        Interlocked.Increment(ref counts[index]);
        if (Activity.Current is { Recorded: true } span)
        {
            examples[index] = new Exemplar(span.TraceId.ToHexString(), value, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0);
        }

        double seen;
        do
        {
            seen = Volatile.Read(ref sum);
        }
        while (Interlocked.CompareExchange(ref sum, seen + value, seen) != seen);

        do
        {
            seen = Volatile.Read(ref maximum);
        }
        while (value > seen && Interlocked.CompareExchange(ref maximum, value, seen) != seen);
    }

    /// <summary>The latest observation of a bucket that was made within a sampled trace; null without one.</summary>
    public Exemplar? Example(int bucket) => Volatile.Read(ref examples[bucket]);

    /// <summary>Observations by bucket, not cumulated; the last bucket has no upper bound.</summary>
    public long[] Counts()
    {
        var copy = new long[counts.Length];
        for (var i = 0; i < copy.Length; i++)
        {
            copy[i] = Volatile.Read(ref counts[i]);
        }

        return copy;
    }

    /// <summary>
    /// Quantiles by linear interpolation inside the bucket that holds the rank, as Prometheus' histogram_quantile does, but never above the
    /// largest observation; null without observations.
    /// </summary>
    public QuantileEstimate? Estimate()
    {
        var copy = Counts();
        var total = copy.Sum();
        var largest = Volatile.Read(ref maximum);
        return total == 0
            ? null
            : new QuantileEstimate(At(0.5), At(0.95), At(0.99), largest);

        double At(double quantile)
        {
            var rank = quantile * total;
            long below = 0;
            for (var i = 0; i < bounds.Length; i++)
            {
                if (below + copy[i] >= rank && copy[i] > 0)
                {
                    var lower = i == 0 ? 0 : bounds[i - 1];
                    return Math.Min(largest, lower + ((bounds[i] - lower) * (rank - below) / copy[i]));
                }

                below += copy[i];
            }

            return largest;
        }
    }
}

/// <summary>An observation and the trace it belongs to; <paramref name="Timestamp"/> in seconds since 1970-01-01 UTC.</summary>
public sealed record Exemplar(string TraceId, double Value, double Timestamp);

/// <summary>Quantiles of a duration, seconds; all but <paramref name="Max"/> are estimates from buckets.</summary>
public readonly record struct QuantileEstimate(double P50, double P95, double P99, double Max);
