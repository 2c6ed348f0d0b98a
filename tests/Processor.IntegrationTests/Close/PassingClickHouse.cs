using Stockflow.History;

namespace Stockflow.IntegrationTests.Close;

/// <summary>A ClickHouse that hands everything on to another; what is derived from it fails at statements.</summary>
internal abstract class PassingClickHouse(IClickHouse inner) : IClickHouse
{
    public string Database => inner.Database;

    public Task EnsureDatabaseAsync(CancellationToken token = default) => inner.EnsureDatabaseAsync(token);

    public virtual Task ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default) =>
        inner.ExecuteAsync(sql, parameters, token);

    public IAsyncEnumerable<ClickHouseRow> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default) =>
        inner.QueryAsync(sql, parameters, token);

    public Task<T?> QueryScalarAsync<T>(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default) =>
        inner.QueryScalarAsync<T>(sql, parameters, token);

    public Task<InsertSummary> InsertAsync(string table, IReadOnlyList<string> columns, string format, IReadOnlyList<ReadOnlyMemory<byte>> data, CancellationToken token = default) =>
        inner.InsertAsync(table, columns, format, data, token);

    public Task<InsertSummary> InsertAsync(string table, IReadOnlyList<string> columns, string format, Func<Stream, CancellationToken, Task> write, CancellationToken token = default) =>
        inner.InsertAsync(table, columns, format, write, token);
}
