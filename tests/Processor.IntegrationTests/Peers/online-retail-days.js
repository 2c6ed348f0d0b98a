// Positions, days and hours that UCI "Online Retail" must lead to with a stocktake of each code at the beginning of each month in which it sells:
// SQL over table sales of online-retail.js. Nothing here reads what the processor wrote. All times are UTC, all figures are whole numbers:
// days, hours and milliseconds since 1970, money in ten-thousandths, lost sales in millionths of a unit.
//
// Files in the folder:
//   stocktakes.csv  code,time,counted: twice what the code sells in the month; where the number of its lines divides by four nine tenths, rounded up, so
//                   that these sell out. An input of the import.
//   positions.tsv   code, on-hand, time of the last event, time and units of the last count
//   daily.tsv       code, location, day, facts, sold, returned, net, orders, gross, discount, net revenue, unpriced, promoted, ms out of stock, ms observed, minutes in stock
//   hourly.tsv      by code: hours, facts, sold, returned, orders, gross, net revenue, ms out of stock, ms observed, and sums weighted by the hour: facts, sold, minutes out
//   lost-sales.tsv  by code: hours out of stock, hours with a known rate, with known lost sales, sum of the hours that the rates rest on, lost sales
//   kpis.tsv        sold, returned, net, orders, gross, discount, net revenue, promoted, ms out of stock, ms observed, rows of promo_lift
const path = require('path');

const Hour = 3600000;
const Day = 24 * Hour;

// A row without facts exists up to so long after a sale; the lost-sales view looks so far back and asks for so many hours.
const Window = 28 * Day;
const RateHours = 56 * 24;
const MinimumHours = 4;

