using Stockflow.History;

namespace Stockflow.IntegrationTests.Close;

/// <summary>A ClickHouse whose client dies at one of its writes: before it, or after it when nobody hears of it.</summary>
internal sealed class BreakingClickHouse(IClickHouse inner, int writes, bool after) : IClickHouse
{
    private int left = writes;

    public string Database => inner.Database;

    public Task EnsureDatabaseAsync(CancellationToken token = default) => inner.EnsureDatabaseAsync(token);

    public async Task ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default)
    {
        if (left-- > 0)
        {
            await inner.ExecuteAsync(sql, parameters, token);
            return;
        }

        if (after)
        {
            await inner.ExecuteAsync(sql, parameters, token);
        }

        throw new BrokeOffException();
    }

    public IAsyncEnumerable<ClickHouseRow> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default) =>
        inner.QueryAsync(sql, parameters, token);

    public Task<T?> QueryScalarAsync<T>(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default) =>
        inner.QueryScalarAsync<T>(sql, parameters, token);

    public Task<InsertSummary> InsertAsync(string table, IReadOnlyList<string> columns, string format, IReadOnlyList<ReadOnlyMemory<byte>> data, CancellationToken token = default) =>
        inner.InsertAsync(table, columns, format, data, token);

    public Task<InsertSummary> InsertAsync(string table, IReadOnlyList<string> columns, string format, Func<Stream, CancellationToken, Task> write, CancellationToken token = default) =>
        inner.InsertAsync(table, columns, format, write, token);

    /// <summary>The client died.</summary>
    public sealed class BrokeOffException : Exception;
}
