using Stockflow.Model;

namespace Stockflow.History;

/// <summary>On-hand of one position, computed from the ledger.</summary>
public sealed class LedgerReader(IClickHouse clickHouse) : ILedgerReader
{
    // Last count by event time, of two at one instant the larger; then the deltas after it. Types: PositionRules.ChangesOnHand.
    private const string OnHandSql = """
        SELECT sku_id, location_id, last.1 AS last_ts, last.2 AS last_qty,
            last.2 + arraySum(arrayMap(m -> if(m.1 > last.1, m.2, 0), moved)) AS on_hand
        FROM
        (
            SELECT sku_id, location_id,
                maxIf((toUnixTimestamp64Milli(event_ts), ifNull(counted_qty, 0)), movement_type = 'CYCLE_COUNT') AS last,
                groupArrayIf((toUnixTimestamp64Milli(event_ts), qty_delta), movement_type IN
                    ('SALE', 'RETURN', 'RECEIPT', 'TRANSFER_OUT', 'TRANSFER_IN', 'ADJUSTMENT', 'RTV', 'SHIP', 'CORRECTION')) AS moved
            FROM ledger_current
            WHERE (sku_id, location_id) IN (SELECT arrayJoin(arrayZip({skus:Array(String)}, {locations:Array(String)})))
              AND topic = {topic:String} AND partition = {partition:Int32} AND stocked = 1
              AND offset < {before:Array(Int64)}[indexOf(arrayZip({skus:Array(String)}, {locations:Array(String)}), (sku_id, location_id))]
            GROUP BY sku_id, location_id
        )
        """;

    public async Task<IReadOnlyList<LedgerOnHand>> OnHandAsync(
        string topic, int partition, IReadOnlyList<LedgerQuestion> questions, CancellationToken token)
    {
        var parameters = new Dictionary<string, object?>
        {
            ["skus"] = questions.Select(q => q.Key.SkuId).ToArray(),
            ["locations"] = questions.Select(q => q.Key.LocationId).ToArray(),
            ["before"] = questions.Select(q => q.BeforeOffset).ToArray(),
            ["topic"] = topic,
            ["partition"] = partition,
        };
        var answers = new Dictionary<PositionKey, LedgerOnHand>();
        try
        {
            await foreach (var row in clickHouse.QueryAsync(OnHandSql, parameters, token))
            {
                answers[new PositionKey(row.Get<string>("sku_id")!, row.Get<string>("location_id")!)] =
                    new LedgerOnHand(row.Get<long>("on_hand"), row.Get<long>("last_ts"), row.Get<long>("last_qty"));
            }
        }
        catch (ClickHouseException e)
        {
            throw new StoreUnavailableException("ClickHouse: " + e.Message, e);
        }

        return [.. questions.Select(q => answers.GetValueOrDefault(q.Key))];
    }
}
