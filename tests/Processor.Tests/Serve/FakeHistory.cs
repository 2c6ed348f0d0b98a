using Stockflow.Model;

namespace Stockflow.Tests.Serve;

/// <summary>A history of one position and a list of entries that fails on demand and remembers what it was asked.</summary>
internal sealed class FakeHistory : IHistoryReader
{
    public Exception? Failure { get; set; }

    public AsOf? Asked { get; private set; }

    public LedgerPageQuestion? Question { get; private set; }

    public List<LedgerEntry> Entries { get; } = [];

    public Task<StockPosition?> PositionAsync(string skuId, string locationId, AsOf asOf, CancellationToken token)
    {
        Asked = asOf;
        return Failure is not null
            ? Task.FromException<StockPosition?>(Failure)
            : Task.FromResult(skuId == "A" ? new StockPosition(skuId, locationId, new PositionState { OnHand = 7, Version = 3 }) : (StockPosition?)null);
    }

    public async Task<PositionExplanation?> ExplainAsync(string skuId, string locationId, AsOf asOf, CancellationToken token) =>
        await PositionAsync(skuId, locationId, asOf, token) is not { } position ? null : new PositionExplanation
        {
            Position = position,
            Count = new CountFact("c1", 1000, 2000, 9, "WMS", "sheet") { CorrectedBy = ["k1"] },
            Since = [new MovementSum("DAMAGE", false, 1, -1), new MovementSum("SALE", false, 2, -2), new MovementSum("TRANSFER_OUT", true, 1, -4)],
            Before = [new MovementSum("SALE", false, 5, -5)],
            Corrections = [new CorrectionFact("k1", "c1", "c1", 1, 1500, 2500, "WMS")],
            Held = [new CorrectionFact("k2", "x", "x", 0, 1500, 2500, "POS")],
            Transfers = [new OpenTransfer("asn", "B", "L", 4, 0, 1000)],
        };

    public Task<EventLineage?> LineageAsync(string eventId, CancellationToken token) => Failure is not null
        ? Task.FromException<EventLineage?>(Failure)
        : Task.FromResult(eventId.StartsWith('e') ? Lineage(eventId) : null);

    public Task<IReadOnlyList<QualityResult>> QualityAsync(CancellationToken token) => Failure is not null
        ? Task.FromException<IReadOnlyList<QualityResult>>(Failure)
        : Task.FromResult<IReadOnlyList<QualityResult>>([new QualityResult("known_sku", "reference", "warning", "text", QualityStatus.Fail, At, At.AddMinutes(-15), At, 0.5, null, 0.01, 7, ["S1"])]);

    private static readonly DateTime At = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);

    private static EventLineage Lineage(string eventId) => new()
    {
        EventId = eventId,
        Occurrences =
        [
            new EventOccurrence("t", 1, 4, At, 7, "accepted", null, null, null, new LineageBatch(At, 1, 9, 9)),
            new EventOccurrence("t", 1, 8, At, 7, "duplicate", null, null, 4, new LineageBatch(At, 1, 9, 9)),
            new EventOccurrence("t", 1, 9, At, null, "dead_letter", "quantity_sign", "why", null, new LineageBatch(At, 1, 9, 9)),
        ],
        Movements = [new LineageMovement("t/1/4", "SALE", "A", "L", null, At, At, -2, null, -1, null, "POS", "r", true, null, null, true)],
        Corrections = [new LineageCorrection("k", eventId, 1, At, "POS", true)],
        Aggregates = [new LineageAggregate("demand_hourly", "A", "L", At, true, 1, At), new LineageAggregate("demand_daily", "A", "L", At.Date, false, null, null)],
        Restatements = [new LineageRestatement("demand_hourly", "L", At, 1, At, true, eventId, -1, 0)],
        Postings = [new LineagePosting("hour", "L", At, At, At, true, eventId, 1)],
        Compensations = [new LineageCompensation("run", At, "compensated", eventId, "t/1/12", ["c1"])],
        IsCut = false,
    };

    public Task<LedgerPage> PageAsync(LedgerPageQuestion question, CancellationToken token)
    {
        Question = question;
        var behind = Entries.Where(entry => question.After is not { } after || entry.Offset < after.Offset).ToList();
        return Failure is not null
            ? Task.FromException<LedgerPage>(Failure)
            : Task.FromResult(new LedgerPage(behind[..Math.Min(question.Limit, behind.Count)], behind.Count <= question.Limit));
    }
}
