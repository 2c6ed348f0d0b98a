using Stockflow.Model;

namespace Stockflow.Serve;

/// <summary>The history, with a bound on the questions that are asked at once; others wait their turn within their time limit.</summary>
internal sealed class HistoryTurns(IHistoryReader? history) : IHistoryReader, IDisposable
{
    private const int MaximumQuestions = 16;
    private readonly SemaphoreSlim turns = new(MaximumQuestions);

    public Task<StockPosition?> PositionAsync(string skuId, string locationId, AsOf asOf, CancellationToken token) =>
        AskAsync(reader => reader.PositionAsync(skuId, locationId, asOf, token), token);

    public Task<PositionExplanation?> ExplainAsync(string skuId, string locationId, AsOf asOf, CancellationToken token) =>
        AskAsync(reader => reader.ExplainAsync(skuId, locationId, asOf, token), token);

    public Task<LedgerPage> PageAsync(LedgerPageQuestion question, CancellationToken token) =>
        AskAsync(reader => reader.PageAsync(question, token), token);

    public Task<EventLineage?> LineageAsync(string eventId, CancellationToken token) => AskAsync(reader => reader.LineageAsync(eventId, token), token);

    public Task<IReadOnlyList<QualityResult>> QualityAsync(CancellationToken token) => AskAsync(reader => reader.QualityAsync(token), token);

    public void Dispose() => turns.Dispose();

    private async Task<T> AskAsync<T>(Func<IHistoryReader, Task<T>> ask, CancellationToken token)
    {
        var reader = history ?? throw new StoreUnavailableException("this process has no history");
        await turns.WaitAsync(token).ConfigureAwait(false);
        try
        {
            return await ask(reader).ConfigureAwait(false);
        }
        finally
        {
            turns.Release();
        }
    }
}
