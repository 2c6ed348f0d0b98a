-- Silver: what movements amount to once corrections are taken into account, as of any offset and any time of knowing.
-- The views take parameters, which ClickHouse puts in as constants: an empty list costs nothing, and the primary key is used.
-- Granules of 1024 rows: a question about a few SKUs reads a granule of each part. A database that has applied the former text keeps granules of 8192.
-- formerly ef87c9abfe93c240d8fcdb0f34b5f1aac2fa9f2931d3716bc289b068e4f0fd7c

CREATE TABLE IF NOT EXISTS corrections
(
    topic LowCardinality(String) COMMENT 'Kafka topic of the correction',
    partition Int32 COMMENT 'Kafka partition of the correction',
    offset Int64 COMMENT 'Kafka offset of the correction',
    event_id String COMMENT 'The correction itself',
    event_ts DateTime64(3, 'UTC') COMMENT 'When it was made; its effect is at the event time of what it corrects',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When this system first knew it',
    sku_id String COMMENT 'Stock keeping unit, the same as that of the corrected event',
    qty_delta Int64 COMMENT 'What it adds to the quantity of the event that it names; 0 voids that event',
    unit_price Nullable(Decimal(18, 4)) COMMENT 'Price of the added units, where it differs from the corrected event''s',
    discount Decimal(18, 4) COMMENT 'What it adds to the discount of the corrected line, in currency',
    source_system LowCardinality(String) COMMENT 'Who says so',
    corrects_event_id String COMMENT 'The event that it corrects: a movement, or another correction',
    first_wins UInt64 MATERIALIZED toUInt64(9999999999999 - toUnixTimestamp64Milli(recorded_at)) COMMENT 'As in the ledger'
)
ENGINE = ReplacingMergeTree(first_wins)
ORDER BY (sku_id, event_id, topic, partition, offset)
SETTINGS index_granularity = 1024, min_compress_block_size = 16384
COMMENT 'The ledger''s corrections alone, to be found by SKU without reading the ledger. A plain copy: inserting twice changes nothing.';

CREATE MATERIALIZED VIEW IF NOT EXISTS corrections_of_ledger TO corrections AS
SELECT topic, partition, offset, event_id, event_ts, recorded_at, sku_id, qty_delta, unit_price,
    ifNull(toDecimal64OrNull(attributes['discount'], 4), 0) AS discount, source_system, corrects_event_id
FROM ledger
WHERE movement_type = 'CORRECTION';

INSERT INTO corrections (topic, partition, offset, event_id, event_ts, recorded_at, sku_id, qty_delta, unit_price, discount, source_system, corrects_event_id)
SELECT topic, partition, offset, event_id, event_ts, recorded_at, sku_id, qty_delta, unit_price,
    ifNull(toDecimal64OrNull(attributes['discount'], 4), 0), source_system, corrects_event_id
FROM ledger
WHERE movement_type = 'CORRECTION';

-- Parameters, here and below:
--   topic '' for all, partition -1 for all, below: rows with a lower offset (of one partition);
--   skus [] for all; before: for each of skus the offset below which its rows count, [] for no bound;
--   known_at: rows recorded until then.
-- path leads from the corrected event to the root, the movement that is no correction; 16 steps at most, and a circle ends at a correction.
-- dead are the events that a void in effect names: each round takes back what the round before got wrong one step further down the chain.
CREATE OR REPLACE VIEW corrections_resolved AS
WITH
    known AS
    (
        SELECT * FROM corrections FINAL
        WHERE ({topic:String} = '' OR topic = {topic:String}) AND ({partition:Int32} < 0 OR partition = {partition:Int32}) AND offset < {below:Int64}
            AND (empty({skus:Array(String)}) OR sku_id IN {skus:Array(String)})
            AND (empty({before:Array(Int64)}) OR offset < transform(sku_id, {skus:Array(String)}, arrayResize({before:Array(Int64)}, length({skus:Array(String)})), toInt64(0)))
            AND recorded_at <= {known_at:DateTime64(3, 'UTC')}
        ORDER BY topic, partition, offset
        LIMIT 1 BY sku_id, event_id
    ),
    chained AS
    (
        SELECT sku_id, groupArray(event_id) AS ids, groupArray(corrects_event_id) AS targets, groupArray(qty_delta = 0) AS voids,
            arrayFold((dead, i) -> arrayFilter((target, id, is_void) -> is_void AND NOT has(dead, id), targets, ids, voids), range(17), emptyArrayString()) AS dead
        FROM known
        WHERE qty_delta = 0 OR (sku_id, corrects_event_id) IN (SELECT sku_id, event_id FROM known) OR (sku_id, event_id) IN (SELECT sku_id, corrects_event_id FROM known)
        GROUP BY sku_id
    )
