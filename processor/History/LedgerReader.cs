using Stockflow.Model;

namespace Stockflow.History;

/// <summary>On-hand of one position, computed from the ledger.</summary>
public sealed class LedgerReader(IClickHouse clickHouse) : ILedgerReader
{
    // Last count by event time, of two at one instant the larger; then the deltas after it. Types: PositionRules.ChangesOnHand.
    private const string OnHandSql = """
        WITH rows AS (
            SELECT event_ts, movement_type, qty_delta, counted_qty
            FROM ledger_current
            WHERE sku_id = {sku:String} AND location_id = {location:String}
              AND topic = {topic:String} AND partition = {partition:Int32} AND offset < {before:Int64} AND stocked = 1
        ), count AS (
            SELECT max((toUnixTimestamp64Milli(event_ts), assumeNotNull(counted_qty))) AS last
            FROM rows WHERE movement_type = 'CYCLE_COUNT'
        )
        SELECT (SELECT last.1 FROM count), (SELECT last.2 FROM count),
            (SELECT last.2 FROM count) + sumIf(qty_delta, toUnixTimestamp64Milli(event_ts) > (SELECT last.1 FROM count)
                AND movement_type IN ('SALE', 'RETURN', 'RECEIPT', 'TRANSFER_OUT', 'TRANSFER_IN', 'ADJUSTMENT', 'RTV', 'SHIP', 'CORRECTION'))
        FROM rows
        """;

    public async Task<LedgerOnHand> OnHandAsync(string topic, int partition, PositionKey key, long beforeOffset, CancellationToken token)
    {
        var parameters = new Dictionary<string, object?>
        {
            ["sku"] = key.SkuId,
            ["location"] = key.LocationId,
            ["topic"] = topic,
            ["partition"] = partition,
            ["before"] = beforeOffset,
        };
        try
        {
            await foreach (var row in clickHouse.QueryAsync(OnHandSql, parameters, token))
            {
                return new LedgerOnHand(row.Get<long>(2), row.Get<long>(0), row.Get<long>(1));
            }
        }
        catch (ClickHouseException e)
        {
            throw new StoreUnavailableException("ClickHouse: " + e.Message, e);
        }

        return default;
    }
}
