using Stockflow.History;
using Stockflow.IntegrationTests.Close;

namespace Stockflow.IntegrationTests.Histories;

/// <summary>
/// A ClickHouse that fails at a chosen statement of a close, before it, or after it when nobody hears of it. The statement is chosen by its kind, so
/// that a close fails at the same place for a case alone, which leaves out the statements that others need.
/// </summary>
internal sealed class FaultyClickHouse(IClickHouse inner) : IClickHouse
{
    /// <summary>Kinds of statements of a close: restate hours, days; log them, three tables; done; begun; close hours, days; done.</summary>
    public const int Statements = 10;

    private const int RestateHours = 0, Log = 2, RestateDone = 5, Begun = 6, CloseHours = 7, CloseDone = 9;

    private (int At, bool After)? fault;
    private bool closes;

    public string Database => inner.Database;

    /// <summary>Fails from now on at a kind of statement, and at all that come after it.</summary>
    public void FailAt(int statement, bool after) => (fault, closes) = ((statement, after), false);

    /// <summary>Fails no more.</summary>
    public void Mend() => fault = null;

    public Task EnsureDatabaseAsync(CancellationToken token = default) => inner.EnsureDatabaseAsync(token);

    public async Task ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default)
    {
        if (fault is not { } at)
        {
            await inner.ExecuteAsync(sql, parameters, token);
            return;
        }

        var number = Number(sql, parameters ?? new Dictionary<string, object?>());
        if (number < at.At || (number == at.At && at.After))
        {
            await inner.ExecuteAsync(sql, parameters, token);
        }

        if (number >= at.At)
        {
            throw new BreakingClickHouse.BrokeOffException();
        }
    }

    public IAsyncEnumerable<ClickHouseRow> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default) =>
        inner.QueryAsync(sql, parameters, token);

    public Task<T?> QueryScalarAsync<T>(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default) =>
        inner.QueryScalarAsync<T>(sql, parameters, token);

    public Task<InsertSummary> InsertAsync(string table, IReadOnlyList<string> columns, string format, IReadOnlyList<ReadOnlyMemory<byte>> data, CancellationToken token = default) =>
        inner.InsertAsync(table, columns, format, data, token);

    public Task<InsertSummary> InsertAsync(string table, IReadOnlyList<string> columns, string format, Func<Stream, CancellationToken, Task> write, CancellationToken token = default) =>
        inner.InsertAsync(table, columns, format, write, token);

    private int Number(string sql, IReadOnlyDictionary<string, object?> parameters)
    {
        var days = sql.Contains("'day' AS period", StringComparison.Ordinal) ? 1 : 0;
        if (parameters.TryGetValue("state", out var state))
        {
            closes |= state is "begun";
            return state is "begun" ? Begun : closes ? CloseDone : RestateDone;
        }

        if (sql.StartsWith("INSERT INTO restatements", StringComparison.Ordinal))
        {
            string[] tables = ["demand_hourly", "demand_daily", "position_hourly"];
            return Log + Array.FindIndex(tables, table => sql.Contains($"SELECT '{table}'", StringComparison.Ordinal));
        }

        if (!sql.StartsWith("INSERT INTO close_results", StringComparison.Ordinal))
        {
            throw new NotSupportedException("A close has a statement that is not numbered here: " + sql);
        }

        return parameters.ContainsKey("part") ? RestateHours + days : CloseHours + days;
    }
}
