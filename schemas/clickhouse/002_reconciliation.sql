-- Gold: what 'processor reconcile --apply' did, for auditors. Nothing in it is ever edited or deleted.

CREATE TABLE IF NOT EXISTS reconciliation
(
    run_id String COMMENT 'One run of the command',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When the row was written',
    kind LowCardinality(String) COMMENT 'drift: Redis differed from the ledger; duplicate: one event_id at two offsets',
    action LowCardinality(String) COMMENT 'planned, then repaired (drift) or compensated (duplicate); planned alone means that the run broke off',
    topic LowCardinality(String) COMMENT 'Kafka topic of the movements',
    partition Int32 COMMENT 'Lane',
    as_of_offset Int64 COMMENT 'drift: the records below it count; duplicate: offset of the second record',
    sku_id String COMMENT 'Stock keeping unit',
    location_id LowCardinality(String) COMMENT 'Store or distribution centre',
    event_id String COMMENT 'duplicate: the id that two records carry; else empty',
    found Map(String, Int64) COMMENT 'drift: fields in Redis, empty where it had no position; duplicate: offset that counted first',
    expected Map(String, Int64) COMMENT 'drift: fields by the ledger, empty where it has no position',
    compensations Array(String) COMMENT 'duplicate: event_id of each compensating movement'
)
ENGINE = ReplacingMergeTree(recorded_at)
ORDER BY (run_id, kind, action, topic, partition, as_of_offset, sku_id, location_id)
COMMENT 'Repairs of positions and compensations of duplicates. Row identity is all of its sorting key: writing a row again changes nothing.';
