namespace Stockflow.History;

/// <summary>Where the statements of <see cref="CloseSql"/> take facts, opening positions and present rows from.</summary>
internal static class CloseSources
{
    public const string Skus = "sku_id >= {first_sku:String} AND (sku_id < {end_sku:String} OR {end_sku:String} = '')";

    private const string Below = "offset < transform(partition, {partitions:Array(Int32)}, {offsets:Array(Int64)}, toInt64(-1))";

    private const string Since = "fromUnixTimestamp64Milli({since:Int64}, 'UTC')", Until = "fromUnixTimestamp64Milli({until:Int64}, 'UTC')";

    /// <summary>SKUs of the keys that table close_scope asks for.</summary>
    public const string AskedSkus = "sku_id IN (SELECT sku_id FROM close_scope WHERE part = {part:String})";

    /// <summary>
    /// Facts of asked keys, from each key's own time on; the position before is the last row of position_hourly before it. Every asked key's
    /// state is written anew. The keys stand in a table: a list in the statement would be planned for longer than it runs.
    /// </summary>
    public static string OfKeys { get; } = Effective("ledger", LedgerDiscount, AskedSkus, $"topic = {{topic:String}} AND {AskedSkus} AND event_ts >= {Since} AND event_ts < {Until} AND {Below} AND movement_type != 'CORRECTION'") + $$"""
        ,
            asked AS
            (
                SELECT sku_id, location_id AS location, from_ts - from_ts % {length:Int64} AS from_ts, cause_event, cause_lane, cause_at
                FROM close_scope FINAL
                WHERE part = {part:String} AND close_scope.from_ts - close_scope.from_ts % {length:Int64} < {until:Int64}
            ),
            openings AS
            (
                SELECT asked.sku_id AS sku_id, asked.location AS location, any(asked.from_ts) AS open_ts, 1 AS resets,
                    max(h.number > 0 AND h.number <= asked.from_ts) AS is_opening,
                    if(is_opening, argMaxIf(h.state, h.number, h.number <= asked.from_ts), {{CloseSql.Nothing}}) AS state
                FROM asked
                LEFT JOIN
                (
                    SELECT sku_id, toString(location_id) AS location, toInt64(toUnixTimestamp(hour)) * 1000 + 1 AS number,
                        argMax((facts, (on_hand, unsellable, reserved, in_transit_in, in_transit_out, toUnixTimestamp64Milli(last_count_ts), toUnixTimestamp64Milli(last_sale_ts))),
                            (revision, known)) AS latest, latest.2 AS state
                    FROM position_hourly
                    WHERE {{AskedSkus}} AND hour < {{Until}}
                    GROUP BY sku_id, location_id, hour
                    HAVING latest.1 > 0
                ) AS h ON asked.sku_id = h.sku_id AND asked.location = h.location
                GROUP BY asked.sku_id, asked.location
            )
        """;

    private const string LedgerDiscount = "ifNull(toDecimal64OrNull(attributes['discount'], 4), 0)";

    /// <summary>Facts of a range of time and SKUs below the offsets looked at. The position before is the one that the last close has left.</summary>
    public static string OfRange(ClosePeriod period, bool fromLedger)
    {
        var range = $"topic = {{topic:String}} AND {Skus} AND event_ts >= {Since} AND event_ts < {Until} AND {Below} AND "
            + (fromLedger ? "movement_type != 'CORRECTION'" : $"hour >= {Since} AND hour < {Until}");
        return Effective(fromLedger ? "ledger" : "ledger_by_time", fromLedger ? LedgerDiscount : "discount", Skus, range) + ",\n" + $$"""
            openings AS
            (
                SELECT sku_id, toString(location_id) AS location, if(through <= fromUnixTimestamp64Milli({since:Int64}, 'UTC'), closing, opening) AS state, {since:Int64} AS open_ts, through > fromUnixTimestamp64Milli({since:Int64}, 'UTC') AS resets,
                    if(resets, NOT is_new, NOT is_gone) AS is_opening
                FROM position_state FINAL
                WHERE period = '{{CloseSql.Name(period)}}' AND (is_opening OR resets) AND {{Skus}}
            )
            """;
    }

