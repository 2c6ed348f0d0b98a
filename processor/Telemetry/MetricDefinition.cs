namespace Stockflow.Telemetry;

public enum MetricKind
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>One line of the catalogue.</summary>
/// <param name="Name">The name on the wire: Prometheus' rules, so counters end in <c>_total</c>.</param>
/// <param name="Kind">What may be done with it.</param>
/// <param name="Unit">Unit of the value, in the plural, e.g. <c>seconds</c>.</param>
/// <param name="Labels">Label names; each has a bounded set of values.</param>
/// <param name="Help">What it means, one sentence.</param>
public sealed record MetricDefinition(string Name, MetricKind Kind, string Unit, IReadOnlyList<string> Labels, string Help);
