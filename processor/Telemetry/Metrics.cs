using System.Diagnostics.Metrics;
using Stockflow.Model;

namespace Stockflow.Telemetry;

/// <summary>Every metric's name, unit and buckets. Counters of lanes are read from <see cref="ProcessorStatus"/>, so the hot path adds to plain fields.</summary>
public static class Metrics
{
    public static readonly Meter Meter = new("Stockflow");

    /// <summary>Upper bounds of buckets for durations, seconds.</summary>
    public static readonly double[] SecondsBuckets =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300];

    /// <summary>From the broker's timestamp to visible in the position store.</summary>
    public static readonly Histogram<double> Freshness =
        Meter.CreateHistogram<double>("stockflow_position_freshness_seconds", "s", "Time from the broker's timestamp of an event to its effect in the position store.");

    public static readonly Histogram<double> CommitDuration =
        Meter.CreateHistogram<double>("stockflow_position_commit_seconds", "s", "Time of one atomic commit of a batch to the position store.");

    public static readonly Histogram<double> InsertDuration =
        Meter.CreateHistogram<double>("stockflow_history_insert_seconds", "s", "Time of one insert into ClickHouse.");
}