    /// <summary>Corrections of some SKUs, each with the movement that it leads to, by the rules of view corrections_resolved.</summary>
    public static string Resolved(string skus) => $$"""
            resolved AS
            (
                SELECT sku_id, fact.1 AS partition, fact.2 AS offset, fact.3 AS event_id, fact.4 AS corrects_event_id, fact.5 AS qty_delta, fact.6 AS unit_price, fact.7 AS discount,
                    arrayFold((path, i) -> if(has(links, path[-1]), arrayPushBack(path, link_targets[indexOf(links, path[-1])]), path),
                        range(if(has(links, corrects_event_id), 16, 0)), [corrects_event_id]) AS path,
                    path[-1] AS root_id, arrayPopBack(path) AS through,
                    NOT has(links, root_id) AND NOT has(dead, event_id) AND NOT arrayExists(step -> has(dead, step) OR link_voids[indexOf(links, step)] = 1, through) AS in_effect,
                    qty_delta = 0 AND empty(through) AS voids_root
                FROM
                (
                    SELECT sku_id, arrayJoin(known) AS fact, links, link_targets, link_voids, dead,
                        groupArray((partition, offset, event_id, corrects_event_id, qty_delta, unit_price, discount)) AS known,
                        arrayIntersect(groupArray(event_id), groupArray(corrects_event_id)) AS both,
                        arrayFilter(c -> has(both, c.3), known) AS linked,
                        tupleElement(linked, 3) AS links, tupleElement(linked, 4) AS link_targets, arrayMap(c -> c.5 = 0, linked) AS link_voids,
                        arrayMap(c -> (c.3, c.4), arrayFilter(c -> c.5 = 0 AND has(both, c.4), known)) AS voids,
                        if(empty(voids), emptyArrayString(), arrayFold((dead, i) -> arrayMap(v -> v.2, arrayFilter(v -> NOT has(dead, v.1), voids)), range(17), emptyArrayString())) AS dead
                    FROM
                    (
                        SELECT * FROM corrections FINAL
                        WHERE topic = {topic:String} AND {{skus}} AND {{Below}}
                        ORDER BY topic, partition, offset
                        LIMIT 1 BY sku_id, event_id
                    )
                    GROUP BY sku_id
                )
            )
        """;

    // The rules of view ledger_effective, which finds rows by a list of SKUs; here also by time.
    private static string Effective(string table, string discount, string skus, string range) => Resolved(skus) + ",\n" + $$"""
            effects AS
            (
                SELECT sku_id, root_id, max(voids_root) AS voided, sumIf(qty_delta, NOT voids_root) AS amount,
                    groupArrayIf((qty_delta, unit_price, discount), NOT voids_root) AS entries
                FROM resolved
                WHERE in_effect
                GROUP BY sku_id, root_id
            ),
            rows AS
            (
                SELECT sku_id, location_id, event_ts, topic, partition, offset, event_id, movement_type, qty_delta, counted_qty, stocked, reference_id, unit_price,
                    {{discount}} AS discount, promo_id, counterpart_location_id
                FROM {{table}} FINAL
                WHERE {{range}}
            ),
            corrected AS
            (
                SELECT r.partition AS partition, arrayJoin(arrayDistinct(arrayPushFront(groupArrayIf(r.offset, e.voided OR r.movement_type = 'CYCLE_COUNT'), min(r.offset)))) AS root_offset,
                    any(e.voided) AS voided, any(e.amount) AS amount, any(e.entries) AS entries
                FROM (SELECT sku_id, event_id, partition, offset, movement_type FROM {{table}} WHERE {{range}} AND (sku_id, event_id) IN (SELECT sku_id, root_id FROM effects)) AS r
                INNER JOIN effects AS e ON r.sku_id = e.sku_id AND r.event_id = e.root_id
                GROUP BY r.sku_id, r.event_id, r.partition
            ),
            effective AS
            (
                SELECT sku_id, location_id, event_ts, movement_type, fact.1 AS qty_delta, fact.2 AS counted_qty, stocked, reference_id, fact.3 AS unit_price, fact.4 AS discount, promo_id, counterpart_location_id
                FROM
                (
                    SELECT r.sku_id AS sku_id, r.location_id AS location_id, r.event_ts AS event_ts, r.movement_type AS movement_type, r.stocked AS stocked, r.reference_id AS reference_id,
                        r.promo_id AS promo_id, r.counterpart_location_id AS counterpart_location_id, (r.qty_delta, r.counted_qty, r.unit_price, r.discount) AS own,
                        arrayJoin(multiIf(
                            empty(e.entries) AND NOT e.voided, [own],
                            r.movement_type = 'CYCLE_COUNT', [(r.qty_delta, if(e.voided, NULL, r.counted_qty + e.amount), r.unit_price, r.discount)],
                            e.voided, [own, (-r.qty_delta, r.counted_qty, r.unit_price, -r.discount)],
                            arrayPushFront(arrayMap(a -> (a.1, r.counted_qty, ifNull(a.2, r.unit_price), a.3), e.entries), own))) AS fact
                    FROM rows AS r
                    LEFT ANY JOIN corrected AS e ON r.partition = e.partition AND r.offset = e.root_offset
                )
            )
        """;