SELECT k.sku_id AS sku_id, k.event_id AS event_id, k.topic AS topic, k.partition AS partition, k.offset AS offset, k.event_ts AS event_ts,
    k.recorded_at AS recorded_at, k.qty_delta AS qty_delta, k.unit_price AS unit_price, k.discount AS discount, k.source_system AS source_system,
    k.corrects_event_id AS corrects_event_id,
    arrayFold((path, i) -> if(indexOf(c.ids, path[-1]) = 0, path, arrayPushBack(path, c.targets[indexOf(c.ids, path[-1])])), range(16), [k.corrects_event_id]) AS path,
    path[-1] AS root_id,
    arrayPopBack(path) AS through,
    NOT has(c.ids, root_id) AND NOT has(c.dead, k.event_id)
        AND NOT arrayExists(step -> has(c.dead, step) OR c.voids[indexOf(c.ids, step)] = 1, through) AS in_effect,
    k.qty_delta = 0 AND empty(through) AS voids_root
FROM known AS k
LEFT JOIN chained AS c ON k.sku_id = c.sku_id;

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
    ),
    effects AS
    (
        SELECT sku_id, root_id, max(voids_root) AS voided, argMaxIf(event_id, offset, NOT voids_root) AS last_id, sumIf(qty_delta, NOT voids_root) AS amount,
            if(voided, [argMinIf((event_id, qty_delta, unit_price, discount, recorded_at), offset, voids_root)],
                groupArray((event_id, qty_delta, unit_price, discount, recorded_at))) AS entries
        FROM corrections_resolved(topic = {topic:String}, partition = {partition:Int32}, below = {below:Int64}, skus = {skus:Array(String)},
            before = {before:Array(Int64)}, known_at = {known_at:DateTime64(3, 'UTC')})
        WHERE in_effect
        GROUP BY sku_id, root_id
    )
SELECT topic, partition, offset, event_id, event_ts, ingest_ts, broker_ts, recorded_at, sku_id, location_id, movement_type, qty_delta, counted_qty,
    stocked, source_system, reference_id, unit_price, unit_cost, currency, promo_id, reason, performed_by, counterpart_location_id, discount,
    '' AS effect_of
FROM rows
WHERE movement_type != 'CYCLE_COUNT'
UNION ALL
SELECT topic, partition, offset, event_id, event_ts, ingest_ts, broker_ts, (arrayJoin(e.entries) AS entry).5 AS recorded_at, r.sku_id AS sku_id, location_id, movement_type,
    if(e.voided, -r.qty_delta, entry.2) AS qty_delta, counted_qty, stocked, source_system, reference_id, if(e.voided, r.unit_price, ifNull(entry.3, r.unit_price)) AS unit_price, unit_cost,
    currency, promo_id, reason, performed_by, counterpart_location_id, if(e.voided, -r.discount, entry.4) AS discount, entry.1 AS effect_of
FROM
(
    SELECT *, row_number() OVER (PARTITION BY sku_id, event_id ORDER BY topic, partition, offset) AS nth FROM rows
    WHERE movement_type != 'CYCLE_COUNT' AND (sku_id, event_id) IN (SELECT sku_id, root_id FROM effects)
) AS r
INNER JOIN effects AS e ON r.sku_id = e.sku_id AND r.event_id = e.root_id
WHERE e.voided OR r.nth = 1
UNION ALL
SELECT topic, partition, offset, event_id, event_ts, ingest_ts, broker_ts, recorded_at, r.sku_id AS sku_id, location_id, movement_type, qty_delta,
    if(e.voided, NULL, r.counted_qty + e.amount) AS counted_qty, stocked, source_system, reference_id, unit_price, unit_cost, currency, promo_id, reason, performed_by,
    counterpart_location_id, discount, if(e.voided, e.entries[1].1, e.last_id) AS effect_of
