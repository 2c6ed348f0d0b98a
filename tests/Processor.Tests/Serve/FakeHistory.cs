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

    public Task<LedgerPage> PageAsync(LedgerPageQuestion question, CancellationToken token)
    {
        Question = question;
        var behind = Entries.Where(entry => question.After is not { } after || entry.Offset < after.Offset).ToList();
        return Failure is not null
            ? Task.FromException<LedgerPage>(Failure)
            : Task.FromResult(new LedgerPage(behind[..Math.Min(question.Limit, behind.Count)], behind.Count <= question.Limit));
    }
}