    /// <summary>SKUs and locations that arrivals have touched before {until}, from when on, and the latest of the arrivals.</summary>
    /// <param name="ranges">Condition that picks the arrivals by partition and offset.</param>
    /// <param name="fromLedger">Looks for arrivals in the ledger itself, because ledger_arrivals forgets.</param>
    public static string Touched(string ranges, bool fromLedger)
    {
        const string Arrived = "offset >= transform(partition, {partitions:Array(Int32)}, {from:Array(Int64)}, 9223372036854775807) AND " + Below;
        var (table, correction) = fromLedger ? ("ledger", "movement_type = 'CORRECTION'") : ("ledger_arrivals", "is_correction");
        var skus = $"sku_id IN (SELECT sku_id FROM {table} WHERE topic = {{topic:String}} AND {ranges} AND (event_ts < {Until} OR {correction}))";
        return "WITH\n" + Resolved(skus) + ",\n" + $$"""
                arrived AS (SELECT * FROM resolved WHERE {{Arrived}}),
                rows AS
                (
                    SELECT sku_id, toString(location_id) AS location, toString(counterpart_location_id) AS counterpart, movement_type, event_id,
                        toUnixTimestamp64Milli(event_ts) AS ts, partition, offset
                    FROM ledger
                    WHERE topic = {topic:String} AND {{skus}} AND movement_type != 'CORRECTION' AND event_ts < {{Until}}
                        AND ((sku_id, event_id) IN (SELECT sku_id, root_id FROM arrived) OR ({{Arrived}}))
                )
            SELECT sku_id, place, intDiv(min(ts), 3600000) * 3600000, argMax(cause_id, cause_offset), argMax(lane, cause_offset), max(cause_offset)
            FROM
            (
                SELECT sku_id, location, counterpart, movement_type, ts, event_id AS cause_id, partition AS lane, offset AS cause_offset FROM rows WHERE {{Arrived}}
                UNION ALL
                SELECT r.sku_id, r.location, r.counterpart, r.movement_type, r.ts, c.event_id, c.partition, c.offset
                FROM rows AS r INNER JOIN arrived AS c ON r.sku_id = c.sku_id AND r.event_id = c.root_id
            )
            ARRAY JOIN if(movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN') AND counterpart != '', [location, counterpart], [location]) AS place
            GROUP BY sku_id, place
            ORDER BY sku_id, place
            """;
    }

    /// <summary>First SKUs of the parts that a range of time is cut into, by the rows that they read and may write.</summary>
    public static string Cuts(ClosePeriod period, string table) => $$"""
        SELECT sku_id
        FROM
        (
            SELECT sku_id, sum(weight) AS weight, sum(weight) OVER (ORDER BY sku_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running
            FROM
            (
                SELECT sku_id, toInt64(count()) + least(toInt64(uniq(location_id)) * intDiv({until:Int64} - greatest({since:Int64}, toUnixTimestamp64Milli(min(event_ts))), {length:Int64}),
                    toInt64(count()) * intDiv({window:Int64}, {length:Int64})) AS weight
                FROM {{table}}
                WHERE topic = {topic:String} AND event_ts >= {{Since}} AND event_ts < {{Until}}{{(table == "ledger" ? "" : $" AND hour >= {Since} AND hour < {Until}")}}
                GROUP BY sku_id
                UNION ALL
                SELECT sku_id, sum(if(closing.on_hand - closing.unsellable - closing.reserved <= 0, least(intDiv({until:Int64} - {since:Int64}, {length:Int64}), intDiv({window:Int64}, {length:Int64})), toInt64(1)))
                FROM position_state WHERE period = '{{CloseSql.Name(period)}}'
                GROUP BY sku_id
            )
            GROUP BY sku_id
        )
        WHERE intDiv(running, {rows:Int64}) != intDiv(running - weight, {rows:Int64})
        ORDER BY sku_id
        """;

