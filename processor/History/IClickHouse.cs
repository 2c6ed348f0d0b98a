using System.Text.Json;

namespace Stockflow.History;

/// <summary>
/// ClickHouse as the history stage needs it. <see cref="ClickHouseClient"/> implements it over HTTP because no ClickHouse
/// package for .NET is in the package source; one that is can stand behind this interface.
/// </summary>
/// <remarks>
/// Every call throws <see cref="ClickHouseException"/>; transient faults have been retried before. A call that was retried may
/// have run twice: statements are written so that this changes nothing (IF NOT EXISTS, rows with an identity).
/// Parameters stand in SQL as <c>{name:Type}</c>; values may be text, numbers, booleans, DateTime(Offset) (as UTC), null and arrays of these.
/// </remarks>
public interface IClickHouse
{
    /// <summary>Database that names without one belong to.</summary>
    string Database { get; }

    /// <summary>Creates <see cref="Database"/> when it does not exist.</summary>
    Task EnsureDatabaseAsync(CancellationToken token = default);

    /// <summary>Runs a statement that gives no rows.</summary>
    Task ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default);

    /// <summary>Runs a query; rows arrive while the server still works. An error may come after rows.</summary>
    IAsyncEnumerable<ClickHouseRow> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default);

    /// <summary>First column of the first row; default without a row or when it is NULL.</summary>
    Task<T?> QueryScalarAsync<T>(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default);

    /// <summary>Inserts encoded rows. When it returns, the server has acknowledged all of them.</summary>
    /// <param name="table">Table, with or without a database.</param>
    /// <param name="columns">Columns in the order of the data; empty for all.</param>
    /// <param name="format">Input format: Native, RowBinary, JSONEachRow, ...</param>
    /// <param name="data">The encoded rows, in pieces cut anywhere.</param>
    Task<InsertSummary> InsertAsync(string table, IReadOnlyList<string> columns, string format, IReadOnlyList<ReadOnlyMemory<byte>> data, CancellationToken token = default);

    /// <summary>Inserts rows that <paramref name="write"/> writes; it runs again on each retry and must write the same.</summary>
    Task<InsertSummary> InsertAsync(string table, IReadOnlyList<string> columns, string format, Func<Stream, CancellationToken, Task> write, CancellationToken token = default);
}

/// <summary>What an insert did, as the server counts it (rows of materialized views included); 0 where the server does not say.</summary>
public readonly record struct InsertSummary(long WrittenRows, long WrittenBytes);

/// <summary>One row of a result.</summary>
/// <param name="Columns">Names and types of the columns, the same object for each row of a result.</param>
/// <param name="Values">A JSON array with a value for each column. 64-bit integers and decimals may be numbers or text.</param>
public readonly record struct ClickHouseRow(IReadOnlyList<ClickHouseColumn> Columns, JsonElement Values)
{
    public JsonElement this[int column] => Values[column];

    public JsonElement this[string column]
    {
        get
        {
            for (var i = 0; i < Columns.Count; i++)
            {
                if (Columns[i].Name == column)
                {
                    return Values[i];
                }
            }

            throw new KeyNotFoundException($"the result has no column '{column}', only {string.Join(", ", Columns.Select(other => other.Name))}");
        }
    }

    /// <summary>The value as <typeparamref name="T"/>; default when it is NULL.</summary>
    public T? Get<T>(int column) => ClickHouseValues.Read<T>(this[column]);

    /// <summary>The value as <typeparamref name="T"/>; default when it is NULL.</summary>
    public T? Get<T>(string column) => ClickHouseValues.Read<T>(this[column]);

    /// <summary>The value of a column that is an array of strings.</summary>
    public string[] Texts(int column) => [.. this[column].EnumerateArray().Select(text => text.GetString()!)];
}

/// <summary>Name and ClickHouse type of a result's column.</summary>
public readonly record struct ClickHouseColumn(string Name, string Type);
