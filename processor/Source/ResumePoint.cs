using Stockflow.Model;

namespace Stockflow.Source;

/// <summary>Where a lane goes on: it reads from <see cref="Start"/>, the earlier of what the positions and the history have.</summary>
/// <param name="Start">First offset to read.</param>
/// <param name="Positions">First offset that the position store has not applied.</param>
/// <param name="History">First offset that the history may lack: what the group has committed.</param>
public readonly record struct ResumePoint(long Start, long Positions, long History)
{
    /// <summary>The rule. <paramref name="applied"/> and <paramref name="committed"/> are -1 where there is none.</summary>
    /// <exception cref="SetupException">Records that are still needed are gone from the log.</exception>
    public static ResumePoint Find(int partition, long applied, long committed, long earliest)
    {
        // A lane that nobody has read starts with the log. So does one whose positions are gone, as long as the log still begins at its beginning.
        var history = committed < 0 ? earliest : committed;
        var positions = applied < 0 ? (committed < 0 ? earliest : 0) : applied;
        var start = Math.Min(history, positions);
        if (start < earliest)
        {
            throw new SetupException(applied < 0
                ? $"Partition {partition}: the position store has no record of it, but the group has committed offset {committed} and the log begins at {earliest}. The store lost its data; restore it before you start again."
                : $"Partition {partition}: records from offset {start} on are needed, but the log begins at {earliest}. Nothing was skipped; restore the records or the store's backup before you start again.");
        }

        return new ResumePoint(start, positions, history);
    }
}
