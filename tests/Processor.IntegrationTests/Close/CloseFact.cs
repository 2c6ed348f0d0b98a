using System.Globalization;
using System.Text;
using System.Text.Json;
using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.IntegrationTests.Close;

/// <summary>One made-up event of a ledger.</summary>
internal sealed record CloseFact(MovementType Type, long Ts, long Qty, string EventId)
{
    public string Sku { get; init; } = "SKU";

    public string Location { get; init; } = "L1";

    public string Counterpart { get; init; } = "";

    public long? Counted { get; init; }

    public string Reference { get; init; } = "R";

    public decimal? Price { get; init; }

    public decimal Discount { get; init; }

    public string Promo { get; init; } = "";

    public string Corrects { get; init; } = "";

    public bool Stocked { get; init; } = true;

    /// <summary>Writes facts at offsets from <paramref name="offset"/> on, as the history does.</summary>
    public static async Task InsertAsync(IClickHouse clickHouse, IEnumerable<CloseFact> facts, long offset, long recordedTs)
    {
        var lines = new StringBuilder();
        foreach (var fact in facts)
        {
            lines.AppendLine(JsonSerializer.Serialize(new Dictionary<string, object?>
            {
                ["topic"] = "t",
                ["partition"] = 0,
                ["offset"] = offset++,
                ["event_id"] = fact.EventId,
                ["event_ts"] = Time(fact.Ts),
                ["ingest_ts"] = Time(fact.Ts),
                ["broker_ts"] = Time(fact.Ts),
                ["recorded_at"] = Time(recordedTs),
                ["sku_id"] = fact.Sku,
                ["location_id"] = fact.Location,
                ["movement_type"] = fact.Type.Name(),
                ["qty_delta"] = fact.Qty,
                ["counted_qty"] = fact.Counted,
                ["stocked"] = fact.Stocked ? 1 : 0,
                ["source_system"] = "POS",
                ["reference_id"] = fact.Reference,
                ["unit_price"] = fact.Price?.ToString(CultureInfo.InvariantCulture),
                ["promo_id"] = fact.Promo,
                ["counterpart_location_id"] = fact.Counterpart,
                ["corrects_event_id"] = fact.Corrects,
                ["attributes"] = fact.Discount == 0 ? [] : new Dictionary<string, string> { ["discount"] = fact.Discount.ToString(CultureInfo.InvariantCulture) },
            }));
        }

        if (lines.Length > 0)
        {
            await clickHouse.InsertAsync("ledger", [], "JSONEachRow", [Encoding.UTF8.GetBytes(lines.ToString())]);
        }
    }

    private static string Time(long milliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
}
