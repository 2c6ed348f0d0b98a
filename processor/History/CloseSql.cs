namespace Stockflow.History;

/// <summary>Length of what a close computes rows for.</summary>
public enum ClosePeriod
{
    /// <summary>demand_hourly and position_hourly.</summary>
    Hour,

    /// <summary>demand_daily.</summary>
    Day,
}

/// <summary>
/// The statements that compute hours and days from effective facts, the same for a close and for a restatement. Facts are read once; per SKU
/// and location the course of the position is laid out in arrays, so that the time without stock is exact. Formulas and units of the measures
/// stand in schemas/clickhouse/004_gold.sql.
/// </summary>
internal static class CloseSql
{
    /// <summary>A position: on_hand, unsellable, reserved, in transit in and out, time of the last count and of the last sale.</summary>
    public const string Nothing = "(toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0))";

    /// <summary>facts, sold, returned, orders, gross, discount, net, unpriced, promo.</summary>
    private const string Zeros = "toInt64(0), toInt64(0), toInt64(0), toInt64(0), toDecimal128(0, 4), toDecimal128(0, 4), toDecimal128(0, 4), toInt64(0), toInt64(0)";

    /// <summary>The same, with milliseconds out of stock and observed: a row that is not there.</summary>
    private const string Unseen = "(" + Zeros + ", toInt64(0), toInt64(0))";

    /// <summary>Number of the row that carries a key's state instead of a period's measures, and a time after all others.</summary>
    private const string StateNumber = "toInt64(-1000000000)", Never = "toInt64(9000000000000000)";

    private const string Insert = """
        INSERT INTO close_results (target, period, sku_id, location_id, start, revision, facts, units_sold, units_returned, net_units, orders, gross_revenue, discount, net_revenue,
            unpriced_units, promo_units, stockout_minutes, observed_minutes, posting_hour, position_revision, position_facts, has_state, since, is_new, is_gone, opening, closing, through,
            cause_event_id, cause_topic, cause_partition, cause_offset, known)
        WITH

        """;

    /// <summary>Milliseconds of a period, as SQL.</summary>
    public static string Length(ClosePeriod period) => period == ClosePeriod.Hour ? "toInt64(3600000)" : "toInt64(86400000)";

    /// <summary>A period's name in the tables.</summary>
    public static string Name(ClosePeriod period) => period == ClosePeriod.Hour ? "hour" : "day";

    /// <summary>Closes [since, until) of a range of SKUs: all keys with facts in it, and those that were out of stock before.</summary>
    /// <param name="period">Hours or days.</param>
    /// <param name="fromLedger">Reads the ledger itself, because ledger_by_time forgets.</param>
    /// <param name="again">A close of this range has broken off: rows that it left are replaced or taken back.</param>
    public static string Close(ClosePeriod period, bool fromLedger, bool again)
    {
        var parts = new Parts(period)
        {
            Old = again
                ? "has_row, has_place_row, 0 AS locked, toUInt8(NOT is_state AND (visible OR has_row)) AS writes, toUInt8(NOT is_state AND (has_place OR has_place_row)) AS writes_place"
                : "0 AS locked, toUInt8(NOT is_state AND visible) AS writes, toUInt8(NOT is_state AND has_place) AS writes_place",
            Join = again ? "FULL JOIN existing USING (sku_id, location, number)" : "",
            Revision = "0",
            PlaceRevision = "0",
            OldMeasures = Unseen,
            Cause = "'' AS cause_event_id, '' AS cause_topic, -1 AS cause_partition, -1 AS cause_offset",
        };
        var existing = again ? CloseSources.Existing(period, CloseSources.Skus, "") + ",\n" : "";
        return Insert + CloseSources.OfRange(period, fromLedger) + ",\n" + existing + Compute(parts);
    }

