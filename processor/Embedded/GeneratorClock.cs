namespace Stockflow.Embedded;

/// <summary>
/// The event time of a generated load. It runs through the day's curve (quiet at night, peaks at noon and after work) and
/// approaches its end without passing it, so that a load without an end can go on.
/// </summary>
internal sealed class GeneratorClock
{
    private const double HourMs = 3_600_000;

    /// <summary>Events of a load without an end that make up its simulated hours.</summary>
    private const long EndlessEvents = 500_000;

    private static readonly double[] Curve = MakeCurve();
    private readonly double endTs, meanStep, brake;
    private double now;

    public GeneratorClock(GeneratorOptions options)
    {
        var events = options.Events > 0 ? options.Events : EndlessEvents;
        endTs = options.End.ToUnixTimeMilliseconds();
        now = endTs - (options.SimulatedHours * HourMs);
        meanStep = options.SimulatedHours * HourMs / events;
        brake = Math.Max(100, events * 0.01);
    }

    /// <summary>Milliseconds since 1970-01-01 UTC.</summary>
    public long Now => (long)now;

    /// <summary>Goes on by the time to the next event.</summary>
    public void Tick(SeededRandom random)
    {
        var hour = (int)(now / HourMs % 24);
        var step = meanStep / Curve[hour] * (random.Unit() * 2);
        now += Math.Min(step, (endTs - now) / brake);
    }

    /// <summary>Events in a stretch of event time, on average.</summary>
    public long EventsIn(double hours) => (long)(hours * HourMs / meanStep);

    private static double[] MakeCurve()
    {
        double[] weights = [1, 1, 1, 1, 1.5, 2, 4, 7, 9, 11, 13, 15, 16, 14, 12, 12, 14, 17, 18, 14, 9, 5, 3, 2];
        // The load's length is events times the mean step, so the curve's mean rate over a day must be 1.
        var mean = weights.Sum() / weights.Length;
        return [.. weights.Select(weight => weight / mean)];
    }
}
