// An independent computation of what random histories must lead to: SQL over the raw events, in DuckDB.
// usage: node history-oracle.js EVENTS.jsonl FOLDER UNTIL, with @duckdb/node-api on NODE_PATH. An event_id counts once. A correction acts where and when
// the event at the end of its chain was: an amendment adds its quantity, one of quantity 0 voids what it names.
// Writes a file for each table into FOLDER, fields between blanks: SKU, location, then whole numbers: money in 1/10,000, times in milliseconds. Hours
// and days are those that end until UNTIL (milliseconds since 1970-01-01 UTC, midnight).
const { DuckDBInstance } = require('@duckdb/node-api');

const LongestChain = 16;
const Hour = 3600000;
const Day = 24 * Hour;

// How long after a sale an hour or day without stock makes a row though nothing happened in it.
const Window = 28 * Day;

async function main() {
  const [events, folder, until] = process.argv.slice(2);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const run = sql => connection.run(sql);
  await run(`create table events as select distinct on (sku_id, event_id) * from read_json('${events.replaceAll("'", "''")}', format = 'newline_delimited', columns = {
    event_id: 'varchar', event_ts: 'bigint', sku_id: 'varchar', location_id: 'varchar', movement_type: 'varchar', qty_delta: 'bigint', counted_qty: 'bigint',
    counterpart_location_id: 'varchar', corrects_event_id: 'varchar', reference_id: 'varchar', unit_price: 'decimal(18,4)', discount: 'decimal(18,4)', promo_id: 'varchar'})`);

  // The corrections below each movement, step by step.
  await run(`create table nodes as select sku_id, event_id, event_id as root, null::varchar as parent, 0 as depth, false as is_void, false as voided, qty_delta as quantity,
    true as active, unit_price, discount from events where movement_type <> 'CORRECTION'`);
  for (let depth = 1; depth <= LongestChain; depth++) {
    await run(`insert into nodes select c.sku_id, c.event_id, n.root, n.event_id, ${depth}, c.qty_delta = 0, false, c.qty_delta, false, c.unit_price, c.discount
      from events c join nodes n on n.sku_id = c.sku_id and n.event_id = c.corrects_event_id and n.depth = ${depth - 1} where c.movement_type = 'CORRECTION'`);
  }

  // A void holds unless it is voided itself: the deepest ones are judged first.
  for (let depth = LongestChain - 1; depth >= 0; depth--) {
    await run(`update nodes set voided = exists (select 1 from nodes c where c.sku_id = nodes.sku_id and c.parent = nodes.event_id and c.is_void and not c.voided)
      where depth = ${depth}`);
  }

  // An amendment holds if it is not voided, nor what it amends.
  for (let depth = 1; depth <= LongestChain; depth++) {
    await run(`update nodes set active = not is_void and not voided and exists (select 1 from nodes p where p.sku_id = nodes.sku_id and p.event_id = nodes.parent
      and p.active and not p.voided) where depth = ${depth}`);
  }

  await run(`
    create table facts as
      select e.sku_id, e.location_id, e.counterpart_location_id as other, e.event_ts as ts, e.movement_type as type, e.reference_id, e.promo_id,
        case when r.voided then 0 else n.quantity end as qty, coalesce(n.unit_price, e.unit_price) as price, coalesce(n.discount, 0) as discount, r.voided,
        n.depth = 0 as is_root, e.counted_qty
      from nodes n join events e on e.sku_id = n.sku_id and e.event_id = n.root join nodes r on r.sku_id = n.sku_id and r.event_id = n.root and r.depth = 0
      where n.active;
    create table counts as
      select sku_id, location_id, ts, max(counted) as counted from (
        select e.sku_id, e.location_id, e.event_ts as ts, e.event_id, any_value(e.counted_qty) + sum(case when n.depth > 0 then n.quantity else 0 end) as counted
        from nodes n join events e on e.sku_id = n.sku_id and e.event_id = n.root join nodes r on r.sku_id = n.sku_id and r.event_id = n.root and r.depth = 0
        where n.active and e.movement_type = 'CYCLE_COUNT' and not r.voided
        group by all) group by all;
    create table places as
      select distinct sku_id, location_id from facts union select distinct sku_id, other from facts where type in ('TRANSFER_OUT', 'TRANSFER_IN');
    create table moves as
      select *, type in ('SALE', 'RETURN', 'RECEIPT', 'TRANSFER_OUT', 'TRANSFER_IN', 'ADJUSTMENT', 'RTV', 'SHIP') as on_hand from facts where type <> 'CYCLE_COUNT';
    create table positions as
      select p.sku_id, p.location_id,
        coalesce(c.counted, 0) + coalesce((select sum(m.qty) from moves m where m.sku_id = p.sku_id and m.location_id = p.location_id and m.on_hand and m.ts > coalesce(c.ts, 0)), 0) as on_hand,
        coalesce((select -sum(m.qty) from moves m where m.sku_id = p.sku_id and m.location_id = p.location_id and m.type = 'DAMAGE'), 0) as unsellable,
        coalesce((select sum(case when m.type = 'SHIP' then m.qty else -m.qty end) from moves m where m.sku_id = p.sku_id and m.location_id = p.location_id
          and m.type in ('SHIP', 'RESERVE', 'RELEASE')), 0) as reserved,
        coalesce((select -sum(m.qty) from moves m where m.sku_id = p.sku_id and ((m.type = 'TRANSFER_IN' and m.location_id = p.location_id)
          or (m.type = 'TRANSFER_OUT' and m.other = p.location_id))), 0) as in_transit_in,
        coalesce((select -sum(m.qty) from moves m where m.sku_id = p.sku_id and ((m.type = 'TRANSFER_OUT' and m.location_id = p.location_id)
          or (m.type = 'TRANSFER_IN' and m.other = p.location_id))), 0) as in_transit_out,
        coalesce(c.ts, 0) as last_count_ts, coalesce(c.counted, 0) as last_count_qty
      from places p left join (select * from counts qualify row_number() over (partition by sku_id, location_id order by ts desc) = 1) c
        on c.sku_id = p.sku_id and c.location_id = p.location_id;`);

  // Every instant at which something happened to a SKU at a place, transfers at both ends. A fact counts as the row that it is, a voided one as two:
  // itself and what takes it back.
  await run(`
    create table instants as
      with legs as (
        select sku_id, location_id, true as own, ts, type, qty, is_root, voided from facts
        union all
        select sku_id, other, false, ts, type, qty, is_root, voided from facts where type in ('TRANSFER_OUT', 'TRANSFER_IN'))
      select l.sku_id, l.location_id, l.ts, any_value(c.counted) as counted,
        sum(case when type = 'CYCLE_COUNT' then is_root::int when voided then 2 else 1 end) as facts,
        sum(case when own and type in ('SALE', 'RETURN', 'RECEIPT', 'TRANSFER_OUT', 'TRANSFER_IN', 'ADJUSTMENT', 'RTV', 'SHIP') then qty else 0 end) as moved,
        sum(case when own and type = 'DAMAGE' then -qty else 0 end) as unsellable,
        sum(case when own and type = 'SHIP' then qty when own and type in ('RESERVE', 'RELEASE') then -qty else 0 end) as reserved,
        sum(case when type = (case when own then 'TRANSFER_IN' else 'TRANSFER_OUT' end) then -qty else 0 end) as in_transit_in,
        sum(case when type = (case when own then 'TRANSFER_OUT' else 'TRANSFER_IN' end) then -qty else 0 end) as in_transit_out,
        max(case when own and type in ('SALE', 'SHIP') then l.ts end) as sale_ts
      from legs l left join counts c on c.sku_id = l.sku_id and c.location_id = l.location_id and c.ts = l.ts
      group by l.sku_id, l.location_id, l.ts;
    create table courses as
      with sums as (
        select sku_id, location_id, ts, facts, lead(ts, 1, ${until}) over course as next_ts, counted,
          sum(moved) over course as moved, sum(unsellable) over course as unsellable, sum(reserved) over course as reserved,
          sum(in_transit_in) over course as in_transit_in, sum(in_transit_out) over course as in_transit_out,
          coalesce(max(sale_ts) over course, 0) as last_sale_ts, coalesce(max(case when counted is not null then ts end) over course, 0) as last_count_ts
        from instants window course as (partition by sku_id, location_id order by ts))
      select s.*, s.moved + coalesce(c.counted - c.moved, 0) as on_hand, on_hand - s.unsellable - s.reserved as sellable
      from sums s left join sums c on c.sku_id = s.sku_id and c.location_id = s.location_id and c.ts = s.last_count_ts;
    create table position_hourly as
      select sku_id, location_id, ts // ${Hour} * ${Hour} as start, sum(facts) as facts, arg_max(on_hand, ts), arg_max(unsellable, ts), arg_max(reserved, ts),
        arg_max(in_transit_in, ts), arg_max(in_transit_out, ts), greatest(0, arg_max(sellable, ts)), arg_max(last_count_ts, ts), arg_max(last_sale_ts, ts)
      from courses group by all`);

  const money = sum => `round(coalesce(${sum}, 0)::double * 1e4)::bigint`;
  const demand = (name, length) => run(`
    create table ${name} as
    with placed as (
      select sku_id, location_id, start, count(*) as orders from (
        select sku_id, location_id, ts // ${length} * ${length} as start, reference_id from moves where type in ('SALE', 'SHIP') group by all having -sum(qty) > 0)
      group by all),
    sold as (
      select sku_id, location_id, ts // ${length} * ${length} as start,
        coalesce(sum(-qty) filter (type in ('SALE', 'SHIP')), 0) as units_sold,
        coalesce(sum(qty) filter (type = 'RETURN'), 0) as units_returned,
        sum(case when not voided then -qty * coalesce(price, 0) + discount end) filter (type in ('SALE', 'SHIP')) as gross_revenue,
        sum(case when not voided then discount end) filter (type in ('SALE', 'SHIP')) as discount,
        sum(case when not voided then -qty * coalesce(price, 0) end) filter (type in ('SALE', 'SHIP', 'RETURN')) as net_revenue,
        coalesce(sum(-qty) filter (type in ('SALE', 'SHIP') and price is null), 0) as unpriced_units,
        coalesce(sum(-qty) filter (type in ('SALE', 'SHIP') and promo_id <> ''), 0) as promo_units
      from moves group by all),
    happened as (
      select sku_id, location_id, ts // ${length} * ${length} as start, sum(facts) as facts from instants group by all),
    firsts as (
      select sku_id, location_id, min(ts) as first_ts from instants group by all),
    without_stock as (
      select sku_id, location_id, number * ${length} as start, max(last_sale_ts) as last_sale_ts,
        sum(least(next_ts, (number + 1) * ${length}) - greatest(ts, number * ${length})) as out_ms
      from (select *, unnest(generate_series(ts // ${length}, (next_ts - 1) // ${length})) as number from courses where sellable <= 0)
      group by all)
    select sku_id, location_id, start, coalesce(facts, 0), coalesce(units_sold, 0), coalesce(units_returned, 0), coalesce(units_sold - units_returned, 0), coalesce(orders, 0),
      ${money('gross_revenue')}, ${money('discount')}, ${money('net_revenue')}, coalesce(unpriced_units, 0), coalesce(promo_units, 0), coalesce(out_ms, 0),
      least(${length}, start + ${length} - first_ts)
    from happened full join without_stock using (sku_id, location_id, start) left join sold using (sku_id, location_id, start)
      left join placed using (sku_id, location_id, start) join firsts using (sku_id, location_id)
    where facts > 0 or last_sale_ts + ${Window} >= start`);
  await demand('demand_hourly', Hour);
  await demand('demand_daily', Day);

  for (const table of ['positions', 'demand_hourly', 'demand_daily', 'position_hourly']) {
    await run(`copy ${table} to '${folder.replaceAll("'", "''")}/${table}.txt' (format csv, delimiter ' ', header false)`);
  }

  console.log('done');
}

main();