    /// <summary>Computes asked keys again, each from its own time until what is closed so far, and writes what differs as the next revision.</summary>
    public static string Restate(ClosePeriod period)
    {
        var parts = new Parts(period)
        {
            Asked = "INNER JOIN asked ON legs.sku_id = asked.sku_id AND legs.location = asked.location WHERE ts >= asked.from_ts",
            Old = $$"""
                has_row, old_revision, postings, has_place_row, place_revision, if(has_row OR postings > 0, old, {{Unseen}}) AS old_values, start + {{Length(period)}} <= {locked:Int64} AS locked,
                        toUInt8(NOT is_state AND measures != old_values) AS writes,
                        toUInt8(NOT is_state AND (after != if(has_place_row, old_place, {{Nothing}}) OR if(has_place, f, 0) != place_facts)) AS writes_place
                """,
            Join = "FULL JOIN existing USING (sku_id, location, number)",
            Revision = "if(locked, postings + 1, if(has_row, old_revision + 1, 0))",
            PlaceRevision = "if(has_place_row, place_revision + 1, 0)",
            OldMeasures = "old_values",
            Cause = "a.cause_event AS cause_event_id, {topic:String} AS cause_topic, a.cause_lane AS cause_partition, a.cause_at AS cause_offset",
            CauseJoin = "LEFT JOIN asked AS a ON c.sku_id = a.sku_id AND c.location = a.location",
        };
        var existing = CloseSources.Existing(period, CloseSources.AskedSkus,
            $"INNER JOIN asked ON r.sku_id = asked.sku_id AND r.location = asked.location WHERE number * {Length(period)} >= asked.from_ts");
        return Insert + CloseSources.OfKeys + ",\n" + existing + ",\n" + Compute(parts);
    }

