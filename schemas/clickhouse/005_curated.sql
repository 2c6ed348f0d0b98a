-- Reference data with its versions, and what people and programs read: single positions, store operations, features of models, finance.
-- Views with parameters are called as name(parameter = value, ...); all times are UTC.

CREATE TABLE IF NOT EXISTS promotions
(
    promo_id String COMMENT 'Promotion',
    updated_at DateTime64(3, 'UTC') COMMENT 'From when on this version was known; of a deletion the time of its record',
    topic LowCardinality(String) COMMENT 'Kafka topic of the version',
    partition Int32 COMMENT 'Kafka partition of the version',
    offset Int64 COMMENT 'Kafka offset of the version',
    is_deleted UInt8 COMMENT '1 for a deletion (a record without a value); the columns below are then empty',
    name String COMMENT 'What people call it',
    starts_at DateTime64(3, 'UTC') COMMENT 'Start',
    ends_at DateTime64(3, 'UTC') COMMENT 'End, exclusive',
    sku_ids Array(String) COMMENT 'SKUs; empty for all',
    location_ids Array(String) COMMENT 'Locations; empty for all',
    discount_percent Nullable(Float64) COMMENT 'Percent off the list price',
    broker_ts DateTime64(3, 'UTC') COMMENT 'Time of the Kafka record'
)
ENGINE = ReplacingMergeTree
ORDER BY (promo_id, updated_at, topic, partition, offset)
COMMENT 'Every version of every promotion, from the compacted topic reference.promotion. Read promotion_versions.';

CREATE TABLE IF NOT EXISTS calendar
(
    day Date COMMENT 'The day',
    updated_at DateTime64(3, 'UTC') COMMENT 'From when on this version was known; of a deletion the time of its record',
    topic LowCardinality(String) COMMENT 'Kafka topic of the version',
    partition Int32 COMMENT 'Kafka partition of the version',
    offset Int64 COMMENT 'Kafka offset of the version',
    is_deleted UInt8 COMMENT '1 for a deletion (a record without a value); the columns below are then empty',
    fiscal_year Int32 COMMENT 'Fiscal year',
    fiscal_week Int32 COMMENT 'Week of the fiscal year, from 1',
    fiscal_period Int32 COMMENT 'Period of the fiscal year, from 1',
    holiday String COMMENT 'Name of the holiday; empty without one',
    broker_ts DateTime64(3, 'UTC') COMMENT 'Time of the Kafka record'
)
ENGINE = ReplacingMergeTree
ORDER BY (day, updated_at, topic, partition, offset)
COMMENT 'Every version of every day of the retail calendar, from the compacted topic reference.calendar. Read calendar_versions.';

