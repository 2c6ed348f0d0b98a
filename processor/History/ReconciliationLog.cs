using System.Globalization;

namespace Stockflow.History;

/// <summary>One row of table <c>reconciliation</c>; the columns' meaning in schemas/clickhouse/002_reconciliation.sql.</summary>
public sealed record ReconciliationRow(string Kind, int Partition, long AsOfOffset, string SkuId, string LocationId)
{
    public string EventId { get; init; } = "";

    public IReadOnlyDictionary<string, long> Found { get; init; } = new Dictionary<string, long>();

    public IReadOnlyDictionary<string, long> Expected { get; init; } = new Dictionary<string, long>();

    public IReadOnlyList<string> Compensations { get; init; } = [];
}

/// <summary>Writes down what a reconciliation does: once before, as planned, and once after.</summary>
public sealed class ReconciliationLog(IClickHouse clickHouse, string runId, string topic, TimeProvider time)
{
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public async Task WriteAsync(string action, IReadOnlyCollection<ReconciliationRow> rows, CancellationToken token)
    {
        if (rows.Count == 0)
        {
            return;
        }

        var now = time.GetUtcNow().ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
        await clickHouse.InsertRowsAsync("reconciliation", rows.Select(row => new Dictionary<string, object?>
        {
            ["run_id"] = runId,
            ["recorded_at"] = now,
            ["kind"] = row.Kind,
            ["action"] = action,
            ["topic"] = topic,
            ["partition"] = row.Partition,
            ["as_of_offset"] = row.AsOfOffset,
            ["sku_id"] = row.SkuId,
            ["location_id"] = row.LocationId,
            ["event_id"] = row.EventId,
            ["found"] = row.Found,
            ["expected"] = row.Expected,
            ["compensations"] = row.Compensations,
        }), token);
    }
}
