using Stockflow.Model;

namespace Stockflow.Source;

/// <summary>
/// Where a lane goes on. It reads from <see cref="Positions"/>, so that positions are up to date first. Where the history is behind, a second
/// reader gives the records in between to the lane again; where it is ahead, the lane leaves out rows that it has.
/// </summary>
/// <param name="Positions">First offset that the position store has not applied: where the lane reads from.</param>
/// <param name="History">First offset that the history may lack: what the group has committed.</param>
public readonly record struct ResumePoint(long Positions, long History)
{
    /// <summary>The rule. <paramref name="applied"/> and <paramref name="committed"/> are -1 where there is none.</summary>
    /// <exception cref="SetupException">Records that are still needed are gone from the log.</exception>
    public static ResumePoint Find(int partition, long applied, long committed, long earliest)
    {
        // A lane that nobody has read starts with the log. So does one whose positions were in a process's memory, as long as the log is whole.
        var history = committed < 0 ? earliest : committed;
        var positions = applied < 0 ? (committed < 0 ? earliest : 0) : applied;
        var needed = Math.Min(history, positions);
        SetupException.ThrowIf(needed < earliest,
            $"Partition {partition}: records from offset {needed} on are needed, but the log begins at {earliest}. Nothing was skipped; restore the records, or the store's backup, before you start again.");
        return new ResumePoint(positions, history);
    }
}
