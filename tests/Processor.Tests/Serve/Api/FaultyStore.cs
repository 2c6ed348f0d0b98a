using Stockflow.Model;
using Stockflow.Serve;
using Stockflow.Tests.Serve.Stock;

namespace Stockflow.Tests.Serve.Api;

/// <summary>What a store does.</summary>
internal enum Fault
{
    None,
    Away,
    Hangs,
    Conflicts,
}

/// <summary>The store in memory, one call at a time, that fails on demand.</summary>
internal sealed class FaultyStore(MemoryStockStore store) : IStockStore
{
    private readonly SemaphoreSlim turn = new(1);

    public Fault Fault { get; set; }

    public Task CheckAsync(CancellationToken token) => store.CheckAsync(token);

    public Task<StockOutcome> ExecuteAsync(StockTransaction transaction, CancellationToken token) => Fault == Fault.Conflicts
        ? Task.FromResult(new StockOutcome(StockVerdict.Conflict, store.NowTs, "async"))
        : CallAsync(() => store.ExecuteAsync(transaction, token), token);

    public Task<(long NowTs, AtpAnswer[] Answers)> ReadAsync(IReadOnlyList<PositionKey> keys, bool dated, CancellationToken token) => CallAsync(() => store.ReadAsync(keys, dated, token), token);

    public Task<StockDocument?> FindAsync(string kind, string id, CancellationToken token) => CallAsync(() => store.FindAsync(kind, id, token), token);

    public Task<IReadOnlyList<StockDocument>> ListAsync(string kind, string list, string? after, int limit, CancellationToken token) => CallAsync(() => store.ListAsync(kind, list, after, limit, token), token);

    public Task<StoredAnswer?> FindAnswerAsync(string key, CancellationToken token) => CallAsync(() => store.FindAnswerAsync(key, token), token);

    public Task<IReadOnlyList<(string Kind, string Id)>> DueAsync(int limit, CancellationToken token) => store.DueAsync(limit, token);

    public Task<IReadOnlyList<int>> OutboxesAsync(CancellationToken token) => store.OutboxesAsync(token);

    public Task<IReadOnlyList<OutboxEntry>> OutboxAsync(int partition, int limit, CancellationToken token) => store.OutboxAsync(partition, limit, token);

    public Task ForwardedAsync(int partition, IReadOnlyList<OutboxEntry> entries, CancellationToken token) => store.ForwardedAsync(partition, entries, token);

    public ValueTask DisposeAsync()
    {
        turn.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<T> CallAsync<T>(Func<Task<T>> call, CancellationToken token)
    {
        await FailAsync(Fault, token);
        await turn.WaitAsync(token);
        try
        {
            return await call();
        }
        finally
        {
            turn.Release();
        }
    }

    public static Task FailAsync(Fault fault, CancellationToken token) => fault switch
    {
        Fault.Away => Task.FromException(new StoreUnavailableException("away")),
        Fault.Hangs => Task.Delay(Timeout.Infinite, token),
        _ => Task.CompletedTask,
    };
}

/// <summary>A history that fails on demand.</summary>
internal sealed class FaultyHistory(FakeHistory history) : IHistoryReader
{
    public Fault Fault { get; set; }

    public async Task<StockPosition?> PositionAsync(string skuId, string locationId, AsOf asOf, CancellationToken token)
    {
        await FaultyStore.FailAsync(Fault, token);
        return await history.PositionAsync(skuId, locationId, asOf, token);
    }

    public async Task<PositionExplanation?> ExplainAsync(string skuId, string locationId, AsOf asOf, CancellationToken token)
    {
        await FaultyStore.FailAsync(Fault, token);
        return await history.ExplainAsync(skuId, locationId, asOf, token);
    }

    public async Task<LedgerPage> PageAsync(LedgerPageQuestion question, CancellationToken token)
    {
        await FaultyStore.FailAsync(Fault, token);
        return await history.PageAsync(question, token);
    }

    public async Task<EventLineage?> LineageAsync(string eventId, CancellationToken token)
    {
        await FaultyStore.FailAsync(Fault, token);
        return await history.LineageAsync(eventId, token);
    }

    public async Task<IReadOnlyList<QualityResult>> QualityAsync(CancellationToken token)
    {
        await FaultyStore.FailAsync(Fault, token);
        return await history.QualityAsync(token);
    }
}

/// <summary>Dead letters that fail on demand.</summary>
internal sealed class FaultyLetters(FakeDeadLetters letters) : IDeadLetters
{
    public Fault Fault { get; set; }

    public async Task<DeadLetterPage> ListAsync(IReadOnlyDictionary<int, long>? before, int limit, CancellationToken token)
    {
        await FaultyStore.FailAsync(Fault, token);
        return await letters.ListAsync(before, limit, token);
    }

    public async Task<DeadLetterDetail?> FindAsync(int partition, long offset, CancellationToken token)
    {
        await FaultyStore.FailAsync(Fault, token);
        return await letters.FindAsync(partition, offset, token);
    }

    public async Task<ReplayAnswer> ReplayAsync(int partition, long offset, string key, string performedBy, CancellationToken token)
    {
        await FaultyStore.FailAsync(Fault, token);
        return await letters.ReplayAsync(partition, offset, key, performedBy, token);
    }
}
