-- Gold: demand and positions by hour and day, closed by the processor, restated by revisions, explained by a log.
-- Nothing here is a running sum: every row is computed from the ledger's effective facts (003_effective.sql) and written again as the next
-- revision when a late or corrected event changes it. No view adds up at insert: what a materialized view feeds here is a plain copy.
-- Granules of 1024 rows: a question about a few SKUs reads a granule of each part. A database that has applied the former text keeps granules of 8192.
-- A text of few values is a plain String outside of the sorting key: a merge of LowCardinality looks each value up anew.
-- formerly 52a0efc2da95117e21faa483d977fdd870f6f18011ebf6cb67a9ded70836c918
-- formerly ee04909128622e48a9761964c5cee627fce4ee3f96059483a9b60910e978096b

CREATE TABLE IF NOT EXISTS ledger_by_time
(
    hour DateTime('UTC') COMMENT 'Hour of event_ts',
    sku_id String COMMENT 'Stock keeping unit',
    location_id LowCardinality(String) COMMENT 'Store or distribution centre',
    event_ts DateTime64(3, 'UTC') COMMENT 'When it happened' CODEC(Delta, ZSTD(1)),
    topic LowCardinality(String) COMMENT 'Kafka topic of the event',
    partition Int32 COMMENT 'Kafka partition of the event',
    offset Int64 COMMENT 'Kafka offset of the event' CODEC(Delta, ZSTD(1)),
    recorded_at DateTime64(3, 'UTC') COMMENT 'When this system first knew it' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Unique id of the fact' CODEC(ZSTD(1)),
    movement_type String COMMENT 'As in the ledger, CORRECTION left out: table corrections has them' CODEC(ZSTD(1)),
    qty_delta Int64 COMMENT 'Signed units' CODEC(ZSTD(1)),
    counted_qty Nullable(Int64) COMMENT 'Units counted, for CYCLE_COUNT' CODEC(ZSTD(1)),
    stocked UInt8 COMMENT '0 for services and fees',
    reference_id String COMMENT 'Source document' CODEC(ZSTD(1)),
    unit_price Nullable(Decimal(18, 4)) COMMENT 'Price of one unit, in currency' CODEC(ZSTD(1)),
    discount Decimal(18, 4) COMMENT 'Discount of the line, in currency' CODEC(ZSTD(1)),
    promo_id String COMMENT 'Promotion; empty without one' CODEC(ZSTD(1)),
    counterpart_location_id String COMMENT 'Other end of a transfer; empty without one' CODEC(ZSTD(1)),
    first_wins UInt64 MATERIALIZED toUInt64(9999999999999 - toUnixTimestamp64Milli(recorded_at)) COMMENT 'As in the ledger' CODEC(ZSTD(1)),
    INDEX offset_index offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (hour, sku_id, location_id, event_ts, topic, partition, offset)
TTL toDateTime(recorded_at) + INTERVAL 35 DAY DELETE
COMMENT 'What a close of hours reads of the ledger, sorted by hour, for 35 days. A plain copy: inserting twice changes nothing.';

CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_by_time_of_ledger TO ledger_by_time AS
SELECT toStartOfHour(event_ts) AS hour, sku_id, location_id, event_ts, topic, partition, offset, recorded_at, event_id, movement_type, qty_delta, counted_qty,
    stocked, reference_id, unit_price, ifNull(toDecimal64OrNull(attributes['discount'], 4), 0) AS discount, promo_id, counterpart_location_id
FROM ledger
WHERE movement_type != 'CORRECTION';

INSERT INTO ledger_by_time (hour, sku_id, location_id, event_ts, topic, partition, offset, recorded_at, event_id, movement_type, qty_delta, counted_qty,
    stocked, reference_id, unit_price, discount, promo_id, counterpart_location_id)
SELECT toStartOfHour(event_ts), sku_id, location_id, event_ts, topic, partition, offset, recorded_at, event_id, movement_type, qty_delta, counted_qty,
    stocked, reference_id, unit_price, ifNull(toDecimal64OrNull(attributes['discount'], 4), 0), promo_id, counterpart_location_id
FROM ledger
WHERE movement_type != 'CORRECTION' AND recorded_at > now() - INTERVAL 35 DAY;

CREATE TABLE IF NOT EXISTS ledger_arrivals
(
    topic LowCardinality(String) COMMENT 'Kafka topic of the event',
    partition Int32 COMMENT 'Kafka partition of the event',
    offset Int64 COMMENT 'Kafka offset of the event' CODEC(Delta, ZSTD(1)),
    sku_id String COMMENT 'Stock keeping unit' CODEC(ZSTD(1)),
    event_ts DateTime64(3, 'UTC') COMMENT 'When it happened' CODEC(Delta, ZSTD(1)),
    recorded_at DateTime64(3, 'UTC') COMMENT 'When this system first knew it' CODEC(Delta, ZSTD(1)),
    is_correction UInt8 COMMENT '1 for a CORRECTION: its effect lies at the time of what it corrects'
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset)
TTL toDateTime(recorded_at) + INTERVAL 35 DAY DELETE
COMMENT 'The ledger in the order of arrival, for 35 days: what came since a close is a range of offsets. A plain copy: inserting twice changes nothing.';

CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_arrivals_of_ledger TO ledger_arrivals AS
SELECT topic, partition, offset, sku_id, event_ts, recorded_at, movement_type = 'CORRECTION' AS is_correction
FROM ledger;

INSERT INTO ledger_arrivals (topic, partition, offset, sku_id, event_ts, recorded_at, is_correction)
SELECT topic, partition, offset, sku_id, event_ts, recorded_at, movement_type = 'CORRECTION'
FROM ledger
WHERE recorded_at > now() - INTERVAL 35 DAY;

-- A row for each (SKU, location, hour) in which an effective fact happened, the other end of a transfer included, or in which nothing could be
-- sold though the SKU had a sale there in the trailing window (setting close.stockoutRowDays, 28 days).
CREATE TABLE IF NOT EXISTS demand_hourly
(
    sku_id String COMMENT 'Stock keeping unit',
    location_id LowCardinality(String) COMMENT 'Store or distribution centre',
    hour DateTime('UTC') COMMENT 'Start of the hour of the event time' CODEC(Delta, ZSTD(1)),
    revision UInt32 COMMENT '0 for the close, then one more each time the row was restated' CODEC(ZSTD(1)),
    facts UInt32 COMMENT 'Effective facts, corrections'' effects included; 0 for an hour in which only nothing could be sold' CODEC(ZSTD(1)),
    units_sold Int64 COMMENT 'Units: -qty_delta of SALE and SHIP' CODEC(ZSTD(1)),
    units_returned Int64 COMMENT 'Units: qty_delta of RETURN' CODEC(ZSTD(1)),
    net_units Int64 COMMENT 'Units: units_sold - units_returned' CODEC(ZSTD(1)),
    orders Int64 COMMENT 'Distinct reference_id of SALE and SHIP with more than 0 units sold' CODEC(ZSTD(1)),
    gross_revenue Decimal(38, 4) COMMENT 'Currency: units sold x unit_price, plus discount; unit_price is what was paid' CODEC(ZSTD(1)),
    discount Decimal(38, 4) COMMENT 'Currency: attribute discount of the lines sold' CODEC(ZSTD(1)),
    net_revenue Decimal(38, 4) COMMENT 'Currency: gross_revenue - discount - returned units x unit_price' CODEC(ZSTD(1)),
    unpriced_units Int64 COMMENT 'Units sold without a unit_price, which add no revenue' CODEC(ZSTD(1)),
    promo_units Int64 COMMENT 'Units sold under a promo_id' CODEC(ZSTD(1)),
    stockout_minutes Float64 COMMENT 'Minutes with on_hand - unsellable - reserved <= 0, from the ledger and not sampled, from the first event on' CODEC(ZSTD(1)),
    observed_minutes Float64 COMMENT 'Minutes from the first event of the SKU at the location on; 60 in all later hours' CODEC(ZSTD(1)),
    recorded_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the revision was written' CODEC(Delta, ZSTD(1)),
    cause_event_id String COMMENT 'Latest event that led to the revision; empty for revision 0 of a close' CODEC(ZSTD(1)),
    cause_topic LowCardinality(String) COMMENT 'Its Kafka topic',
    cause_partition Int32 COMMENT 'Its Kafka partition; -1 without one' CODEC(ZSTD(1)),
    cause_offset Int64 COMMENT 'Its Kafka offset; -1 without one' CODEC(ZSTD(1)),
    known UInt64 COMMENT 'Sum of the offsets up to which all partitions were looked at; of two writings of a revision the one that knew more wins' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(known)
PARTITION BY toYYYYMM(hour)
ORDER BY (sku_id, location_id, hour, revision)
SETTINGS index_granularity = 1024, min_compress_block_size = 16384
COMMENT 'Demand by hour, a row a revision; an all-zero revision takes a row back. Read demand_hourly_current.';

CREATE TABLE IF NOT EXISTS demand_daily
(
    sku_id String COMMENT 'Stock keeping unit',
    location_id LowCardinality(String) COMMENT 'Store or distribution centre',
    day Date COMMENT 'UTC day of the event time' CODEC(Delta, ZSTD(1)),
    revision UInt32 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    facts UInt32 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    units_sold Int64 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    units_returned Int64 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    net_units Int64 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    orders Int64 COMMENT 'As in demand_hourly; an order with lines in two hours counts once a day' CODEC(ZSTD(1)),
    gross_revenue Decimal(38, 4) COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    discount Decimal(38, 4) COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    net_revenue Decimal(38, 4) COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    unpriced_units Int64 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    promo_units Int64 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    stockout_minutes Float64 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    observed_minutes Float64 COMMENT 'As in demand_hourly; 1440 in all later days' CODEC(ZSTD(1)),
    recorded_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the revision was written' CODEC(Delta, ZSTD(1)),
    cause_event_id String COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    cause_topic LowCardinality(String) COMMENT 'As in demand_hourly',
    cause_partition Int32 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    cause_offset Int64 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    known UInt64 COMMENT 'As in demand_hourly' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(known)
PARTITION BY toYear(day)
ORDER BY (sku_id, location_id, day, revision)
SETTINGS index_granularity = 1024, min_compress_block_size = 16384
COMMENT 'Demand by UTC day, a row a revision; rows exist as in demand_hourly, by day. Read demand_daily_current.';

CREATE TABLE IF NOT EXISTS position_hourly
(
    sku_id String COMMENT 'Stock keeping unit',
    location_id LowCardinality(String) COMMENT 'Store or distribution centre',
    hour DateTime('UTC') COMMENT 'Start of the hour; the row is the position at its end' CODEC(Delta, ZSTD(1)),
    revision UInt32 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    facts UInt32 COMMENT 'Effective facts in the hour; 0 takes the row back' CODEC(ZSTD(1)),
    on_hand Int64 COMMENT 'Units: last count plus the movements after it' CODEC(ZSTD(1)),
    unsellable Int64 COMMENT 'Units damaged or on hold' CODEC(ZSTD(1)),
    reserved Int64 COMMENT 'Units reserved' CODEC(ZSTD(1)),
    in_transit_in Int64 COMMENT 'Units on their way here' CODEC(ZSTD(1)),
    in_transit_out Int64 COMMENT 'Units sent from here that have not arrived' CODEC(ZSTD(1)),
    available Int64 COMMENT 'Units: on_hand - unsellable - reserved, at least 0' CODEC(ZSTD(1)),
    last_count_ts DateTime64(3, 'UTC') COMMENT 'Last cycle count until then; 1970 without one' CODEC(ZSTD(1)),
    last_sale_ts DateTime64(3, 'UTC') COMMENT 'Last SALE or SHIP until then; 1970 without one' CODEC(ZSTD(1)),
    recorded_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the revision was written' CODEC(Delta, ZSTD(1)),
    cause_event_id String COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    cause_topic LowCardinality(String) COMMENT 'As in demand_hourly',
    cause_partition Int32 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    cause_offset Int64 COMMENT 'As in demand_hourly' CODEC(ZSTD(1)),
    known UInt64 COMMENT 'As in demand_hourly' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(known)
PARTITION BY toYYYYMM(hour)
ORDER BY (sku_id, location_id, hour, revision)
SETTINGS index_granularity = 1024, min_compress_block_size = 16384
COMMENT 'Positions at the end of the hours in which something happened, a row a revision. Read position_hourly_current.';

-- What the next close starts from, so that it reads no history. A close that broke off has left rows that end after the hours closed so far:
-- then the opening counts, not the closing.
CREATE TABLE IF NOT EXISTS position_state
(
    period Enum8('hour' = 1, 'day' = 2) COMMENT 'Chain of closes that it belongs to',
    sku_id String COMMENT 'Stock keeping unit',
    location_id LowCardinality(String) COMMENT 'Store or distribution centre',
    since DateTime('UTC') COMMENT 'Start of the close that wrote it: the time of opening',
    through DateTime('UTC') COMMENT 'End of that close: the time of closing',
    is_new UInt8 COMMENT '1 where nothing had happened before since',
    is_gone UInt8 COMMENT '1 where nothing has happened until through, because corrections took it all back',
    opening Tuple(on_hand Int64, unsellable Int64, reserved Int64, in_transit_in Int64, in_transit_out Int64, last_count_ts Int64, last_sale_ts Int64)
        COMMENT 'Units, and milliseconds since 1970-01-01 UTC',
    closing Tuple(on_hand Int64, unsellable Int64, reserved Int64, in_transit_in Int64, in_transit_out Int64, last_count_ts Int64, last_sale_ts Int64)
        COMMENT 'Units, and milliseconds since 1970-01-01 UTC',
    known UInt64 COMMENT 'As in demand_hourly'
)
ENGINE = ReplacingMergeTree(known)
ORDER BY (period, sku_id, location_id)
COMMENT 'Position of each SKU and location where the closes stand.';

-- Late effects on a locked period. The locked rows stay; the row and its postings add up to what the row would be.
CREATE TABLE IF NOT EXISTS period_postings
(
    period Enum8('hour' = 1, 'day' = 2) COMMENT 'hour: effect on demand_hourly; day: on demand_daily',
    sku_id String COMMENT 'Stock keeping unit',
    location_id LowCardinality(String) COMMENT 'Store or distribution centre',
    start DateTime('UTC') COMMENT 'Start of the locked hour or day that the effect belongs to',
    number UInt32 COMMENT 'Counts the postings of the row from 1',
    posting_hour DateTime('UTC') COMMENT 'First open hour, into which it is posted',
    facts Int64 COMMENT 'What each measure of the row changes by, here and below',
    units_sold Int64 COMMENT 'Units', units_returned Int64 COMMENT 'Units', net_units Int64 COMMENT 'Units', orders Int64 COMMENT 'Orders',
    gross_revenue Decimal(38, 4) COMMENT 'Currency', discount Decimal(38, 4) COMMENT 'Currency', net_revenue Decimal(38, 4) COMMENT 'Currency',
    unpriced_units Int64 COMMENT 'Units', promo_units Int64 COMMENT 'Units',
    stockout_minutes Float64 COMMENT 'Minutes', observed_minutes Float64 COMMENT 'Minutes',
    recorded_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was posted',
    cause_event_id String COMMENT 'Latest event that led to it', cause_topic LowCardinality(String) COMMENT 'Its Kafka topic',
    cause_partition Int32 COMMENT 'Its Kafka partition', cause_offset Int64 COMMENT 'Its Kafka offset',
    known UInt64 COMMENT 'As in demand_hourly'
)
ENGINE = ReplacingMergeTree(known)
ORDER BY (period, sku_id, location_id, start, number)
COMMENT 'Late effects on locked periods. Read period_postings_current.';

CREATE TABLE IF NOT EXISTS period_locks
(
    through DateTime('UTC') COMMENT 'Hours and days that end until then are never restated',
    locked_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was locked',
    locked_by String COMMENT 'Who locked it'
)
ENGINE = ReplacingMergeTree
ORDER BY through
COMMENT 'Locked accounting periods; the latest through counts. A lock is never taken back.';

-- One row for each revision above 0: what it changed. Revision 0 plus all deltas of a key is its highest revision.
CREATE TABLE IF NOT EXISTS restatements
(
    restated Enum8('demand_hourly' = 1, 'demand_daily' = 2, 'position_hourly' = 3) COMMENT 'Table of the row',
    sku_id String COMMENT 'Stock keeping unit',
    location_id LowCardinality(String) COMMENT 'Store or distribution centre',
    start DateTime('UTC') COMMENT 'Start of the hour or day',
    revision UInt32 COMMENT 'The revision that it led to; the one before is the old',
    facts Int64 COMMENT 'New less old, here and below',
    units_sold Int64 COMMENT 'Units', units_returned Int64 COMMENT 'Units', net_units Int64 COMMENT 'Units', orders Int64 COMMENT 'Orders',
    gross_revenue Decimal(38, 4) COMMENT 'Currency', discount Decimal(38, 4) COMMENT 'Currency', net_revenue Decimal(38, 4) COMMENT 'Currency',
    unpriced_units Int64 COMMENT 'Units', promo_units Int64 COMMENT 'Units',
    stockout_minutes Float64 COMMENT 'Minutes', observed_minutes Float64 COMMENT 'Minutes',
    on_hand Int64 COMMENT 'Units, of position_hourly, here and below', unsellable Int64 COMMENT 'Units', reserved Int64 COMMENT 'Units',
    in_transit_in Int64 COMMENT 'Units', in_transit_out Int64 COMMENT 'Units', available Int64 COMMENT 'Units',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When the revision was written',
    cause_event_id String COMMENT 'Latest event that led to it', cause_topic LowCardinality(String) COMMENT 'Its Kafka topic',
    cause_partition Int32 COMMENT 'Its Kafka partition', cause_offset Int64 COMMENT 'Its Kafka offset',
    known UInt64 COMMENT 'As in demand_hourly'
)
ENGINE = ReplacingMergeTree(known)
ORDER BY (restated, sku_id, location_id, start, revision)
COMMENT 'Why closed figures changed. Read restatements_current.';

CREATE TABLE IF NOT EXISTS hour_closes
(
    run UInt64 COMMENT 'Counts the steps of the close',
    state Enum8('begun' = 1, 'done' = 2) COMMENT 'begun is written before the rows, done after them',
    closed_through DateTime('UTC') COMMENT 'Hours that end until then are closed, once the step is done',
    topic LowCardinality(String) COMMENT 'Kafka topic of partitions',
    partitions Array(Int32) COMMENT 'Kafka partitions',
    offsets Array(Int64) COMMENT 'Offset of each up to which arrivals were looked at',
    known UInt64 COMMENT 'Sum of offsets',
    recorded_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(known)
ORDER BY (run, state)
COMMENT 'How far hours are closed. A step that has begun and is not done is done again.';

CREATE TABLE IF NOT EXISTS close_scope
(
    part String COMMENT 'One statement of a restatement',
    sku_id String COMMENT 'Stock keeping unit',
    location_id String COMMENT 'Store or distribution centre',
    from_ts Int64 COMMENT 'Start of the hour from which on it is computed again, milliseconds since 1970-01-01 UTC',
    cause_event String COMMENT 'Latest event that touched it',
    cause_lane Int32 COMMENT 'Its Kafka partition',
    cause_at Int64 COMMENT 'Its Kafka offset',
    recorded_at DateTime('UTC') DEFAULT now() COMMENT 'When it was asked'
)
ENGINE = ReplacingMergeTree
ORDER BY (part, sku_id, location_id)
TTL recorded_at + INTERVAL 1 DAY DELETE
COMMENT 'What the statements of a restatement work on; of no use afterwards.';

CREATE TABLE IF NOT EXISTS measure_settings
(
    name LowCardinality(String) COMMENT 'Setting',
    value Float64 COMMENT 'Value, in the unit that the name says',
    recorded_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the processor wrote it'
)
ENGINE = ReplacingMergeTree(recorded_at)
ORDER BY name
COMMENT 'Windows and minimum history of the views lost_sales and promo_lift; the processor writes its settings here when it starts.';

-- Keeps nothing: a close writes here, and the views below hand each row on to its table, so that one pass over the ledger fills them all.
CREATE TABLE IF NOT EXISTS close_results
(
    target Enum8('none' = 0, 'demand' = 1, 'posting' = 2, 'state' = 3) COMMENT 'Where the measures go; none where only the position changed, state where there are none',
    period Enum8('hour' = 1, 'day' = 2),
    sku_id String,
    location_id LowCardinality(String),
    start DateTime('UTC'),
    revision UInt32,
    facts Int64,
    units_sold Int64,
    units_returned Int64,
    net_units Int64,
    orders Int64,
    gross_revenue Decimal(38, 4),
    discount Decimal(38, 4),
    net_revenue Decimal(38, 4),
    unpriced_units Int64,
    promo_units Int64,
    stockout_minutes Float64,
    observed_minutes Float64,
    posting_hour DateTime('UTC'),
    position_revision Int64 COMMENT '-1 where the position is as before',
    position_facts UInt32,
    has_state UInt8 COMMENT '1 where opening and closing go to position_state',
    since DateTime('UTC'),
    is_new UInt8,
    is_gone UInt8,
    opening Tuple(on_hand Int64, unsellable Int64, reserved Int64, in_transit_in Int64, in_transit_out Int64, last_count_ts Int64, last_sale_ts Int64),
    closing Tuple(on_hand Int64, unsellable Int64, reserved Int64, in_transit_in Int64, in_transit_out Int64, last_count_ts Int64, last_sale_ts Int64),
    through DateTime('UTC'),
    cause_event_id String,
    cause_topic LowCardinality(String),
    cause_partition Int32,
    cause_offset Int64,
    known UInt64
)
ENGINE = Null
COMMENT 'Rows on their way from a close to the tables; holds none itself.';

CREATE MATERIALIZED VIEW IF NOT EXISTS demand_hourly_of_close TO demand_hourly AS
SELECT sku_id, location_id, start AS hour, revision, toUInt32(facts) AS facts, units_sold, units_returned, net_units, orders, gross_revenue, discount, net_revenue,
    unpriced_units, promo_units, stockout_minutes, observed_minutes, cause_event_id, cause_topic, cause_partition, cause_offset, known
FROM close_results
WHERE target = 'demand' AND period = 'hour';

CREATE MATERIALIZED VIEW IF NOT EXISTS demand_daily_of_close TO demand_daily AS
SELECT sku_id, location_id, toDate(start) AS day, revision, toUInt32(facts) AS facts, units_sold, units_returned, net_units, orders, gross_revenue, discount, net_revenue,
    unpriced_units, promo_units, stockout_minutes, observed_minutes, cause_event_id, cause_topic, cause_partition, cause_offset, known
FROM close_results
WHERE target = 'demand' AND period = 'day';

CREATE MATERIALIZED VIEW IF NOT EXISTS position_hourly_of_close TO position_hourly AS
SELECT sku_id, location_id, start AS hour, toUInt32(position_revision) AS revision, position_facts AS facts, closing.on_hand AS on_hand, closing.unsellable AS unsellable,
    closing.reserved AS reserved, closing.in_transit_in AS in_transit_in, closing.in_transit_out AS in_transit_out,
    greatest(0, on_hand - unsellable - reserved) AS available, fromUnixTimestamp64Milli(closing.last_count_ts, 'UTC') AS last_count_ts,
    fromUnixTimestamp64Milli(closing.last_sale_ts, 'UTC') AS last_sale_ts, cause_event_id, cause_topic, cause_partition, cause_offset, known
FROM close_results
WHERE target != 'state' AND period = 'hour' AND position_revision >= 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS period_postings_of_close TO period_postings AS
SELECT period, sku_id, location_id, start, revision AS number, posting_hour, facts, units_sold, units_returned, net_units, orders, gross_revenue, discount, net_revenue,
    unpriced_units, promo_units, stockout_minutes, observed_minutes, cause_event_id, cause_topic, cause_partition, cause_offset, known
FROM close_results
WHERE target = 'posting';

CREATE MATERIALIZED VIEW IF NOT EXISTS position_state_of_close TO position_state AS
SELECT period, sku_id, location_id, since, through, is_new, is_gone, opening, closing, known
FROM close_results
WHERE has_state;

-- The highest revision of each row. Filters on the SKU, the location and the time use the tables' order.
-- in_stock_share: 1 - stockout_minutes / observed_minutes, the share of the time in which something could be sold; null before the first event.
CREATE OR REPLACE VIEW demand_hourly_current AS
SELECT sku_id, location_id, hour, newest AS revision, latest.1 AS facts, latest.2 AS units_sold, latest.3 AS units_returned, latest.4 AS net_units, latest.5 AS orders,
    latest.6 AS gross_revenue, latest.7 AS discount, latest.8 AS net_revenue, latest.9 AS unpriced_units, latest.10 AS promo_units, latest.11 AS stockout_minutes,
    latest.12 AS observed_minutes, if(latest.12 > 0, 1 - latest.11 / latest.12, NULL) AS in_stock_share, latest.13 AS recorded_at
FROM
(
    SELECT sku_id, location_id, hour, max(revision) AS newest,
        argMax((facts, units_sold, units_returned, net_units, orders, gross_revenue, discount, net_revenue, unpriced_units, promo_units, stockout_minutes, observed_minutes,
            recorded_at), (revision, known)) AS latest
    FROM demand_hourly
    GROUP BY sku_id, location_id, hour
)
WHERE latest.1 > 0 OR latest.11 > 0;

CREATE OR REPLACE VIEW demand_daily_current AS
SELECT sku_id, location_id, day, newest AS revision, latest.1 AS facts, latest.2 AS units_sold, latest.3 AS units_returned, latest.4 AS net_units, latest.5 AS orders,
    latest.6 AS gross_revenue, latest.7 AS discount, latest.8 AS net_revenue, latest.9 AS unpriced_units, latest.10 AS promo_units, latest.11 AS stockout_minutes,
    latest.12 AS observed_minutes, if(latest.12 > 0, 1 - latest.11 / latest.12, NULL) AS in_stock_share, latest.13 AS recorded_at
FROM
(
    SELECT sku_id, location_id, day, max(revision) AS newest,
        argMax((facts, units_sold, units_returned, net_units, orders, gross_revenue, discount, net_revenue, unpriced_units, promo_units, stockout_minutes, observed_minutes,
            recorded_at), (revision, known)) AS latest
    FROM demand_daily
    GROUP BY sku_id, location_id, day
)
WHERE latest.1 > 0 OR latest.11 > 0;

CREATE OR REPLACE VIEW position_hourly_current AS
SELECT sku_id, location_id, hour, newest AS revision, latest.1 AS facts, latest.2 AS on_hand, latest.3 AS unsellable, latest.4 AS reserved, latest.5 AS in_transit_in,
    latest.6 AS in_transit_out, latest.7 AS available, latest.8 AS last_count_ts, latest.9 AS last_sale_ts, latest.10 AS recorded_at
FROM
(
    SELECT sku_id, location_id, hour, max(revision) AS newest,
        argMax((facts, on_hand, unsellable, reserved, in_transit_in, in_transit_out, available, last_count_ts, last_sale_ts, recorded_at), (revision, known)) AS latest
    FROM position_hourly
    GROUP BY sku_id, location_id, hour
)
WHERE latest.1 > 0;

CREATE OR REPLACE VIEW restatements_current AS SELECT * FROM restatements FINAL;

CREATE OR REPLACE VIEW period_postings_current AS SELECT * FROM period_postings FINAL;

CREATE OR REPLACE VIEW hour_closes_current AS SELECT * FROM hour_closes FINAL WHERE state = 'done' ORDER BY run DESC LIMIT 1;

-- Settings of the two views below; these defaults hold where the processor has written none.
CREATE OR REPLACE VIEW measure_settings_current AS
SELECT
    ifNull(argMaxIf(toNullable(value), recorded_at, name = 'lost_sales_window_days'), 56) AS lost_sales_window_days,
    ifNull(argMaxIf(toNullable(value), recorded_at, name = 'lost_sales_minimum_hours'), 4) AS lost_sales_minimum_hours,
    ifNull(argMaxIf(toNullable(value), recorded_at, name = 'promo_lift_weeks'), 8) AS promo_lift_weeks,
    ifNull(argMaxIf(toNullable(value), recorded_at, name = 'promo_lift_minimum_days'), 4) AS promo_lift_minimum_days
FROM measure_settings;

-- What was not sold for want of stock, in units: max(0, expected_rate x stockout_minutes - units_sold), of each hour with time out of stock.
-- expected_rate: units a minute in the same hour of the week over the trailing window before the hour (close.lostSalesWindowDays), in hours
-- that had no time out of stock and no promotion; an hour without a row counts as one without sales from the first event on. Null with fewer
-- such hours than close.lostSalesMinimumHours. Computed on reading from the current revisions, so a restatement needs none of its own.
CREATE OR REPLACE VIEW lost_sales AS
WITH
    assumeNotNull((SELECT toInt64(lost_sales_window_days * 86400) FROM measure_settings_current)) AS window_seconds,
    assumeNotNull((SELECT lost_sales_minimum_hours FROM measure_settings_current)) AS minimum_hours
SELECT sku_id, location_id, short.1 AS hour, short.3 AS stockout_minutes, short.2 AS units_sold, usual_hours, expected_rate,
    if(isNull(expected_rate), NULL, greatest(0., assumeNotNull(expected_rate) * stockout_minutes - units_sold)) AS lost_units
FROM
(
    SELECT sku_id, location_id, arrayJoin(arrayFilter(h -> h.3 > 0, hours)) AS short,
        arrayFilter(h -> h.1 < short.1 AND h.1 >= short.1 - window_seconds, hours) AS before,
        intDiv(least(toInt64(short.1) - toInt64(first_hour), window_seconds), 604800) - arrayCount(h -> h.3 > 0 OR h.4 > 0, before) AS usual_hours,
        if(usual_hours >= minimum_hours, arraySum(arrayMap(h -> if(h.3 > 0 OR h.4 > 0, 0, h.2), before)) / (usual_hours * 60), NULL) AS expected_rate
    FROM
    (
        SELECT sku_id, location_id, (toDayOfWeek(hour), toHour(hour)) AS hour_of_week, min(first_hour) AS first_hour,
            groupArray((hour, units_sold, stockout_minutes, promo_units)) AS hours
        FROM
        (
            SELECT sku_id, location_id, hour, units_sold, stockout_minutes, promo_units, min(hour) OVER (PARTITION BY sku_id, location_id) AS first_hour
            FROM demand_hourly_current
        )
        GROUP BY sku_id, location_id, hour_of_week
    )
);

-- How much more a promotion sold, of each day with promo_units: lift = (units_sold - baseline) / baseline.
-- baseline: median of the units sold on the same weekday in the trailing weeks before (close.promoLiftWeeks), days with promotion or time out
-- of stock left out; a day without a row counts as one without sales from the first event on. Null with fewer such days than
-- close.promoLiftMinimumDays, and where the baseline is 0. Computed on reading, as lost_sales is.
CREATE OR REPLACE VIEW promo_lift AS
WITH
    assumeNotNull((SELECT toInt64(promo_lift_weeks) FROM measure_settings_current)) AS weeks,
    assumeNotNull((SELECT promo_lift_minimum_days FROM measure_settings_current)) AS minimum_days
SELECT sku_id, location_id, promoted.1 AS day, promoted.2 AS units_sold, promoted.4 AS promo_units, usual_days, baseline,
    if(baseline > 0, (units_sold - baseline) / baseline, NULL) AS lift
FROM
(
    SELECT sku_id, location_id, arrayJoin(arrayFilter(d -> d.4 > 0, days)) AS promoted,
        arrayFilter(d -> d.1 < promoted.1 AND d.1 >= promoted.1 - weeks * 7, days) AS before,
        least(intDiv(toInt64(promoted.1) - toInt64(first_day), 7), weeks) - arrayCount(d -> d.3 > 0 OR d.4 > 0, before) AS usual_days,
        arrayMap(d -> d.2, arrayFilter(d -> d.3 = 0 AND d.4 = 0, before)) AS sold,
        if(usual_days >= minimum_days AND usual_days > 0, arrayReduce('quantileExactInclusive(0.5)', arrayResize(sold, usual_days)), NULL) AS baseline
    FROM
    (
        SELECT sku_id, location_id, toDayOfWeek(day) AS weekday, min(first_day) AS first_day, groupArray((day, units_sold, stockout_minutes, promo_units)) AS days
        FROM
        (
            SELECT sku_id, location_id, day, units_sold, stockout_minutes, promo_units, min(day) OVER (PARTITION BY sku_id, location_id) AS first_day
            FROM demand_daily_current
        )
        GROUP BY sku_id, location_id, weekday
    )
);
