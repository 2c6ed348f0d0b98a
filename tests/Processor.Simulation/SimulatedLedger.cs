using Stockflow.Model;

namespace Stockflow.Simulation;

/// <summary>ClickHouse: rows by offset, so that a row written again changes nothing. Of an insert that fails any part may be there.</summary>
internal sealed class SimulatedLedger(World world, FaultPlan plan, LaneHistory history, Expectation expectation, SimulatedStore store)
    : SimulatedServer("ledger")
{
    private readonly SortedSet<long> rows = [];
    private readonly SortedSet<long> raw = [];

    public IReadOnlySet<long> Rows => rows;

    public IReadOnlySet<long> Raw => raw;

    /// <exception cref="NoAnswerException">Some of the rows may have arrived.</exception>
    public bool Insert(IReadOnlyList<long> offsets, bool isLedger)
    {
        var breaksOff = world.Chance(plan.PartialInsert);
        foreach (var offset in offsets)
        {
            if (breaksOff && world.Random.Next(2) == 0)
            {
                continue;
            }

            if (!isLedger)
            {
                raw.Add(offset);
                continue;
            }

            Violation.ThrowIf(!expectation.IsAccepted(offset), $"The ledger got offset {offset}, which was not accepted.");
            Violation.ThrowIf(offset >= store.NextOffset && !store.HasLostTail, $"The ledger got offset {offset}, but the positions stand at {store.NextOffset}.");
            rows.Add(offset);
        }

        world.Count(breaksOff ? "inserts broken off" : "inserts");
        return breaksOff ? throw new NoAnswerException("The insert broke off.") : true;
    }

    public IReadOnlyList<LedgerOnHand> OnHand(IReadOnlyList<LedgerQuestion> questions)
    {
        Violation.ThrowIf(questions.DistinctBy(q => q.Key).Count() != questions.Count, "A position is asked for twice in one call.");
        return [.. questions.Select(q => history.OnHand(
            LaneHistory.Number(q.Key.SkuId), LaneHistory.Number(q.Key.LocationId), rows.Where(offset => offset < q.BeforeOffset)))];
    }
}
