namespace Stockflow.Tests.Serve.Stock;

/// <summary>The clock of the store in memory.</summary>
internal sealed class StoreTime(MemoryStockStore store) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(store.NowTs);
}
