using Stockflow.History;
using Stockflow.IntegrationTests.Close;

namespace Stockflow.IntegrationTests.Histories;

/// <summary>
/// A ClickHouse that fails at a chosen statement of a close, before it, or after it when nobody hears of it. The statement is chosen by its kind, so
/// that a close fails at the same place for a case alone, which leaves out the statements that others need.
/// </summary>
internal sealed class FaultyClickHouse(IClickHouse inner) : PassingClickHouse(inner)
{
    /// <summary>Kinds of statements of a close: restate hours, days; log them, three tables; done; begun; close hours, days; done.</summary>
    public const int Statements = 10;

    private const int RestateHours = 0, Log = 2, RestateDone = 5, Begun = 6, CloseHours = 7, CloseDone = 9;

    private (int At, bool After)? fault;
    private bool closes;

    /// <summary>Fails from now on at a kind of statement, and at all that come after it.</summary>
    public void FailAt(int statement, bool after) => (fault, closes) = ((statement, after), false);

    /// <summary>Fails no more.</summary>
    public void Mend() => fault = null;

    public override async Task ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken token = default)
    {
        if (fault is not { } at)
        {
            await base.ExecuteAsync(sql, parameters, token);
            return;
        }

        var number = Number(sql, parameters ?? new Dictionary<string, object?>());
        if (number < at.At || (number == at.At && at.After))
        {
            await base.ExecuteAsync(sql, parameters, token);
        }

        if (number >= at.At)
        {
            throw new BreakingClickHouse.BrokeOffException();
        }
    }

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
