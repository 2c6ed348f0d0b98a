using System.Runtime.CompilerServices;
using Stockflow.Model;

namespace Stockflow.History;

/// <summary>Finds event_ids that stand at two offsets of the ledger: the second came when the first had left the duplicate horizon.</summary>
public sealed class LedgerDuplicates(IClickHouse clickHouse)
{
    private const string RepeatedSql = """
        SELECT partition, offset, event_id, toUnixTimestamp64Milli(event_ts), sku_id, location_id, movement_type, qty_delta, counted_qty,
            source_system, reference_id, toString(unit_price), toString(unit_cost), currency, promo_id, counterpart_location_id
        FROM ledger_current
        WHERE topic = {topic:String} AND recorded_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND event_id IN
        (
            SELECT event_id FROM ledger_current
            WHERE topic = {topic:String} AND recorded_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
            GROUP BY event_id HAVING count() > 1
        )
        ORDER BY event_id, partition, offset
        SETTINGS max_bytes_before_external_group_by = 1000000000, max_bytes_before_external_sort = 1000000000
        """;

    /// <summary>Every repeated record among those recorded from <paramref name="sinceTs"/> on, milliseconds since 1970-01-01 UTC; by event_id and place.</summary>
    /// <exception cref="ClickHouseException">ClickHouse does not answer.</exception>
    public async IAsyncEnumerable<RepeatedEvent> FindAsync(string topic, long sinceTs, [EnumeratorCancellation] CancellationToken token)
    {
        var facts = new List<LedgerFact>();
        await foreach (var row in clickHouse.QueryAsync(RepeatedSql, new Dictionary<string, object?> { ["topic"] = topic, ["since"] = sinceTs }, token))
        {
            var fact = Read(row);
            if (facts.Count > 0 && facts[0].EventId != fact.EventId)
            {
                facts.Clear();
            }

            if (facts.Count > 0)
            {
                yield return new RepeatedEvent(facts.Find(fact.IsSameFact) ?? facts[0], fact);
            }

            facts.Add(fact);
        }
    }

    /// <summary>Those of some events that the ledger has, of given SKUs.</summary>
    public async Task<HashSet<string>> ExistingAsync(string topic, IReadOnlyCollection<string> skus, IReadOnlyCollection<string> eventIds, CancellationToken token)
    {
        const string Sql = "SELECT DISTINCT event_id FROM ledger WHERE topic = {topic:String} AND sku_id IN {skus:Array(String)} AND event_id IN {ids:Array(String)}";
        var found = new HashSet<string>(StringComparer.Ordinal);
        var parameters = new Dictionary<string, object?> { ["topic"] = topic, ["skus"] = skus.ToArray(), ["ids"] = eventIds.ToArray() };
        await foreach (var row in clickHouse.QueryAsync(Sql, parameters, token))
        {
            found.Add(row.Get<string>(0)!);
        }

        return found;
    }

    private static LedgerFact Read(ClickHouseRow row) => new()
    {
        Partition = row.Get<int>(0),
        Offset = row.Get<long>(1),
        EventId = row.Get<string>(2)!,
        EventTs = row.Get<long>(3),
        SkuId = row.Get<string>(4)!,
        LocationId = row.Get<string>(5)!,
        Type = MovementTypes.TryParse(row.Get<string>(6)!, out var type) ? type : MovementType.Unknown,
        QtyDelta = row.Get<long>(7),
        CountedQty = row.Get<long?>(8),
        SourceSystem = row.Get<string>(9)!,
        ReferenceId = row.Get<string>(10)!,
        UnitPrice = row.Get<decimal?>(11),
        UnitCost = row.Get<decimal?>(12),
        Currency = row.Get<string>(13)!,
        PromoId = row.Get<string>(14)!,
        CounterpartId = row.Get<string>(15)!,
    };
}
