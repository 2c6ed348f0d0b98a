// An independent computation of what random histories must lead to: SQL over the raw events, in DuckDB.
// usage: node history-oracle.js EVENTS.jsonl OUT.json, with @duckdb/node-api on NODE_PATH. An event_id counts once. A correction acts where and when
// the event at the end of its chain was: an amendment adds its quantity, one of quantity 0 voids what it names.
const { DuckDBInstance } = require('@duckdb/node-api');
const fs = require('fs');

const LongestChain = 16;

async function main() {
  const [events, out] = process.argv.slice(2);
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
      select p.sku_id, p.location_id, coalesce(c.ts, 0) as last_count_ts, coalesce(c.counted, 0) as last_count_qty,
        coalesce(c.counted, 0) + coalesce((select sum(m.qty) from moves m where m.sku_id = p.sku_id and m.location_id = p.location_id and m.on_hand and m.ts > coalesce(c.ts, 0)), 0) as on_hand,
        coalesce((select -sum(m.qty) from moves m where m.sku_id = p.sku_id and m.location_id = p.location_id and m.type = 'DAMAGE'), 0) as unsellable,
        coalesce((select sum(case when m.type = 'SHIP' then m.qty else -m.qty end) from moves m where m.sku_id = p.sku_id and m.location_id = p.location_id
          and m.type in ('SHIP', 'RESERVE', 'RELEASE')), 0) as reserved,
        coalesce((select -sum(m.qty) from moves m where m.sku_id = p.sku_id and ((m.type = 'TRANSFER_IN' and m.location_id = p.location_id)
          or (m.type = 'TRANSFER_OUT' and m.other = p.location_id))), 0) as in_transit_in,
        coalesce((select -sum(m.qty) from moves m where m.sku_id = p.sku_id and ((m.type = 'TRANSFER_OUT' and m.location_id = p.location_id)
          or (m.type = 'TRANSFER_IN' and m.other = p.location_id))), 0) as in_transit_out
      from places p left join (select * from counts qualify row_number() over (partition by sku_id, location_id order by ts desc) = 1) c
        on c.sku_id = p.sku_id and c.location_id = p.location_id;`);

  const demand = (name, milliseconds) => run(`
    create table ${name} as
    with orders as (select sku_id, location_id, ts // ${milliseconds} * ${milliseconds} as start, reference_id, -sum(qty) as units from moves where type in ('SALE', 'SHIP') group by all)
    select sku_id, location_id, ts // ${milliseconds} * ${milliseconds} as start,
      coalesce(sum(-qty) filter (type in ('SALE', 'SHIP')), 0) as units_sold,
      coalesce(sum(qty) filter (type = 'RETURN'), 0) as units_returned,
      (select count(*) from orders o where o.sku_id = m.sku_id and o.location_id = m.location_id and o.start = m.ts // ${milliseconds} * ${milliseconds} and o.units > 0) as orders,
      coalesce(sum(case when not voided then -qty * coalesce(price, 0) + discount end) filter (type in ('SALE', 'SHIP')), 0) as gross_revenue,
      coalesce(sum(case when not voided then discount end) filter (type in ('SALE', 'SHIP')), 0) as discount,
      coalesce(sum(case when not voided then -qty * coalesce(price, 0) end) filter (type in ('SALE', 'SHIP', 'RETURN')), 0) as net_revenue,
      coalesce(sum(-qty) filter (type in ('SALE', 'SHIP') and price is null), 0) as unpriced_units,
      coalesce(sum(-qty) filter (type in ('SALE', 'SHIP') and promo_id <> ''), 0) as promo_units
    from moves m group by all`);
  await demand('hourly', 3600000);
  await demand('daily', 86400000);

  const rows = async table => (await connection.runAndReadAll(`select * from ${table} order by all`)).getRowObjectsJson();
  const result = {};
  for (const table of ['positions', 'hourly', 'daily']) {
    result[table] = await rows(table);
  }

  fs.writeFileSync(out, JSON.stringify(result));
  console.log('done');
}

main();
