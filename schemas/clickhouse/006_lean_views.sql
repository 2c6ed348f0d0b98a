-- The same facts as in 003_effective.sql by fewer reads: each table that a view names costs planning, which for a few SKUs is most of a query.
-- Parameters are those of 003_effective.sql.

-- Corrections of one SKU are put together in arrays. links are corrections that others correct; most SKUs have none, and only they lead on.
-- path leads from the corrected event to the root, the movement that is no correction; 16 steps at most, and a circle ends at a correction.
-- dead are the links that a void in effect names: each round takes back what the round before got wrong one step further down the chain.
CREATE OR REPLACE VIEW corrections_resolved AS
SELECT sku_id, fact.2 AS event_id, fact.1.1 AS topic, fact.1.2 AS partition, fact.1.3 AS offset, fact.3 AS event_ts, fact.4 AS recorded_at, fact.5 AS qty_delta,
    fact.6 AS unit_price, fact.7 AS discount, fact.8 AS source_system, fact.9 AS corrects_event_id,
    arrayFold((path, i) -> if(has(links, path[-1]), arrayPushBack(path, link_targets[indexOf(links, path[-1])]), path), range(if(has(links, corrects_event_id), 16, 0)), [corrects_event_id]) AS path,
    path[-1] AS root_id,
    arrayPopBack(path) AS through,
    NOT has(links, root_id) AND NOT has(dead, event_id) AND NOT arrayExists(step -> has(dead, step) OR link_voids[indexOf(links, step)] = 1, through) AS in_effect,
    qty_delta = 0 AND empty(through) AS voids_root
FROM
(
    SELECT sku_id, arrayJoin(known) AS fact, links, link_targets, link_voids, dead,
        groupArray(((toString(topic), partition, offset), event_id, event_ts, recorded_at, qty_delta, unit_price, discount, toString(source_system), corrects_event_id)) AS known,
        arrayIntersect(groupArray(event_id), groupArray(corrects_event_id)) AS both,
        arrayFilter(c -> has(both, c.2), known) AS linked,
        tupleElement(linked, 2) AS links, tupleElement(linked, 9) AS link_targets, arrayMap(c -> c.5 = 0, linked) AS link_voids,
        arrayMap(c -> (c.2, c.9), arrayFilter(c -> c.5 = 0 AND has(both, c.9), known)) AS voids,
        if(empty(voids), emptyArrayString(), arrayFold((dead, i) -> arrayMap(v -> v.2, arrayFilter(v -> NOT has(dead, v.1), voids)), range(17), emptyArrayString())) AS dead
    FROM
    (
        SELECT * FROM corrections FINAL
        WHERE ({topic:String} = '' OR topic = {topic:String}) AND ({partition:Int32} < 0 OR partition = {partition:Int32}) AND offset < {below:Int64}
            AND (empty({skus:Array(String)}) OR sku_id IN {skus:Array(String)})
            AND (empty({before:Array(Int64)}) OR offset < transform(sku_id, {skus:Array(String)}, arrayResize({before:Array(Int64)}, length({skus:Array(String)})), toInt64(0)))
            AND recorded_at <= {known_at:DateTime64(3, 'UTC')}
        ORDER BY topic, partition, offset
        LIMIT 1 BY sku_id, event_id
    )
    GROUP BY sku_id
);

-- Rows of the ledger with the effect of corrections, at the event time, the place and the price of what they correct:
--   every movement that is no correction, as it is; effect_of is '';
--   for each amendment in effect a row more, with its qty_delta and its price if it has one;
--   for a voided movement one row more, which takes its quantity back;
--   a corrected count with its amended quantity, a voided one with none.
-- since and until bound event_ts, [since, until). Of an event_id that stands in several rows the one with the lowest offset
-- is amended; all of them are voided.
CREATE OR REPLACE VIEW ledger_effective AS
WITH
    rows AS
    (
        SELECT *, ifNull(toDecimal64OrNull(attributes['discount'], 4), 0) AS discount FROM ledger FINAL
        WHERE movement_type != 'CORRECTION' AND event_ts >= {since:DateTime64(3, 'UTC')} AND event_ts < {until:DateTime64(3, 'UTC')}
            AND ({topic:String} = '' OR topic = {topic:String}) AND ({partition:Int32} < 0 OR partition = {partition:Int32}) AND offset < {below:Int64}
            AND (empty({skus:Array(String)}) OR sku_id IN {skus:Array(String)})
            AND (empty({before:Array(Int64)}) OR offset < transform(sku_id, {skus:Array(String)}, arrayResize({before:Array(Int64)}, length({skus:Array(String)})), toInt64(0)))
            AND recorded_at <= {known_at:DateTime64(3, 'UTC')}
        SETTINGS do_not_merge_across_partitions_select_final = 1
    )
SELECT topic, partition, offset, event_id, event_ts, ingest_ts, broker_ts, fact.1 AS recorded_at, sku_id, location_id, movement_type, fact.2 AS qty_delta, fact.3 AS counted_qty,
    stocked, source_system, reference_id, fact.4 AS unit_price, unit_cost, currency, promo_id, reason, performed_by, counterpart_location_id, fact.5 AS discount,
    fact.6 AS effect_of
FROM
(
    SELECT r.topic AS topic, r.partition AS partition, r.offset AS offset, r.event_id AS event_id, event_ts, ingest_ts, broker_ts, r.sku_id AS sku_id, location_id, movement_type,
        stocked, source_system, reference_id, unit_cost, currency, promo_id, reason, performed_by, counterpart_location_id,
        (r.recorded_at, r.qty_delta, r.counted_qty, r.unit_price, r.discount, '') AS own,
        arrayJoin(multiIf(
            empty(c.entries), [own],
            movement_type = 'CYCLE_COUNT', [(own.1, own.2, if(c.voided, NULL, own.3 + c.amount), own.4, own.5, if(c.voided, c.entries[1].1, c.last_id))],
            c.voided, [own, (c.entries[1].5, -own.2, own.3, own.4, -own.5, c.entries[1].1)],
            (toString(topic), partition, offset) = c.first, arrayPushFront(arrayMap(e -> (e.5, e.2, own.3, ifNull(e.3, own.4), e.4, e.1), c.entries), own),
            [own])) AS fact
    FROM rows AS r
    LEFT JOIN
    (
        SELECT o.sku_id AS sku_id, o.event_id AS event_id, min((toString(o.topic), o.partition, o.offset)) AS first, any(e.voided) AS voided, any(e.last_id) AS last_id,
            any(e.amount) AS amount, any(e.entries) AS entries
        FROM rows AS o
        INNER JOIN
        (
            SELECT sku_id, root_id, max(voids_root) AS voided, argMaxIf(event_id, offset, NOT voids_root) AS last_id, sumIf(qty_delta, NOT voids_root) AS amount,
                if(voided, [argMinIf((event_id, qty_delta, unit_price, discount, recorded_at), offset, voids_root)],
                    groupArray((event_id, qty_delta, unit_price, discount, recorded_at))) AS entries
            FROM corrections_resolved(topic = {topic:String}, partition = {partition:Int32}, below = {below:Int64}, skus = {skus:Array(String)},
                before = {before:Array(Int64)}, known_at = {known_at:DateTime64(3, 'UTC')})
            WHERE in_effect
            GROUP BY sku_id, root_id
        ) AS e ON o.sku_id = e.sku_id AND o.event_id = e.root_id
        GROUP BY o.sku_id, o.event_id
    ) AS c ON r.sku_id = c.sku_id AND r.event_id = c.event_id
);