-- A version holds from known_from until known_until, exclusive, when the next one became known. What was known at K: known_from <= K AND known_until > K.
CREATE OR REPLACE VIEW promotion_versions AS
SELECT promo_id, name, starts_at, ends_at, sku_ids, location_ids, discount_percent, updated_at AS known_from, next AS known_until
FROM
(
    SELECT *, leadInFrame(updated_at, 1, toDateTime64('2299-12-31 00:00:00', 3, 'UTC'))
        OVER (PARTITION BY promo_id ORDER BY updated_at, topic, partition, offset ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next
    FROM promotions FINAL
)
WHERE NOT is_deleted AND next > updated_at;

CREATE OR REPLACE VIEW calendar_versions AS
SELECT day, fiscal_year, fiscal_week, fiscal_period, holiday, updated_at AS known_from, next AS known_until
FROM
(
    SELECT *, leadInFrame(updated_at, 1, toDateTime64('2299-12-31 00:00:00', 3, 'UTC'))
        OVER (PARTITION BY day ORDER BY updated_at, topic, partition, offset ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next
    FROM calendar FINAL
)
WHERE NOT is_deleted AND next > updated_at;

-- The promotions that ran at a time, as known at a time.
CREATE OR REPLACE VIEW promotions_as_of AS
SELECT * FROM promotion_versions
WHERE known_from <= {known_at:DateTime64(3, 'UTC')} AND known_until > {known_at:DateTime64(3, 'UTC')}
    AND starts_at <= {at:DateTime64(3, 'UTC')} AND ends_at > {at:DateTime64(3, 'UTC')};

-- The movements of one SKU until a time, inclusive, as known at a time, with the effects of corrections as rows of their own. location '' for all;
-- a location's movements include the other ends of its transfers. The facts are those of ledger_effective.
CREATE OR REPLACE VIEW movements_as_of AS
SELECT * FROM ledger_effective(topic = '', partition = -1, below = 9223372036854775807, skus = [{sku:String}], before = [], known_at = {known_at:DateTime64(3, 'UTC')},
    since = '1970-01-01 00:00:00', until = '2299-12-31 00:00:00')
WHERE event_ts <= {at:DateTime64(3, 'UTC')} AND ({location:String} = '' OR location_id = {location:String}
    OR (movement_type IN ('TRANSFER_OUT', 'TRANSFER_IN') AND counterpart_location_id = {location:String}));

-- The position of one SKU at one location, '' for all, at a time, inclusive, as known at a time. The rules are those of positions_as_of.
CREATE OR REPLACE VIEW position_as_of AS
SELECT * FROM positions_as_of(topic = '', partition = -1, below = 9223372036854775807, skus = [{sku:String}], before = [], known_at = {known_at:DateTime64(3, 'UTC')},
    until = addMilliseconds({at:DateTime64(3, 'UTC')}, 1))
WHERE {location:String} = '' OR location = {location:String};

-- Store operations: a row for each SKU, location and day in which something happened, with the calendar as known now and the promotions that were
-- known when the day ended and touched it.
CREATE OR REPLACE VIEW demand_daily_curated AS
WITH (SELECT groupArray((promo_id, starts_at, ends_at, sku_ids, location_ids, known_from, known_until)) FROM promotion_versions) AS versions
SELECT d.*, c.fiscal_year AS fiscal_year, c.fiscal_week AS fiscal_week, c.fiscal_period AS fiscal_period, c.holiday AS holiday,
    toDateTime64(d.day + 1, 3, 'UTC') AS day_end,
    arraySort(arrayMap(p -> p.1, arrayFilter(p -> p.2 < day_end AND p.3 > toDateTime64(d.day, 3, 'UTC') AND p.6 <= day_end AND p.7 > day_end
        AND (empty(p.4) OR has(p.4, d.sku_id)) AND (empty(p.5) OR has(p.5, toString(d.location_id))), versions))) AS promotions
FROM demand_daily_current AS d
LEFT JOIN (SELECT * FROM calendar_versions WHERE known_until = '2299-12-31 00:00:00') AS c ON d.day = c.day;

-- Store operations: a row for each location and day. orders counts an order once for each SKU in it.
CREATE OR REPLACE VIEW store_daily AS
SELECT location_id, day, any(t.fiscal_year) AS fiscal_year, any(t.fiscal_week) AS fiscal_week, any(t.fiscal_period) AS fiscal_period, any(t.holiday) AS holiday,
    count() AS skus, countIf(t.stockout_minutes > 0) AS skus_short, sum(t.units_sold) AS units_sold, sum(t.units_returned) AS units_returned,
    sum(t.net_units) AS net_units, sum(t.orders) AS order_lines, sum(t.gross_revenue) AS gross_revenue, sum(t.discount) AS discount, sum(t.net_revenue) AS net_revenue,
    sum(t.promo_units) AS promo_units, sum(t.stockout_minutes) AS stockout_minutes, sum(t.observed_minutes) AS observed_minutes,
    if(observed_minutes > 0, 1 - stockout_minutes / observed_minutes, NULL) AS in_stock_share
FROM demand_daily_curated AS t
GROUP BY location_id, day;

-- Store operations: the latest closed position of each SKU at each location.
CREATE OR REPLACE VIEW stock_closed AS
SELECT sku_id, location_id, max(hour) + INTERVAL 1 HOUR AS as_of,
    argMax(on_hand, hour) AS on_hand, argMax(unsellable, hour) AS unsellable, argMax(reserved, hour) AS reserved, argMax(in_transit_in, hour) AS in_transit_in,
    argMax(in_transit_out, hour) AS in_transit_out, argMax(available, hour) AS available, argMax(last_count_ts, hour) AS last_count_ts, argMax(last_sale_ts, hour) AS last_sale_ts
FROM position_hourly_current
GROUP BY sku_id, location_id;

-- Features of models, point-in-time correct: for each time of at, what was known then and of nothing later. Revisions count that were written until
-- then, days that had ended and hours that had ended by then, promotions whose version was known. Asking again later gives the same.
--   at: times of the labels, such as ['2026-03-01 00:00:00', '2026-03-02 00:00:00']; skus: [] for all.
--   units_1d, _7d, _28d: units sold in the last 1, 7, 28 whole days; sold_days_28d: days with a sale among them; days_known: whole days since the first row, 28 at most;
--   in_stock_share_28d: null without a row; on_hand, available: as closed, null before the first close; promotions: those that run at the time.
CREATE OR REPLACE VIEW demand_features AS
WITH
    {at:Array(DateTime64(3, 'UTC'))} AS moments,
    (SELECT groupArray((promo_id, starts_at, ends_at, sku_ids, location_ids, known_from, known_until)) FROM promotion_versions) AS versions,
    days AS
    (
        SELECT moment, sku_id, location_id, day,
            argMax((facts, units_sold, units_returned, net_revenue, promo_units, stockout_minutes, observed_minutes), (revision, known)) AS latest
        FROM
        (
            SELECT *, arrayJoin(arrayFilter(m -> recorded_at <= m AND toDateTime64(day + 1, 3, 'UTC') <= m AND day >= toDate(m) - 28, moments)) AS moment
            FROM demand_daily
            WHERE (empty({skus:Array(String)}) OR sku_id IN {skus:Array(String)})
                AND day >= toDate(arrayMin(moments)) - 28 AND day < toDate(arrayMax(moments))
        )
        GROUP BY moment, sku_id, location_id, day
        HAVING latest.1 > 0 OR latest.6 > 0
    ),
    stock AS
    (
        SELECT moment, sku_id, location_id, argMax(latest, hour) AS last
        FROM
        (
            SELECT moment, sku_id, location_id, hour, argMax((facts, on_hand, available, last_sale_ts, last_count_ts), (revision, known)) AS latest
            FROM
            (
                SELECT *, arrayJoin(arrayFilter(m -> recorded_at <= m AND hour + INTERVAL 1 HOUR <= m, moments)) AS moment
                FROM position_hourly
                WHERE (empty({skus:Array(String)}) OR sku_id IN {skus:Array(String)}) AND hour < arrayMax(moments)
            )
            GROUP BY moment, sku_id, location_id, hour
            HAVING latest.1 > 0
        )
        GROUP BY moment, sku_id, location_id
    )
SELECT s.moment AS at, s.sku_id AS sku_id, s.location_id AS location_id,
    d.units_1d AS units_1d, d.units_7d AS units_7d, d.units_28d AS units_28d, d.units_returned_28d AS units_returned_28d, d.net_revenue_28d AS net_revenue_28d,
    d.promo_units_28d AS promo_units_28d, d.sold_days_28d AS sold_days_28d, d.days_known AS days_known,
    if(d.observed_28d > 0, 1 - d.stockout_28d / d.observed_28d, NULL) AS in_stock_share_28d,
    s.last.2 AS on_hand, s.last.3 AS available,
    if(s.last.4 > toDateTime64(0, 3, 'UTC'), dateDiff('day', s.last.4, s.moment), NULL) AS days_since_sale,
    if(s.last.5 > toDateTime64(0, 3, 'UTC'), dateDiff('day', s.last.5, s.moment), NULL) AS days_since_count,
    arraySort(arrayMap(p -> p.1, arrayFilter(p -> p.2 <= s.moment AND p.3 > s.moment AND p.6 <= s.moment AND p.7 > s.moment
        AND (empty(p.4) OR has(p.4, s.sku_id)) AND (empty(p.5) OR has(p.5, toString(s.location_id))), versions))) AS promotions
FROM stock AS s
LEFT JOIN
(
    SELECT moment, sku_id, location_id,
        sumIf(latest.2, day >= toDate(moment) - 1) AS units_1d, sumIf(latest.2, day >= toDate(moment) - 7) AS units_7d, sum(latest.2) AS units_28d,
        sum(latest.3) AS units_returned_28d, sum(latest.4) AS net_revenue_28d, sum(latest.5) AS promo_units_28d, countIf(latest.2 > 0) AS sold_days_28d,
        dateDiff('day', min(day), toDate(moment)) AS days_known, sum(latest.6) AS stockout_28d, sum(latest.7) AS observed_28d
    FROM days
    GROUP BY moment, sku_id, location_id
) AS d ON s.moment = d.moment AND s.sku_id = d.sku_id AND s.location_id = d.location_id;

-- Finance: what changed the stock in [since, until), as known at a time, each line with its source document. Reservations move no stock and are left out,
-- as are services and fees. A count is a line with what it found beyond the book. Opening on-hand plus units is closing on-hand: see finance_tie_out.
--   account: purchase, sale, return, return_to_vendor, transfer, adjustment, count, damage;
--   units: change of on-hand; damaged units: change of the unsellable part of it; cost: units x unit_cost, null without a cost; revenue: of sales, returns negative.
CREATE OR REPLACE VIEW finance_movements AS
WITH
    facts AS
    (
        SELECT * FROM ledger_effective(topic = '', partition = -1, below = 9223372036854775807, skus = {skus:Array(String)}, before = [], known_at = {known_at:DateTime64(3, 'UTC')},
            since = {since:DateTime64(3, 'UTC')}, until = {until:DateTime64(3, 'UTC')})
        WHERE stocked = 1 AND movement_type NOT IN ('RESERVE', 'RELEASE')
    ),
    counted AS
    (
        SELECT f.sku_id AS sku_id, f.location_id AS location_id, any(o.on_hand) AS opening,
            arraySort(groupArrayIf((event_ts, assumeNotNull(counted_qty), topic, partition, offset), movement_type = 'CYCLE_COUNT' AND counted_qty IS NOT NULL)) AS counts,
            groupArrayIf((event_ts, qty_delta), movement_type NOT IN ('CYCLE_COUNT', 'DAMAGE')) AS deltas
        FROM facts AS f
        LEFT JOIN
        (
            SELECT sku_id, location, on_hand FROM positions_as_of(topic = '', partition = -1, below = 9223372036854775807, skus = {skus:Array(String)}, before = [],
                known_at = {known_at:DateTime64(3, 'UTC')}, until = {since:DateTime64(3, 'UTC')})
        ) AS o ON f.sku_id = o.sku_id AND f.location_id = o.location
        GROUP BY sku_id, location_id
        HAVING notEmpty(counts)
    ),
    found AS
    (
        -- A movement at the very instant of a count is part of what was counted.
        SELECT sku_id, location_id, line.1.3 AS topic, line.1.4 AS partition, line.1.5 AS offset,
            line.1.2 - line.2 - arraySum(d -> if(d.1 > line.3 AND d.1 <= line.1.1, d.2, 0), deltas) AS units
        FROM counted
        ARRAY JOIN arrayMap((c, i) -> (c, if(i = 1, opening, counts[i - 1].2), if(i = 1, toDateTime64(0, 3, 'UTC'), counts[i - 1].1)), counts, arrayEnumerate(counts)) AS line
    )
SELECT f.sku_id AS sku_id, f.location_id AS location_id, f.event_ts AS event_ts,
    transform(f.movement_type, ['RECEIPT', 'SALE', 'SHIP', 'RETURN', 'RTV', 'TRANSFER_OUT', 'TRANSFER_IN', 'CYCLE_COUNT', 'DAMAGE'],
        ['purchase', 'sale', 'sale', 'return', 'return_to_vendor', 'transfer', 'transfer', 'count', 'damage'], 'adjustment') AS account,
    f.movement_type AS movement_type, f.reference_id AS document, f.counterpart_location_id AS counterpart_location_id,
    multiIf(f.movement_type = 'DAMAGE', 0, f.movement_type = 'CYCLE_COUNT', c.units, f.qty_delta) AS units,
    if(f.movement_type = 'DAMAGE', -f.qty_delta, 0) AS damaged_units,
    f.unit_cost AS unit_cost, f.unit_cost * units AS cost,
    if(account IN ('sale', 'return'), -f.qty_delta * f.unit_price, NULL) AS revenue,
    f.currency AS currency, f.source_system AS source_system, f.performed_by AS performed_by, f.reason AS reason,
    f.event_id AS event_id, f.effect_of AS effect_of, f.topic AS topic, f.partition AS partition, f.offset AS offset, f.recorded_at AS recorded_at
FROM facts AS f
LEFT JOIN found AS c ON f.sku_id = c.sku_id AND f.location_id = c.location_id AND f.topic = c.topic AND f.partition = c.partition AND f.offset = c.offset;

-- Finance: whether the movements explain the stock, a row for each SKU and location: opening on-hand plus the units of finance_movements must be
-- closing on-hand, both from the ledger's positions, and likewise for unsellable units. difference and damaged_difference are 0 where they do.
CREATE OR REPLACE VIEW finance_tie_out AS
SELECT sku_id, location_id, sum(opening) AS opening, sum(moved) AS moved, sum(closing) AS closing, closing - opening - moved AS difference,
    sum(damaged_closing) - sum(damaged_opening) - sum(damaged) AS damaged_difference
FROM
(
    SELECT sku_id, location AS location_id, on_hand AS opening, 0 AS moved, 0 AS closing, unsellable AS damaged_opening, 0 AS damaged, 0 AS damaged_closing
    FROM positions_as_of(topic = '', partition = -1, below = 9223372036854775807, skus = {skus:Array(String)}, before = [],
        known_at = {known_at:DateTime64(3, 'UTC')}, until = {since:DateTime64(3, 'UTC')})
    UNION ALL
    SELECT sku_id, location, 0, 0, on_hand, 0, 0, unsellable
    FROM positions_as_of(topic = '', partition = -1, below = 9223372036854775807, skus = {skus:Array(String)}, before = [],
        known_at = {known_at:DateTime64(3, 'UTC')}, until = {until:DateTime64(3, 'UTC')})
    UNION ALL
    SELECT sku_id, location_id, 0, units, 0, 0, damaged_units, 0
    FROM finance_movements(skus = {skus:Array(String)}, known_at = {known_at:DateTime64(3, 'UTC')}, since = {since:DateTime64(3, 'UTC')}, until = {until:DateTime64(3, 'UTC')})
)
GROUP BY sku_id, location_id;

-- Finance: whether every row of the ledger in [since, until) is in a line of finance_movements or left out for a reason. missing and extra are 0 where it is.
CREATE OR REPLACE VIEW finance_coverage AS
SELECT countIf(in_ledger AND NOT in_finance AND NOT left_out) AS missing, countIf(in_finance AND NOT in_ledger) AS extra,
    countIf(in_ledger) AS ledger_rows, countIf(in_finance) AS finance_rows, countIf(left_out) AS left_out_rows
FROM
(
    SELECT topic, partition, offset, max(l) AS in_ledger, max(f) AS in_finance, max(o) AS left_out
    FROM
    (
        SELECT topic, partition, offset, 1 AS l, 0 AS f, stocked = 0 OR movement_type IN ('RESERVE', 'RELEASE') AS o
        FROM ledger FINAL
        WHERE movement_type != 'CORRECTION' AND event_ts >= {since:DateTime64(3, 'UTC')} AND event_ts < {until:DateTime64(3, 'UTC')} AND recorded_at <= {known_at:DateTime64(3, 'UTC')}
            AND (empty({skus:Array(String)}) OR sku_id IN {skus:Array(String)})
        UNION ALL
        SELECT topic, partition, offset, 0, 1, 0
        FROM finance_movements(skus = {skus:Array(String)}, known_at = {known_at:DateTime64(3, 'UTC')}, since = {since:DateTime64(3, 'UTC')}, until = {until:DateTime64(3, 'UTC')})
    )
    GROUP BY topic, partition, offset
);
