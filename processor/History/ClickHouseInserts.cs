using System.Text;
using System.Text.Json;

namespace Stockflow.History;

/// <summary>Inserts of few rows, which need no columns of their own.</summary>
public static class ClickHouseInserts
{
    /// <summary>Inserts rows, values by column.</summary>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public static Task<InsertSummary> InsertRowsAsync(
        this IClickHouse clickHouse, string table, IEnumerable<IReadOnlyDictionary<string, object?>> rows, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(clickHouse);
        var lines = new StringBuilder();
        foreach (var row in rows)
        {
            lines.Append(JsonSerializer.Serialize(row)).Append('\n');
        }

        return clickHouse.InsertAsync(table, [], "JSONEachRow", [Encoding.UTF8.GetBytes(lines.ToString())], token);
    }
}
