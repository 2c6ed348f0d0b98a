namespace Stockflow.Model;

/// <summary>The position store refused a lane's commit: another processor has the lane, or the store lost its tail. The lane ends; nothing was written.</summary>
public sealed class LaneLostException(int partition, CommitOutcome outcome)
    : Exception($"Partition {partition}: the position store refused the commit ({outcome}).")
{
    public static void ThrowUnless(CommitOutcome applied, int partition)
    {
        if (applied != CommitOutcome.Applied)
        {
            throw new LaneLostException(partition, applied);
        }
    }

    public int Partition { get; } = partition;

    public CommitOutcome Outcome { get; } = outcome;
}
