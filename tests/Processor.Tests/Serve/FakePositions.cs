using Stockflow.Model;

namespace Stockflow.Tests.Serve;

/// <summary>Positions in memory that fail or hang on demand.</summary>
internal sealed class FakePositions : IPositionReader
{
    private readonly Dictionary<(string, string), PositionState> states = [];
    private int hanging;

    public Exception? Failure { get; set; }

    public bool Hang { get; set; }

    /// <summary>Calls that hang, or did.</summary>
    public int Hanging => Volatile.Read(ref hanging);

    public void Put(string sku, string location, PositionState state) => states[(sku, location)] = state;

    public async Task<IReadOnlyList<StockPosition>> GetAsync(string skuId, CancellationToken token)
    {
        await MisbehaveAsync(token);
        return [.. states.Where(entry => entry.Key.Item1 == skuId).Select(entry => new StockPosition(skuId, entry.Key.Item2, entry.Value))];
    }

    public async Task<StockPosition?> GetAsync(string skuId, string locationId, CancellationToken token)
    {
        await MisbehaveAsync(token);
        return states.TryGetValue((skuId, locationId), out var state) ? new StockPosition(skuId, locationId, state) : null;
    }

    public IAsyncEnumerable<StockPosition> ScanAsync(CancellationToken token) => throw new NotSupportedException();

    private Task MisbehaveAsync(CancellationToken token) =>
        Failure is not null ? Task.FromException(Failure) : Hang ? HangAsync(token) : Task.CompletedTask;

    private Task HangAsync(CancellationToken token)
    {
        Interlocked.Increment(ref hanging);
        return Task.Delay(Timeout.Infinite, token);
    }
}
