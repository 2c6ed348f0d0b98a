using Stockflow.Serve.Stock;

namespace Stockflow.Serve.Console;

/// <summary>The count sheets of <see cref="StockServices"/>, as the console shows them. A sheet that is still open shows no book.</summary>
internal sealed class StockCounts(StockServices stock, TimeProvider time) : IConsoleCounts
{
    private const int PageSize = 50;

    public IReadOnlyList<string> States => [CountSheet.PendingApproval, CountSheet.Approved, CountSheet.Rejected];

    public IReadOnlyList<string> RootCauses => CountSheet.RootCauses;

    public async Task<ConsolePage<ConsoleCountSheet>> ListAsync(string? state, string? cursor, CancellationToken token)
    {
        var page = await stock.Counts.ListAsync(state ?? CountSheet.PendingApproval, Cursors.Read(cursor), PageSize, token).ConfigureAwait(false);
        return new ConsolePage<ConsoleCountSheet>([.. page.Items.Select(item => Shown(item.Value))], Cursors.Write(page.Next));
    }

    public Task<string?> ApproveAsync(string id, string approver, string? rootCause, CancellationToken token) =>
        stock.RunForPersonAsync("count-approve", stop => stock.Counts.ApproveAsync(id, approver, rootCause ?? "UNKNOWN", Now(), stop), token);

    public Task<string?> RejectAsync(string id, string approver, string? reason, CancellationToken token) =>
        stock.RunForPersonAsync("count-reject", stop => stock.Counts.RejectAsync(id, approver, reason, Now(), stop), token);

    private ConsoleCountSheet Shown(CountSheet sheet) => new(sheet.CountId, sheet.State, sheet.Counter ?? "", sheet.CountedAt ?? sheet.CreatedAt, sheet.State == CountSheet.PendingApproval,
        [new ConsoleCountItem(sheet.SkuId, sheet.LocationId, sheet.Counted ?? 0, sheet.Expected ?? 0, sheet.VarianceValue, null, stock.AbcClass(sheet.SkuId))]);

    private long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
