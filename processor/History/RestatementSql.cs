namespace Stockflow.History;

/// <summary>Writes the log of restatements from the revisions themselves, so that a close which broke off between both loses none.</summary>
internal static class RestatementSql
{
    private const string Demand = """
        toInt64(n.facts) - toInt64(o.facts), n.units_sold - o.units_sold, n.units_returned - o.units_returned, n.net_units - o.net_units, n.orders - o.orders,
            n.gross_revenue - o.gross_revenue, n.discount - o.discount, n.net_revenue - o.net_revenue, n.unpriced_units - o.unpriced_units, n.promo_units - o.promo_units,
            n.stockout_minutes - o.stockout_minutes, n.observed_minutes - o.observed_minutes, 0, 0, 0, 0, 0, 0
        """;

    private const string Position = """
        toInt64(n.facts) - toInt64(o.facts), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n.on_hand - o.on_hand, n.unsellable - o.unsellable, n.reserved - o.reserved,
            n.in_transit_in - o.in_transit_in, n.in_transit_out - o.in_transit_out, n.available - o.available
        """;

    /// <summary>A statement for each table with revisions, for the SKUs of a part and what is known beyond {last_known}.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        Log("demand_hourly", "hour", Demand),
        Log("demand_daily", "day", Demand),
        Log("position_hourly", "hour", Position),
    ];

    private static string Log(string table, string start, string deltas) => $$"""
        INSERT INTO restatements (restated, sku_id, location_id, start, revision, facts, units_sold, units_returned, net_units, orders, gross_revenue, discount, net_revenue,
            unpriced_units, promo_units, stockout_minutes, observed_minutes, on_hand, unsellable, reserved, in_transit_in, in_transit_out, available, recorded_at,
            cause_event_id, cause_topic, cause_partition, cause_offset, known)
        SELECT '{{table}}', n.sku_id, n.location_id, toDateTime(n.{{start}}, 'UTC'), n.revision, {{deltas}}, n.recorded_at,
            n.cause_event_id, n.cause_topic, n.cause_partition, n.cause_offset, n.known
        FROM (SELECT *, revision - 1 AS former FROM {{table}} FINAL WHERE {{CloseSources.AskedSkus}} AND known > {last_known:UInt64} AND revision > 0) AS n
        INNER JOIN (SELECT * FROM {{table}} FINAL WHERE {{CloseSources.AskedSkus}}) AS o
            ON n.sku_id = o.sku_id AND n.location_id = o.location_id AND n.{{start}} = o.{{start}} AND n.former = toInt64(o.revision)
        """;
}
