using System.Diagnostics;
using Stockflow.Embedded;
using Stockflow.Serve;

namespace Stockflow.Benchmarks;

/// <summary>What a run is doing.</summary>
internal enum OutagePhase
{
    Before,
    Outage,
    After,
}

/// <summary>One look at the processor.</summary>
/// <param name="Seconds">Since the first look.</param>
/// <param name="Resident">Resident memory, bytes.</param>
/// <param name="Applied">Records in the positions.</param>
/// <param name="Lag">Records that the broker has and the positions do not.</param>
/// <param name="Gap">Records that the positions have and the history must be given again.</param>
/// <param name="Unsettled">Late counts that wait for the ledger.</param>
/// <param name="Paused">Partitions that are held back.</param>
internal readonly record struct OutageSample(
    OutagePhase Phase, double Seconds, double Resident, long Applied, long Lag, long Gap, long Unsettled, int Paused);

/// <summary>Looks at the processor once a second, for as long as the run lasts.</summary>
internal sealed class OutageSamples(ProcessorRun run, LoadProducer producer, long referenceRecords, int lineSeconds)
{
    private readonly List<OutageSample> taken = [];
    private readonly long started = Stopwatch.GetTimestamp();
    private OutagePhase phase;
    private double nextLine;

    public IReadOnlyList<OutageSample> Taken => taken;

    public OutageSample Latest => taken[^1];

    /// <summary>The last status that was read.</summary>
    public StatusPayload Status { get; private set; } = null!;

    public void Enter(OutagePhase next)
    {
        phase = next;
        nextLine = 0;
    }

    public IEnumerable<OutageSample> Of(OutagePhase wanted) => taken.Where(sample => sample.Phase == wanted);

    /// <summary>Samples until <paramref name="isOver"/>, or for a time; what is over already gets no sample, which would show what comes after it.</summary>
    public async Task WatchAsync(TimeSpan atMost, Func<bool> isOver, CancellationToken token)
    {
        var from = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(from) < atMost && !isOver())
        {
            await Task.Delay(TimeSpan.FromSeconds(1), token);
            await TakeAsync(token);
        }
    }

    private async Task TakeAsync(CancellationToken token)
    {
        if (await run.StatusAsync(token) is not { } status)
        {
            return;
        }

        Status = status;
        var applied = status.Lanes.Sum(lane => Math.Max(0, lane.PositionOffset));
        var sample = new OutageSample(
            phase, Stopwatch.GetElapsedTime(started).TotalSeconds, run.ResidentBytes(), applied,
            Math.Max(0, producer.Acknowledged - referenceRecords - applied),
            status.Lanes.Sum(lane => lane.HistoryGap), status.Totals.Unsettled, status.Lanes.Count(lane => lane.Paused));
        taken.Add(sample);
        if (sample.Seconds >= nextLine)
        {
            nextLine = sample.Seconds + lineSeconds;
            Report.Progress($"{phase,-6} {sample.Seconds,4:0} s  resident {sample.Resident / (1 << 20),6:N0} MiB  applied {sample.Applied,11:N0}  lag {sample.Lag,10:N0}"
                + $"  gap {sample.Gap,10:N0}  unsettled {sample.Unsettled,6:N0}  paused {sample.Paused,4}");
        }
    }
}