FROM rows AS r
LEFT JOIN effects AS e ON r.sku_id = e.sku_id AND r.event_id = e.root_id
WHERE movement_type = 'CYCLE_COUNT';

-- On-hand is the last count by event time, of two at one instant the larger, plus the deltas strictly after it; everything else adds up.
-- Each transfer also moves what is in transit at its other end. The rules are the processor's own (processor/Position/PositionRules.cs).
CREATE OR REPLACE VIEW positions_as_of AS
WITH
    legs AS
    (
        SELECT sku_id, leg.1 AS location, leg.2 = 1 AS own, movement_type, qty_delta, counted_qty, toUnixTimestamp64Milli(event_ts) AS ts,
            effect_of = '' OR movement_type = 'CYCLE_COUNT' AS is_row
        FROM ledger_effective(topic = {topic:String}, partition = {partition:Int32}, below = {below:Int64}, skus = {skus:Array(String)},
            before = {before:Array(Int64)}, known_at = {known_at:DateTime64(3, 'UTC')}, since = '1970-01-01 00:00:00', until = {until:DateTime64(3, 'UTC')})
        ARRAY JOIN arrayConcat(
            [(toString(location_id), 1)],
            if(movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN') AND counterpart_location_id != '', [(toString(counterpart_location_id), 0)], [])) AS leg
        WHERE stocked = 1
    )
SELECT sku_id, location,
    maxIf((ts, ifNull(counted_qty, 0)), own AND movement_type = 'CYCLE_COUNT' AND counted_qty IS NOT NULL) AS last,
    last.1 AS last_count_ts, last.2 AS last_count_qty,
    last.2 + arraySum(move -> if(move.1 > last.1, move.2, 0), groupArrayIf((ts, qty_delta), own AND movement_type IN
        ('SALE', 'RETURN', 'RECEIPT', 'TRANSFER_OUT', 'TRANSFER_IN', 'ADJUSTMENT', 'RTV', 'SHIP'))) AS on_hand,
    -sumIf(qty_delta, own AND movement_type = 'DAMAGE') AS unsellable,
    sumIf(qty_delta, own AND movement_type = 'SHIP') - sumIf(qty_delta, own AND movement_type IN ('RESERVE', 'RELEASE')) AS reserved,
    -sumIf(qty_delta, movement_type = if(own, 'TRANSFER_IN', 'TRANSFER_OUT')) AS in_transit_in,
    -sumIf(qty_delta, movement_type = if(own, 'TRANSFER_OUT', 'TRANSFER_IN')) AS in_transit_out,
    maxIf(ts, own) AS last_event_ts,
    countIf(is_row) AS version
FROM legs
GROUP BY sku_id, location;

-- Corrections of events that the ledger does not have: they have no effect until the event comes.
CREATE OR REPLACE VIEW corrections_held AS
SELECT sku_id, event_id, corrects_event_id, root_id AS awaited_event_id, event_ts, recorded_at, source_system, topic, partition, offset
FROM corrections_resolved(topic = {topic:String}, partition = {partition:Int32}, below = {below:Int64}, skus = {skus:Array(String)},
    before = {before:Array(Int64)}, known_at = {known_at:DateTime64(3, 'UTC')})
WHERE (sku_id, root_id) NOT IN
(
    SELECT sku_id, event_id FROM ledger
    WHERE (sku_id, event_id) IN
    (
        SELECT sku_id, root_id FROM corrections_resolved(topic = {topic:String}, partition = {partition:Int32}, below = {below:Int64}, skus = {skus:Array(String)},
            before = {before:Array(Int64)}, known_at = {known_at:DateTime64(3, 'UTC')})
    )
        AND ({topic:String} = '' OR topic = {topic:String}) AND ({partition:Int32} < 0 OR partition = {partition:Int32}) AND offset < {below:Int64}
        AND (empty({skus:Array(String)}) OR sku_id IN {skus:Array(String)})
        AND (empty({before:Array(Int64)}) OR offset < transform(sku_id, {skus:Array(String)}, arrayResize({before:Array(Int64)}, length({skus:Array(String)})), toInt64(0)))
        AND recorded_at <= {known_at:DateTime64(3, 'UTC')}
);
