namespace Stockflow.Simulation;

/// <summary>
/// Kafka: a log that grows, a group with one partition, the group's commit and the dead letters. A commit of a member that no longer has
/// the partition, or of an older generation, is refused.
/// </summary>
internal sealed class SimulatedBroker(World world, LaneHistory history, Expectation expectation, SimulatedStore store, SimulatedLedger ledger)
    : SimulatedServer("kafka")
{
    /// <summary>Offset after the last record that a consumer can read.</summary>
    public int End { get; private set; }

    public long Committed { get; private set; } = -1;

    /// <summary>The furthest commit; a late one may have taken the group's back.</summary>
    public long Furthest { get; private set; } = -1;

    public HashSet<long> DeadLetters { get; } = [];

    public int Generation { get; private set; }

    public SimulatedProcess? Owner { get; private set; }

    public void Append(int count) => End = Math.Min(history.Log.Count, End + count);

    /// <summary>Gives the partition to a member; it is told later.</summary>
    public int Assign(SimulatedProcess owner)
    {
        Owner = owner;
        world.Say(Name, $"generation {Generation + 1}: the partition belongs to {owner.Name}");
        return ++Generation;
    }

    public bool Commit(SimulatedProcess member, int generation, long offset)
    {
        if (member != Owner || generation != Generation)
        {
            world.Count("offset commits fenced");
            world.Say(Name, $"offset commit {offset} of generation {generation} is refused");
            return false;
        }

        world.Count("offset commits");
        world.Say(Name, $"offset commit {offset}");
        Violation.ThrowIf(!store.HasLostTail && offset > Math.Max(0, store.NextOffset), $"Offset {offset} was committed, but the positions stand at {store.NextOffset}.");
        for (long o = 0; o < offset; o++)
        {
            Violation.ThrowIf(!ledger.Raw.Contains(o), $"Offset {offset} was committed, but the history lacks record {o}.");
            Violation.ThrowIf(expectation.IsAccepted(o) && !ledger.Rows.Contains(o), $"Offset {offset} was committed, but the ledger lacks movement {o}.");
            Violation.ThrowIf(expectation.IsDeadLetter(o) && !DeadLetters.Contains(o),
                $"Offset {offset} was committed, but record {o} is in no dead letter.");
        }

        Committed = offset;
        Furthest = Math.Max(Furthest, offset);
        return true;
    }
}