    /// <summary>The rows as they stand, with what was posted to locked ones.</summary>
    /// <param name="period">Hours or days.</param>
    /// <param name="scope">Condition that picks SKUs.</param>
    /// <param name="restriction">Join or condition on the rows r.</param>
    public static string Existing(ClosePeriod period, string scope, string restriction)
    {
        var (table, start, bounds) = period == ClosePeriod.Hour
            ? ("demand_hourly", "hour", $"hour >= {Since} AND hour < {Until}")
            : ("demand_daily", "day", $"day >= toDate({Since}) AND day < toDate({Until})");
        const string Measures = "toInt64(facts), units_sold, units_returned, orders, gross_revenue, discount, net_revenue, unpriced_units, promo_units, "
            + "toInt64(round(stockout_minutes * 60000)), toInt64(round(observed_minutes * 60000))";
        const string None = "(toInt64(0), toInt64(0), toInt64(0), toInt64(0), toDecimal128(0, 4), toDecimal128(0, 4), toDecimal128(0, 4), toInt64(0), toInt64(0), toInt64(0), toInt64(0))";
        var places = period == ClosePeriod.Day ? "" : $$"""

                    UNION ALL
                    SELECT sku_id, toString(location_id) AS location, intDiv(toInt64(toUnixTimestamp(hour)) * 1000, {{CloseSql.Length(period)}}) AS number,
                        0, 0, 0, {{None}}, 1, toInt64(max(position_hourly.revision)), toInt64(argMax(facts, (position_hourly.revision, known))),
                        argMax((on_hand, unsellable, reserved, in_transit_in, in_transit_out, toUnixTimestamp64Milli(last_count_ts), toUnixTimestamp64Milli(last_sale_ts)),
                            (position_hourly.revision, known))
                    FROM position_hourly
                    WHERE {{scope}} AND {{bounds}}
                    GROUP BY sku_id, location_id, hour
            """;
        return $$"""
            existing AS
            (
                SELECT r.sku_id AS sku_id, r.location AS location, number, max(is_row) AS has_row, max(newest) AS old_revision, max(posted) AS postings,
                    (sum(v.1), sum(v.2), sum(v.3), sum(v.4), sum(v.5), sum(v.6), sum(v.7), sum(v.8), sum(v.9), sum(v.10), sum(v.11)) AS old,
                    max(is_place) AS has_place_row, max(newest_place) AS place_revision, sum(facts_there) AS place_facts,
                    (sum(place.1), sum(place.2), sum(place.3), sum(place.4), sum(place.5), sum(place.6), sum(place.7)) AS old_place
                FROM
                (
                    SELECT sku_id, toString(location_id) AS location, intDiv(toInt64(toUnixTimestamp(toDateTime({{start}}, 'UTC'))) * 1000, {{CloseSql.Length(period)}}) AS number,
                        1 AS is_row, toInt64(max({{table}}.revision)) AS newest, toInt64(0) AS posted, argMax(({{Measures}}), ({{table}}.revision, known)) AS v,
                        0 AS is_place, toInt64(0) AS newest_place, toInt64(0) AS facts_there, {{CloseSql.Nothing}} AS place
                    FROM {{table}}
                    WHERE {{scope}} AND {{bounds}}
                    GROUP BY sku_id, location_id, {{start}}
                    UNION ALL
                    SELECT sku_id, toString(location_id), intDiv(toInt64(toUnixTimestamp(start)) * 1000, {{CloseSql.Length(period)}}),
                        0, 0, toInt64(period_postings.number), ({{Measures}}), 0, 0, 0, {{CloseSql.Nothing}}
                    FROM period_postings FINAL
                    WHERE period = '{{CloseSql.Name(period)}}' AND {{scope}} AND start >= {{Since}} AND start < {{Until}}{{places}}
                ) AS r
                {{restriction}}
                GROUP BY r.sku_id, r.location, number
            )
            """;
    }
}
