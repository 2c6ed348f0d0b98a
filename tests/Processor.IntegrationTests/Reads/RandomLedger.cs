using System.Globalization;
using System.Text;
using System.Text.Json;
using Stockflow.History;

namespace Stockflow.IntegrationTests.Reads;

/// <summary>One row of a made-up ledger. Times in milliseconds since 1970-01-01 UTC.</summary>
internal sealed record Row(
    long Offset, string EventId, long EventTs, long RecordedTs, string Sku, string Location, string Type, long Qty, long? Counted, string Counterpart, string Corrects)
{
    public bool Stocked { get; init; } = true;

    public string Reference { get; init; } = "";

    public Task InsertAsync(IClickHouse clickHouse) => RandomLedger.InsertAsync(clickHouse, [this]);
}

/// <summary>
/// A made-up ledger with few SKUs, places and times, so that late, equal, corrected and repeated rows are common: voids, amendments, corrections of
/// corrections (also in circles), corrections of events that never come or come later, and event_ids that stand in two rows.
/// </summary>
internal sealed class RandomLedger
{
    public const long Start = 1_767_225_500_000;
    private static readonly string[] Types =
        ["SALE", "SALE", "RETURN", "RECEIPT", "TRANSFER_OUT", "TRANSFER_IN", "ADJUSTMENT", "CYCLE_COUNT", "RTV", "DAMAGE", "RESERVE", "RELEASE", "SHIP"];

    public RandomLedger(int seed, int skus, int rowsPerSku)
    {
        var random = new Random(seed);
        for (var sku = 0; sku < skus; sku++)
        {
            AddSku(random, $"S'{sku}", rowsPerSku);
        }
    }

    public List<Row> Rows { get; } = [];

    /// <summary>Event times and times of knowing lie before it.</summary>
    public long End => Rows.Max(row => Math.Max(row.EventTs, row.RecordedTs)) + 1;

    public async Task InsertAsync(IClickHouse clickHouse, Random random)
    {
        // In several inserts, and a part of them again as a retry writes them: later, with another time of knowing.
        foreach (var part in Rows.OrderBy(_ => random.Next()).Chunk((Rows.Count / 5) + 1))
        {
            await InsertAsync(clickHouse, part);
        }

        await InsertAsync(clickHouse, Rows.Where(_ => random.Next(5) == 0).Select(row => row with { RecordedTs = row.RecordedTs + random.Next(1, 500_000) }));
    }

    public static Task InsertAsync(IClickHouse clickHouse, IEnumerable<Row> rows)
    {
        var lines = new StringBuilder();
        foreach (var row in rows)
        {
            lines.AppendLine(JsonSerializer.Serialize(new Dictionary<string, object?>
            {
                ["topic"] = "t",
                ["partition"] = 0,
                ["offset"] = row.Offset,
                ["event_id"] = row.EventId,
                ["event_ts"] = Time(row.EventTs),
                ["ingest_ts"] = Time(row.EventTs),
                ["broker_ts"] = Time(row.EventTs),
                ["recorded_at"] = Time(row.RecordedTs),
                ["sku_id"] = row.Sku,
                ["location_id"] = row.Location,
                ["movement_type"] = row.Type,
                ["qty_delta"] = row.Qty,
                ["counted_qty"] = row.Counted,
                ["stocked"] = row.Stocked ? 1 : 0,
                ["source_system"] = "POS",
                ["reference_id"] = row.Reference,
                ["counterpart_location_id"] = row.Counterpart,
                ["corrects_event_id"] = row.Corrects,
            }));
        }

        return clickHouse.InsertAsync("ledger", [], "JSONEachRow", [Encoding.UTF8.GetBytes(lines.ToString())]);
    }

    private void AddSku(Random random, string sku, int count)
    {
        var ids = Enumerable.Range(0, count).Select(i => $"{sku}-{i}").ToArray();
        var isCorrection = ids.Select(_ => random.Next(4) == 0).ToArray();
        for (var i = 0; i < count; i++)
        {
            var type = isCorrection[i] ? "CORRECTION" : Types[random.Next(Types.Length)];
            var location = random.Next(3);
            var qty = random.Next(1, 9) * (random.Next(2) == 0 ? -1 : 1);
            var row = new Row(Rows.Count, ids[i], Start + random.Next(20_000), Start + random.Next(40_000), sku, $"L{location}", type,
                type == "CYCLE_COUNT" || (isCorrection[i] && random.Next(2) == 0) ? 0 : qty, type == "CYCLE_COUNT" ? random.Next(30) : null,
                type is "TRANSFER_OUT" or "TRANSFER_IN" ? $"L{(location + 1 + random.Next(2)) % 3}" : random.Next(9) == 0 ? "L1" : "",
                isCorrection[i] ? random.Next(10) == 0 ? "never" : ids[random.Next(count)] : "")
            {
                Reference = $"doc-{random.Next(4)}",
            };
            Rows.Add(row);
            if (type != "CYCLE_COUNT" && random.Next(12) == 0)
            {
                // A duplicate that was accepted beyond the horizon, known later.
                Rows.Add(row with { Offset = Rows.Count, RecordedTs = row.RecordedTs + random.Next(20_000) });
            }
        }
    }

    private static string Time(long milliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
}
