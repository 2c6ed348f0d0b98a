-- What an event's lineage is found by, and the results of the data quality rules (schemas/quality.yml).
-- Skip indexes alone lead from an event_id to its rows: the tables are sorted by what most questions ask for, and a second copy sorted by event_id
-- would cost every insert. Records that were kept before have no event_hash: of them only the ledger's row is found.
-- formerly d5270dadf5e1774918df2190fdac0eb6be9ec0cf0cd3fadbb54d72d5752a58a5

ALTER TABLE raw_events ADD COLUMN IF NOT EXISTS event_hash UInt64 DEFAULT 0 COMMENT 'Lower 64 bits of the SipHash-2-4-128 of event_id; 0 where none could be read' CODEC(NONE);
ALTER TABLE raw_events ADD COLUMN IF NOT EXISTS message String DEFAULT '' COMMENT 'What was wrong with a dead letter, in words' CODEC(ZSTD(1));
ALTER TABLE raw_events ADD INDEX IF NOT EXISTS event_hash_index event_hash TYPE bloom_filter(0.01) GRANULARITY 1;
ALTER TABLE raw_events ADD INDEX IF NOT EXISTS recorded_index recorded_at TYPE minmax GRANULARITY 1;
ALTER TABLE raw_events ADD INDEX IF NOT EXISTS reason_index reason TYPE set(64) GRANULARITY 1;

CREATE OR REPLACE VIEW raw_events_current AS
SELECT * FROM raw_events FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

ALTER TABLE ledger ADD INDEX IF NOT EXISTS event_index event_id TYPE bloom_filter(0.01) GRANULARITY 1;
-- In the background, for what is there already; until it is done a look reads the column event_id of older parts.
ALTER TABLE ledger MATERIALIZE INDEX event_index SETTINGS mutations_sync = 0;

-- The hourly copy of the ledger tells the sources apart, for rules on a source's volume and values. Rows from before have none and count nowhere.
ALTER TABLE ledger_by_time ADD COLUMN IF NOT EXISTS source_system String DEFAULT '' COMMENT 'POS, ECOM, WMS, EDI, ...; empty in rows from before it was kept' CODEC(ZSTD(1));

ALTER TABLE ledger_by_time_of_ledger MODIFY QUERY
SELECT toStartOfHour(event_ts) AS hour, sku_id, location_id, event_ts, topic, partition, offset, recorded_at, event_id, movement_type, qty_delta, counted_qty,
    stocked, reference_id, unit_price, ifNull(toDecimal64OrNull(attributes['discount'], 4), 0) AS discount, promo_id, counterpart_location_id, source_system
FROM ledger
WHERE movement_type != 'CORRECTION';

CREATE TABLE IF NOT EXISTS quality_results
(
    rule LowCardinality(String) COMMENT 'Name of the rule',
    evaluated_at DateTime64(3, 'UTC') COMMENT 'When it was evaluated',
    kind LowCardinality(String) COMMENT 'schema, reference, uniqueness, freshness, volume, value, negative or quarantine',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    description String COMMENT 'What the rule is for' CODEC(ZSTD(1)),
    status Enum8('unknown' = 0, 'pass' = 1, 'fail' = 2) COMMENT 'unknown: too little to judge by, or ClickHouse was too slow',
    since DateTime64(3, 'UTC') COMMENT 'Start of the time that was looked at',
    until DateTime64(3, 'UTC') COMMENT 'End of it',
    observed Nullable(Float64) COMMENT 'What was found: a share, minutes, events or units an hour, positions',
    expected Nullable(Float64) COMMENT 'What is usual: the median of volume and value rules',
    threshold Float64 COMMENT 'Bound on observed, or on the robust z-score of volume and value rules',
    violations UInt64 COMMENT 'Records or keys that broke the rule',
    samples Array(String) COMMENT 'Some of them, or why the status is unknown' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (rule, evaluated_at)
TTL toDateTime(evaluated_at) + INTERVAL 90 DAY DELETE
COMMENT 'Evaluations of the quality rules, for 90 days. Read quality_current.';

-- The latest result of each rule; one that has not been evaluated for a week has been taken away.
CREATE OR REPLACE VIEW quality_current AS
SELECT * FROM quality_results
WHERE evaluated_at > now64(3) - INTERVAL 7 DAY
ORDER BY evaluated_at DESC
LIMIT 1 BY rule;

CREATE TABLE IF NOT EXISTS quality_releases
(
    topic LowCardinality(String) COMMENT 'Dead-letter topic of the letter',
    partition Int32 COMMENT 'Its partition',
    offset Int64 COMMENT 'Its offset',
    state Enum8('begun' = 1, 'sent' = 2) COMMENT 'begun is written before the record is sent, sent after the broker has acknowledged it',
    rule LowCardinality(String) COMMENT 'Rule that held the record',
    source String COMMENT 'topic/partition/offset of the held record',
    released_by String COMMENT 'Who released it',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When'
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset, state)
COMMENT 'Who released what from quarantine. Nothing in it is ever edited or deleted; begun alone means that the release broke off: it may or may not have been sent.';
