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

    public IReadOnlyList<LedgerAnswer> Answer(IReadOnlyList<LedgerQuestion> questions)
    {
        Violation.ThrowIf(questions.DistinctBy(q => q.SkuId).Count() != questions.Count, "A SKU is asked for twice in one call.");
        return [.. questions.Select(Answer)];
    }

    // More positions than were asked for are no harm, fewer are: those at a location that was not named come with the corrections alone.
    private LedgerAnswer Answer(LedgerQuestion question)
    {
        var sku = LaneHistory.Number(question.SkuId);
        var known = rows.Where(offset => offset < question.BeforeOffset).ToList();
        if (question.Counts.Count > 0)
        {
            return new LedgerAnswer([], [.. question.Counts.Select(count => history.Since(sku, LaneHistory.Number(count.LocationId), count.EventTs, known))], []);
        }

        var places = question.Locations.Select(LaneHistory.Number).ToHashSet();
        foreach (var correction in known.Where(offset => offset >= question.FromOffset).Select(offset => history.Log[(int)offset]).Where(row => row.Corrects >= 0 && row.Sku == sku))
        {
            foreach (var row in known.Select(offset => history.Log[(int)offset]).Where(row => row.Sku == sku && row.Event == history.Root(sku, correction.Event, known)))
            {
                places.Add(row.Location);
                places.Add(row.Counterpart);
            }
        }

        var positions = new List<StockPosition>();
        foreach (var place in places.Where(place => place >= 0))
        {
            if (history.Position(sku, place, known) is { } position)
            {
                positions.Add(new StockPosition(question.SkuId, LaneHistory.LocationId(place), history.State(sku, place, position, known)));
            }
        }

        return new LedgerAnswer(positions, [], [.. history.Awaited(sku, known).Select(LaneHistory.EventFingerprint)]);
    }
}
