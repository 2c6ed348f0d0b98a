using System.Text;
using System.Text.Json;
using Stockflow.History;
using Stockflow.Model;

namespace Stockflow.IntegrationTests.Rebuild;

/// <summary>One made-up movement of a ledger; its place in a list is its offset.</summary>
internal sealed record LedgerRow(
    MovementType Type, long EventTs, long Qty, long? Counted, string Sku, string Location, string Counterpart, bool Stocked, string Source, string EventId, string Corrects)
{
    private static readonly MovementType[] Types = [.. Enum.GetValues<MovementType>().Where(type => type != MovementType.Unknown)];

    /// <summary>Any movement that the rules accept, with few SKUs, places and times, so that late and equal ones are common.</summary>
    public static LedgerRow Random(Random random, int number, long firstTs)
    {
        var type = Types[random.Next(Types.Length)];
        var location = random.Next(3);
        long qty = random.Next(1, 9);
        var leaves = type is MovementType.Sale or MovementType.TransferOut or MovementType.Rtv or MovementType.Reserve or MovementType.Ship
            || (type is MovementType.Adjustment or MovementType.Damage or MovementType.Correction && random.Next(2) == 0);
        var sku = random.Next(4);
        return new LedgerRow(type, firstTs + random.Next(12), type == MovementType.CycleCount || (type == MovementType.Correction && random.Next(3) == 0) ? 0 : leaves ? -qty : qty,
            type == MovementType.CycleCount ? random.Next(30) : null, $"SKU {sku}", $"L'{location}",
            type is MovementType.TransferOut or MovementType.TransferIn ? $"L'{(location + 1 + random.Next(2)) % 3}" : random.Next(9) == 0 ? "L'1" : "",
            sku != 3, random.Next(2) == 0 ? "POS" : "WMS", $"event-{number}", type == MovementType.Correction ? $"event-{number + random.Next(-30, 10)}" : "");
    }

    /// <summary>What the rules make of rows, each position's in the order of event time.</summary>
    public static Dictionary<PositionKey, PositionState> Positions(IEnumerable<LedgerRow> rows)
    {
        var states = new Dictionary<PositionKey, PositionState>();
        foreach (var row in Corrected([.. rows.Where(row => row.Stocked)])
            .OrderBy(row => row.EventTs).ThenBy(row => row.Type == MovementType.CycleCount).ThenBy(row => row.Counted))
        {
            var movement = new Movement { Type = row.Type, EventTs = row.EventTs, QtyDelta = row.Qty, CountedQty = row.Counted ?? Movement.Absent };
            var own = new PositionKey(row.Sku, row.Location);
            var state = states.GetValueOrDefault(own);
            if (row is { Type: MovementType.CycleCount, Counted: null })
            {
                states[own] = state with { LastEventTs = Math.Max(state.LastEventTs, row.EventTs), Version = state.Version + 1 };
                continue;
            }

            Xunit.Assert.True(Stockflow.Position.PositionRules.Apply(ref state, movement));
            states[own] = state;
            if (row.Type is MovementType.TransferOut or MovementType.TransferIn)
            {
                var other = new PositionKey(row.Sku, row.Counterpart);
                state = states.GetValueOrDefault(other);
                Stockflow.Position.PositionRules.ApplyCounterpart(ref state, movement);
                states[other] = state;
            }
        }

        return states;
    }

    // Down from each movement to the corrections that name it, and to those that name these. A voided count has no counted units.
    private static IEnumerable<LedgerRow> Corrected(IReadOnlyCollection<LedgerRow> rows)
    {
        var children = rows.Where(row => row.Type == MovementType.Correction).ToLookup(row => (row.Sku, row.Corrects));
        return rows.Where(row => row.Type != MovementType.Correction).Select(row => row.Type == MovementType.CycleCount
            ? row with { Counted = IsVoided(row) ? null : row.Counted + More(row) }
            : row with { Qty = IsVoided(row) ? 0 : row.Qty + More(row) });

        bool IsVoided(LedgerRow row) => children[(row.Sku, row.EventId)].Any(child => child.Qty == 0 && !IsVoided(child));

        long More(LedgerRow row) => children[(row.Sku, row.EventId)].Where(child => child.Qty != 0 && !IsVoided(child)).Sum(child => child.Qty + More(child));
    }

    /// <summary>Writes rows from an offset on as the history does.</summary>
    public static async Task InsertAsync(IClickHouse clickHouse, IEnumerable<LedgerRow> rows, int partition, long firstOffset, Func<long, long> recordedTs)
    {
        var lines = new StringBuilder();
        foreach (var row in rows)
        {
            var offset = firstOffset++;
            lines.AppendLine(JsonSerializer.Serialize(new Dictionary<string, object?>
            {
                ["topic"] = "t",
                ["partition"] = partition,
                ["offset"] = offset,
                ["event_id"] = row.EventId,
                ["event_ts"] = Time(row.EventTs),
                ["ingest_ts"] = Time(row.EventTs),
                ["broker_ts"] = Time(row.EventTs),
                ["recorded_at"] = Time(recordedTs(offset)),
                ["sku_id"] = row.Sku,
                ["location_id"] = row.Location,
                ["movement_type"] = row.Type.Name(),
                ["qty_delta"] = row.Qty,
                ["counted_qty"] = row.Counted,
                ["stocked"] = row.Stocked ? 1 : 0,
                ["source_system"] = row.Source,
                ["counterpart_location_id"] = row.Counterpart,
                ["corrects_event_id"] = row.Corrects,
            }));
        }

        await clickHouse.InsertAsync("ledger", [], "JSONEachRow", [Encoding.UTF8.GetBytes(lines.ToString())]);
    }

    private static string Time(long milliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd HH:mm:ss.fff", System.Globalization.CultureInfo.InvariantCulture);
}
