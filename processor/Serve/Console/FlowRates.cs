namespace Stockflow.Serve.Console;

/// <summary>Rates from the counters between two looks. All who look share the samples, so many of them cost nothing.</summary>
internal sealed class FlowRates(TimeProvider time)
{
    private const int Most = 60;
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(1), Window = TimeSpan.FromSeconds(10), Pause = TimeSpan.FromSeconds(30);
    private readonly Lock gate = new();
    private readonly LinkedList<(long At, TotalsPayload Totals)> samples = new();
    private readonly Queue<double> past = new();
    private FlowRate? rate;

    /// <summary>The rate over the last seconds, and those of the looks before, the latest last.</summary>
    public (FlowRate? Rate, IReadOnlyList<double> Past) Look(TotalsPayload totals)
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            if (samples.Last is { } last && time.GetElapsedTime(last.Value.At, now) is var since)
            {
                if (since < Between)
                {
                    return (rate, [.. past]);
                }

                if (since > Pause)
                {
                    past.Clear();
                }
            }

            while (samples.First is { Next: { } second } && time.GetElapsedTime(second.Value.At, now) >= Window)
            {
                samples.RemoveFirst();
            }

            if (samples.First is { } first)
            {
                rate = Rate(first.Value.Totals, totals, time.GetElapsedTime(first.Value.At, now).TotalSeconds);
                past.Enqueue(rate.Value.Read);
                if (past.Count > Most)
                {
                    past.Dequeue();
                }
            }

            samples.AddLast((now, totals));
            return (rate, [.. past]);
        }
    }

    // A lane that went to another process takes its counts along.
    private static FlowRate Rate(TotalsPayload from, TotalsPayload to, double seconds) => new(
        seconds, Math.Max(0, to.Read - from.Read) / seconds, Math.Max(0, to.Accepted - from.Accepted) / seconds,
        Math.Max(0, to.Duplicates - from.Duplicates) / seconds, Math.Max(0, to.DeadLetters - from.DeadLetters) / seconds);
}