    // The tables behind close_results are written side by side, and rows that replace others are left to merges and to readers: that halves the time.
    // course: time, whether it sets on-hand (a count), on-hand or what it changes by, unsellable, reserved, in transit in and out, time of a count
    // and of a sale, whether stocked; sorted so that a count takes in what happened at its very instant, and of two counts the larger stands.
    // parts: a row for each period with facts, the last of which also tells the state at the end (where there is none, a row of its own does if
    // the state must be written); one for each piece of time without stock, cut at the periods, of
    // those periods that have facts at either end or lie near enough after a sale.
    private static string Compute(Parts parts) => $$"""
        legs AS
        (
            SELECT sku_id, leg.1 AS location, leg.2 = 1 AS own, toUnixTimestamp64Milli(event_ts) AS ts, movement_type, qty_delta AS qty, ifNull(counted_qty, 0) AS counted,
                stocked, reference_id, toDecimal128(ifNull(unit_price, 0), 4) AS price, isNull(unit_price) AS unpriced, discount AS line_discount, promo_id,
                own AND movement_type IN ('SALE', 'SHIP') AS is_sale, stocked AND own AND movement_type = 'CYCLE_COUNT' AND isNotNull(counted_qty) AS is_count
            FROM effective
            ARRAY JOIN if(movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN') AND counterpart_location_id != '',
                [(toString(location_id), 1), (toString(counterpart_location_id), 0)], [(toString(location_id), 1)]) AS leg
        ),
        periods AS
        (
            SELECT sku_id, location, intDiv(ts, {{parts.Length}}) AS number, toInt64(count()) AS facts,
                -sumIf(qty, is_sale) AS units_sold, sumIf(qty, own AND movement_type = 'RETURN') AS units_returned,
                groupArrayIf(reference_id, is_sale) AS sale_references, groupArrayIf(-qty, is_sale) AS sale_units,
                toInt64(if(arrayExists(u -> u <= 0, sale_units),
                    arrayCount(units -> units > 0, arrayReduce('sumMap', arrayMap(r -> [r], sale_references), arrayMap(u -> [u], sale_units)).2),
                    length(arrayDistinct(sale_references)))) AS orders,
                sumIf(toDecimal128(line_discount, 4), is_sale) AS discount, sumIf(-qty * price, is_sale) + discount AS gross_revenue,
                gross_revenue - discount - sumIf(qty * price, own AND movement_type = 'RETURN') AS net_revenue,
                -sumIf(qty, is_sale AND unpriced) AS unpriced_units, -sumIf(qty, is_sale AND promo_id != '') AS promo_units,
                groupArray((ts, toUInt8(is_count),
                    multiIf(NOT stocked OR NOT own, 0, is_count, counted,
                        movement_type IN ('SALE', 'RETURN', 'RECEIPT', 'TRANSFER_OUT', 'TRANSFER_IN', 'ADJUSTMENT', 'RTV', 'SHIP'), qty, 0),
                    if(stocked AND own AND movement_type = 'DAMAGE', -qty, 0),
                    multiIf(NOT stocked OR NOT own, 0, movement_type = 'SHIP', qty, movement_type IN ('RESERVE', 'RELEASE'), -qty, 0),
                    if(stocked AND movement_type = if(own, 'TRANSFER_IN', 'TRANSFER_OUT'), -qty, 0),
                    if(stocked AND movement_type = if(own, 'TRANSFER_OUT', 'TRANSFER_IN'), -qty, 0),
                    if(is_count, ts, 0), if(stocked AND is_sale, ts, 0), stocked)) AS course
            FROM legs
            {{parts.Asked}}
            GROUP BY sku_id, location, number
        ),
        keys AS
        (
            SELECT sku_id, location, max(opened) AS has_opening, anyIf(state, opened) AS opening, maxIf(open_ts, opened) AS opening_ts, max(starts_over) AS writes_state,
                arraySort(d -> d.1, groupArrayIf((number, facts, units_sold, units_returned, orders, gross_revenue, discount, net_revenue, unpriced_units, promo_units), facts > 0)) AS demand,
                arraySort(groupArrayArray(course)) AS happened
            FROM
            (
                SELECT sku_id, location, number, facts, units_sold, units_returned, orders, gross_revenue, discount, net_revenue, unpriced_units, promo_units, course,
                    0 AS opened, {{Nothing}} AS state, toInt64(0) AS open_ts, 0 AS starts_over
                FROM periods
                UNION ALL
                SELECT sku_id, location, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, [], is_opening, state, open_ts, resets
                FROM openings
            )
            GROUP BY sku_id, location
            HAVING notEmpty(demand) OR writes_state OR opening.1 - opening.2 - opening.3 <= 0
        ),
        courses AS
        (
            SELECT sku_id, location, demand, has_opening, opening, writes_state,
                if(has_opening, arrayPushFront(happened, (opening_ts, 1, opening.1, opening.2, opening.3, opening.4, opening.5, opening.6, opening.7, 1)), happened) AS steps,
                steps.1 AS ts, steps.2 AS resets, if(empty(ts), [], arrayPushBack(arrayPopFront(ts), {until:Int64})) AS ends,
                arrayCumSum(arrayMap((reset, value) -> if(reset, 0, value), resets, steps.3)) AS moved,
                arrayMap((base, change) -> base + change,
                    arrayFill((base, reset) -> reset, arrayMap((reset, value, change) -> if(reset, value - change, 0), resets, steps.3, moved), resets), moved) AS on_hand,
                arrayCumSum(steps.4) AS unsellable, arrayCumSum(steps.5) AS reserved, arrayCumSum(steps.6) AS transit_in, arrayCumSum(steps.7) AS transit_out,
                arrayFill((x, reset) -> reset, steps.8, resets) AS last_counts, arrayFill(x -> x > 0, steps.9) AS last_sales, arrayCumSum(steps.10) AS stocked,
                if(has_opening, 0, arrayFirst((t, s) -> s > 0, ts, stocked)) AS first_ts,
                arrayZip(on_hand, unsellable, reserved, transit_in, transit_out, last_counts, last_sales) AS states
            FROM keys
        ),
        parts AS
        (
            SELECT sku_id, location, if(stocked[-1] > 0, first_ts, {{Never}}) AS first_ts, has_opening, opening,
                arrayFilter((i, t, e) -> (i > 1 OR NOT has_opening) AND (i = length(ts) OR intDiv(t, {{parts.Length}}) != intDiv(e, {{parts.Length}})), arrayEnumerate(ts), ts, ends) AS lasts,
                arrayJoin(arrayConcat(
                    arrayMap((d, i) -> (d.1, toInt64(0), toInt64(0), d.2, d.3, d.4, d.5, d.6, d.7, d.8, d.9, d.10, toUInt8(stocked[i] > 0), states[i], toUInt8(stocked[i] > 0 AND i = length(ts))), demand, lasts),
                    if(writes_state AND (empty(demand) OR stocked[-1] = 0), [({{StateNumber}}, toInt64(0), toInt64(0), {{Zeros}}, toUInt8(stocked[-1] > 0), states[-1], toUInt8(1))], []),
                    arrayFlatten(arrayMap((t, e, state, s) -> if(state.1 - state.2 - state.3 <= 0 AND e > t AND s > 0,
                        arrayMap(n -> (n, least(e, (n + 1) * {{parts.Length}}) - greatest(t, n * {{parts.Length}}), state.7, {{Zeros}}, toUInt8(0), {{Nothing}}, toUInt8(0)),
                            arrayDistinct(arrayConcat([intDiv(t, {{parts.Length}}), intDiv(e - 1, {{parts.Length}})],
                                range(intDiv(t, {{parts.Length}}), least(intDiv(e - 1, {{parts.Length}}), intDiv(state.7 + {window:Int64}, {{parts.Length}})) + 1)))), []),
                        ts, ends, states, stocked)))) AS part
            FROM courses
        ),
        merged AS
        (
            SELECT sku_id, location, part.1 AS number, toUInt8(1) AS computed, min(first_ts) AS first, max(has_opening) AS opened,
                sum(part.2) AS out_ms, max(part.3) AS last_sale, sum(part.4) AS f, sum(part.5) AS sold, sum(part.6) AS returned, sum(part.7) AS o, sum(part.8) AS gross,
                sum(part.9) AS off, sum(part.10) AS net, sum(part.11) AS unpriced, sum(part.12) AS promo, max(part.13) AS has_place, max(part.15) AS is_last,
                (sum(part.14.1), sum(part.14.2), sum(part.14.3), sum(part.14.4), sum(part.14.5), sum(part.14.6), sum(part.14.7)) AS place,
                (max(opening.1), max(opening.2), max(opening.3), max(opening.4), max(opening.5), max(opening.6), max(opening.7)) AS before
            FROM parts
            GROUP BY sku_id, location, number
        ),
        compared AS
        (
            SELECT sku_id, location, number, number * {{parts.Length}} AS start, number = {{StateNumber}} AS is_state, is_last, opened, before, place AS after, has_place,
                f > 0 OR (out_ms > 0 AND last_sale + {window:Int64} >= start) AS visible,
                if(visible, (f, sold, returned, o, gross, off, net, unpriced, promo, out_ms, greatest(toInt64(0), least({{parts.Length}}, start + {{parts.Length}} - first))), {{Unseen}}) AS measures,
                {{parts.Old}}
            FROM merged
            {{parts.Join}}
        )
        SELECT multiIf(is_state, 'state', NOT writes, 'none', locked, 'posting', 'demand') AS target, '{{parts.Period}}' AS period, c.sku_id AS sku_id, c.location AS location_id,
            fromUnixTimestamp64Milli(if(is_state, 0, start), 'UTC') AS start_at, toUInt32({{parts.Revision}}) AS new_revision,
            measures.1 - taken.1 AS facts, measures.2 - taken.2 AS units_sold, measures.3 - taken.3 AS units_returned, units_sold - units_returned AS net_units,
            measures.4 - taken.4 AS orders, measures.5 - taken.5 AS gross_revenue, measures.6 - taken.6 AS discount, measures.7 - taken.7 AS net_revenue,
            measures.8 - taken.8 AS unpriced_units, measures.9 - taken.9 AS promo_units, (measures.10 - taken.10) / 60000 AS stockout_minutes, (measures.11 - taken.11) / 60000 AS observed_minutes,
            fromUnixTimestamp64Milli({locked:Int64}, 'UTC') AS posting_hour, if(writes_place, {{parts.PlaceRevision}}, -1) AS position_revision, toUInt32(if(has_place, measures.1, 0)) AS position_facts,
            is_last AS has_state, fromUnixTimestamp64Milli({since:Int64}, 'UTC') AS since_at, toUInt8(NOT opened) AS is_new, toUInt8(is_state AND NOT has_place) AS is_gone, before AS opening, after AS closing, fromUnixTimestamp64Milli({until:Int64}, 'UTC') AS through,
            {{parts.Cause}}, {known:UInt64} AS known
        FROM (SELECT *, if(locked, {{parts.OldMeasures}}, {{Unseen}}) AS taken FROM compared WHERE is_last OR writes OR writes_place) AS c
        {{parts.CauseJoin}}
        SETTINGS do_not_merge_across_partitions_select_final = 1, parallel_view_processing = 1, optimize_on_insert = 0
        """;

    private sealed record Parts(ClosePeriod Of)
    {
        public string Length => CloseSql.Length(Of);

        public string Period => Name(Of);

        /// <summary>Restricts the facts.</summary>
        public string Asked { get; init; } = "";

        /// <summary>What stood there before, and whether rows are written.</summary>
        public required string Old { get; init; }

        public required string Join { get; init; }

        public required string Revision { get; init; }

        public required string PlaceRevision { get; init; }

        public required string OldMeasures { get; init; }

        public required string Cause { get; init; }

        public string CauseJoin { get; init; } = "";
    }
}
