-- Bronze and silver: what Kafka carried, and the movements that were accepted.
-- Row identity is (topic, partition, offset): inserting a record again, in any grouping, changes nothing that the views show.
-- Runs on ClickHouse 24.8 and newer and on chDB.
-- Granules of 1024 rows: a question about a few SKUs reads a granule of each part. A database that has applied the former text keeps granules of 8192.
-- A text of few values is a plain String outside of the sorting key: a merge of LowCardinality looks each value up anew.
-- formerly ade68ebfdf9259edbbb7e32da7c7d186b3f82990ea96176e8f0bbdd6065ec1c2
-- formerly dc1c5c06a54adbbda5000d5063d85bd8f900e7ef67727962617c4d258f4cb108

CREATE TABLE IF NOT EXISTS raw_events
(
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition Int32 COMMENT 'Kafka partition',
    offset Int64 COMMENT 'Kafka offset',
    broker_ts DateTime64(3, 'UTC') COMMENT 'Timestamp of the Kafka record; the same on every read of the record',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When this system wrote the row; differs when a record is written again',
    key String COMMENT 'Original key bytes; empty where the record has none' CODEC(ZSTD(1)),
    value String COMMENT 'Original value bytes, Confluent wire format; empty where the record has none' CODEC(ZSTD(3)),
    headers Array(Tuple(name String, value String)) COMMENT 'Kafka headers in their order; a name may stand twice' CODEC(ZSTD(1)),
    verdict Enum8('pending' = 0, 'accepted' = 1, 'duplicate' = 2, 'dead_letter' = 3) COMMENT 'What became of the record',
    reason LowCardinality(String) COMMENT 'Reason code of a dead letter, else none'
)
ENGINE = ReplacingMergeTree
-- The month of broker_ts, because rows are only replaced inside a partition and recorded_at may cross a month on a retry.
PARTITION BY toYYYYMM(broker_ts)
ORDER BY (topic, partition, offset)
-- By recorded_at: records that producers stamped with historic times are kept as long as any other.
TTL toDateTime(recorded_at) + INTERVAL 13 MONTH DELETE
COMMENT 'Every record read from Kafka, byte for byte, for 13 months. Read raw_events_current.';

CREATE TABLE IF NOT EXISTS ledger
(
    topic LowCardinality(String) COMMENT 'Kafka topic of the event',
    partition Int32 COMMENT 'Kafka partition of the event',
    offset Int64 COMMENT 'Kafka offset of the event' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Unique id of the fact, as the source gave it' CODEC(ZSTD(1)),
    event_ts DateTime64(3, 'UTC') COMMENT 'When it happened' CODEC(Delta, ZSTD(1)),
    ingest_ts DateTime64(3, 'UTC') COMMENT 'When the source system handed it over' CODEC(Delta, ZSTD(1)),
    broker_ts DateTime64(3, 'UTC') COMMENT 'Timestamp of the Kafka record' CODEC(Delta, ZSTD(1)),
    recorded_at DateTime64(3, 'UTC') COMMENT 'When this system first knew it' CODEC(Delta, ZSTD(1)),
    sku_id String COMMENT 'Stock keeping unit',
    location_id LowCardinality(String) COMMENT 'Store or distribution centre',
    movement_type String COMMENT 'SALE, RETURN, RECEIPT, TRANSFER_OUT, TRANSFER_IN, ADJUSTMENT, CYCLE_COUNT, RTV, DAMAGE, RESERVE, RELEASE, SHIP or CORRECTION' CODEC(ZSTD(1)),
    qty_delta Int64 COMMENT 'Signed units; 0 for CYCLE_COUNT' CODEC(ZSTD(1)),
    counted_qty Nullable(Int64) COMMENT 'Units counted, for CYCLE_COUNT' CODEC(ZSTD(1)),
    stocked UInt8 DEFAULT 1 COMMENT '0 for services and fees: no position changes',
    source_system String COMMENT 'POS, ECOM, WMS, EDI, ...' CODEC(ZSTD(1)),
    reference_id String COMMENT 'Source document: receipt, order, shipping notice, count sheet' CODEC(ZSTD(1)),
    unit_price Nullable(Decimal(18, 4)) COMMENT 'Price of one unit, in currency' CODEC(ZSTD(1)),
    unit_cost Nullable(Decimal(18, 4)) COMMENT 'Cost of one unit, in currency' CODEC(ZSTD(1)),
    currency String COMMENT 'ISO 4217 code; empty without one' CODEC(ZSTD(1)),
    promo_id String COMMENT 'Promotion; empty without one' CODEC(ZSTD(1)),
    reason String COMMENT 'Reason of an adjustment; empty without one' CODEC(ZSTD(1)),
    performed_by String COMMENT 'Who did it; empty without one' CODEC(ZSTD(1)),
    counterpart_location_id String COMMENT 'Other end of a transfer; empty without one' CODEC(ZSTD(1)),
    corrects_event_id String COMMENT 'Event that this one corrects; empty without one' CODEC(ZSTD(1)),
    customer_ref String COMMENT 'Pseudonym of the customer; empty without one' CODEC(ZSTD(1)),
    attributes Map(String, String) COMMENT 'Further facts of the source' CODEC(ZSTD(1)),
    -- The engine keeps the highest version of a row. Counting down makes the first recorded one win, so that a row which is
    -- written again keeps the time at which it became known.
    first_wins UInt64 MATERIALIZED toUInt64(9999999999999 - toUnixTimestamp64Milli(recorded_at)) COMMENT 'Falls with recorded_at: the first writing of a row wins' CODEC(ZSTD(1)),
    INDEX offset_index offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(first_wins)
-- event_ts is part of the record's bytes, so a record written again falls into the same partition and the same key.
PARTITION BY toYYYYMM(event_ts)
ORDER BY (sku_id, location_id, event_ts, topic, partition, offset)
SETTINGS index_granularity = 1024, min_compress_block_size = 16384
COMMENT 'Accepted movements. Read ledger_current.';

CREATE OR REPLACE VIEW raw_events_current AS
SELECT * FROM raw_events FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW ledger_current AS
SELECT * FROM ledger FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
