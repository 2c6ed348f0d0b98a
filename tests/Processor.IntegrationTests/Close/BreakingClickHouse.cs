using Stockflow.History;

namespace Stockflow.IntegrationTests.Close;

/// <summary>A ClickHouse whose client dies at one of its writes: before it, or after it when nobody hears of it.</summary>
internal sealed class BreakingClickHouse(IClickHouse inner, int writes, bool after) : PassingClickHouse(inner)
{
    private int left = writes;

    public override async Task ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default)
    {
        if (Interlocked.Decrement(ref left) >= 0)
        {
            await base.ExecuteAsync(sql, parameters, token);
            return;
        }

        if (after)
        {
            await base.ExecuteAsync(sql, parameters, token);
        }

        throw new BrokeOffException();
    }

    /// <summary>The client died.</summary>
    public sealed class BrokeOffException : Exception;
}
