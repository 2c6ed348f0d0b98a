using Stockflow.History;

namespace Stockflow.Tests.History;

/// <summary>A ClickHouse that is given Native blocks; nothing else is asked of it.</summary>
/// <param name="insert">Takes a block's first piece.</param>
internal sealed class InsertsOnly(Func<ReadOnlyMemory<byte>, Task<InsertSummary>> insert) : IClickHouse
{
    public string Database => "d";

    public Task EnsureDatabaseAsync(CancellationToken token = default) => throw new NotSupportedException();

    public Task ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default) => throw new NotSupportedException();

    public IAsyncEnumerable<ClickHouseRow> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default) =>
        throw new NotSupportedException();

    public Task<T?> QueryScalarAsync<T>(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default) => throw new NotSupportedException();

    public Task<InsertSummary> InsertAsync(
        string table, IReadOnlyList<string> columns, string format, IReadOnlyList<ReadOnlyMemory<byte>> data, CancellationToken token = default) => insert(data[0]);

    public Task<InsertSummary> InsertAsync(
        string table, IReadOnlyList<string> columns, string format, Func<Stream, CancellationToken, Task> write, CancellationToken token = default) => throw new NotSupportedException();
}