async function writeDays(connection, folder) {
  const run = sql => connection.run(sql);
  const first = async sql => (await connection.runAndReadAll(sql)).getRowObjectsJson()[0];
  const write = (name, sql, options = "delimiter '\t', header false, nullstr '-'") =>
    run(`copy (${sql}) to '${path.join(folder, name).replaceAll("'", "''")}' (format csv, ${options})`);

  // Invoices carry London's time: an hour ahead of UTC from the last Sunday of March to that of October.
  await run(`
    create table facts as
      select StockCode as code, InvoiceNo as document, class, service, units, cast(units * price * 10000 as bigint) as money,
        epoch_ms(cast(InvoiceDate as timestamp)) - case when InvoiceDate >= '2011-03-27 02:00:00' and InvoiceDate < '2011-10-30 02:00:00' then ${Hour} else 0 end as ts,
        class in ('sale', 'free_issue') as sold,
        case when class in ('sale', 'free_issue', 'cancellation') then -units else units end as change
      from sales;
    create table stocktakes as
      select code, epoch_ms(date_trunc('month', make_timestamp(ts * 1000))) as ts, 
        cast(case when count(*) % 4 = 0 then (sum(units) * 9 + 9) // 10 else sum(units) * 2 end as bigint) as counted
      from facts where sold and not service group by all`);
  const until = Number((await first(`select (max(ts) // ${Day} + 1) * ${Day} as until from facts`)).until);

  // The course of each position: from each time on, on-hand until the next. A count sets it, whatever else happens at its instant.
  await run(`
    create table course as
      with points as (
        select code, ts, sum(change) as change, max(counted) as counted, max(ts) filter (sold) as sale
        from (select code, ts, change, null as counted, sold from facts where not service union all select code, ts, 0, counted, false from stocktakes)
        group by code, ts),
      counts as (select *, count(counted) over (partition by code order by ts) as number from points)
      select code, ts, coalesce(lead(ts) over (partition by code order by ts), ${until}) as until, counted,
        cast(sum(coalesce(counted, change)) over (partition by code, number order by ts) as bigint) as on_hand,
        max(sale) over (partition by code order by ts) as last_sale, min(ts) over (partition by code) as first_ts
      from counts`);
  await write('stocktakes.csv', "select code, strftime(make_timestamp(ts * 1000), '%Y-%m-%dT%H:%M:%SZ') as time, counted from stocktakes order by ts, code", 'header true');
  await write('positions.tsv', `
    select code, arg_max(on_hand, ts), max(ts), coalesce(max(ts) filter (counted is not null), 0), coalesce(arg_max(counted, ts) filter (counted is not null), 0)
    from course group by code order by all`);

  const periods = (name, length) => run(`
    create table ${name} as
      with demand as (
        select code, ts // ${length} as n, bool_or(service) as service, count(*) as facts, coalesce(sum(units) filter (sold), 0) as sold,
          coalesce(sum(-units) filter (class = 'cancellation'), 0) as returned, count(distinct document) filter (sold) as orders,
          coalesce(sum(money) filter (sold), 0) as gross, coalesce(sum(money) filter (sold or class = 'cancellation'), 0) as net
        from (select code, ts, service, units, sold, class, document, money from facts
          union all select code, ts, false, 0, false, 'stocktake', null, 0 from stocktakes)
        group by all),
      outages as (
        select code, n, sum(least(until, (n + 1) * ${length}) - greatest(ts, n * ${length})) as out_ms, max(last_sale) as last_sale
        from (select *, unnest(generate_series(ts // ${length}, (until - 1) // ${length})) as n from course where on_hand <= 0 and until > ts)
        group by all)
      select code, n, coalesce(facts, 0) as facts, coalesce(sold, 0) as sold, coalesce(returned, 0) as returned, coalesce(orders, 0) as orders,
        cast(coalesce(gross, 0) as bigint) as gross, cast(coalesce(net, 0) as bigint) as net, coalesce(out_ms, 0) as out_ms,
        case when service then 0 else least(${length}, (n + 1) * ${length} - first_ts) end as observed_ms
      from demand full join outages using (code, n) left join (select code, min(ts) as first_ts from course group by code) using (code)
      where facts is not null or last_sale + ${Window} >= n * ${length}`);
  await periods('daily', Day);
  await periods('hourly', Hour);
  await write('daily.tsv', `
    select code, 'UK-WEB', n, facts, sold, returned, sold - returned, orders, gross, 0, net, 0, 0, out_ms, observed_ms,
      case when observed_ms > 0 then cast((observed_ms - out_ms) // 60000 as bigint) end
    from daily order by all`);
  await write('hourly.tsv', `
    select code, count(*), sum(facts), sum(sold), sum(returned), sum(orders), sum(gross), sum(net), sum(out_ms), sum(observed_ms), sum(n * facts), sum(n * sold), sum(n * (out_ms // 60000))
    from hourly group by code order by code`);

  // Of an hour out of stock: units a minute in the same hour of the week before it, in hours that were in stock.
  await write('lost-sales.tsv', `
    with firsts as (select code, min(n) as first_n from hourly group by code),
    usual as (
      select h.code, h.n, h.out_ms, h.sold, least(h.n - f.first_n, ${RateHours}) // 168 - count(b.n) filter (b.out_ms > 0) as hours,
        coalesce(sum(b.sold) filter (b.out_ms = 0), 0) as sold_before
      from hourly h join firsts f using (code)
        left join hourly b on b.code = h.code and b.n % 168 = h.n % 168 and b.n < h.n and b.n >= h.n - ${RateHours}
      where h.out_ms > 0
      group by h.code, h.n, h.out_ms, h.sold, f.first_n),
    rates as (select *, case when hours >= ${MinimumHours} then cast(sold_before as double) / cast(hours * 60 as double) end as rate from usual),
    lost as (select *, rate * (cast(out_ms as double) / 60000) - cast(sold as double) as units from rates)
    select code, count(*), count(rate), count(units), cast(sum(hours) as bigint),
      coalesce(cast(sum(cast(floor(case when units > 0 then units else 0 end * 1000000 + 0.5) as bigint)) filter (units is not null) as bigint), 0)
    from lost group by code order by code`);

  // The figures of the whole file come from its lines, not from the days above.
  await write('kpis.tsv', `
    select sum(units) filter (sold), sum(-units) filter (class = 'cancellation'), sum(units) filter (sold or class = 'cancellation'),
      count(distinct (document, code)) filter (sold), cast(sum(money) filter (sold) as bigint), 0, cast(sum(money) filter (sold or class = 'cancellation') as bigint), 0,
      (select sum(out_ms) from daily), (select sum(observed_ms) from daily), 0
    from facts`);
  return { until, stocktakes: Number((await first('select count(*) as n from stocktakes')).n) };
}

module.exports = { writeDays };
