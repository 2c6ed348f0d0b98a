using System.Text;
using System.Text.Json;

namespace Stockflow.History;

/// <summary>Tables <c>promotions</c> and <c>calendar</c>: every version of each, the same row again changes nothing.</summary>
public sealed class VersionTables(IClickHouse clickHouse)
{
    /// <summary>Inserts rows, values by column.</summary>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public async Task InsertAsync(string table, IEnumerable<IReadOnlyDictionary<string, object?>> rows, CancellationToken token)
    {
        var lines = string.Concat(rows.Select(row => JsonSerializer.Serialize(row) + "\n"));
        await clickHouse.InsertAsync(table, [], "JSONEachRow", [Encoding.UTF8.GetBytes(lines)], token);
    }
}
