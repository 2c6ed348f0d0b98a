// An independent computation of what importing UCI "Online Retail" must lead to: SQL over the CSV, in DuckDB.
// usage: node online-retail.js FILE.csv.gz [FOLDER], with @duckdb/node-api on NODE_PATH. Prints one JSON object: totals, classes, and for
// each stock code the on-hand delta, units sold, units returned and revenue in ten-thousandths. With a folder it also writes what
// online-retail-days.js says.
const { DuckDBInstance } = require('@duckdb/node-api');
const { writeDays } = require('./online-retail-days.js');

async function main() {
  const file = process.argv[2].replaceAll("'", "''");
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const rows = async sql => (await connection.runAndReadAll(sql)).getRowObjectsJson();

  // An invoice of one line without price, customer and minus sign is stock that turned up: told by its shape, where the mapping goes by the note.
  await connection.run(`
    create table raw as select *, row_number() over () as line from read_csv('${file}', header = true, all_varchar = true);
    create table sales as
      select *, cast(Quantity as bigint) as units, cast(UnitPrice as decimal(18, 4)) as price,
        case
          when InvoiceNo like 'A%' then 'bad_debt'
          when InvoiceNo like 'C%' then 'cancellation'
          when cast(Quantity as bigint) < 0 then 'write_off'
          when cast(UnitPrice as decimal(18, 4)) = 0 and CustomerID is null and count(*) over (partition by InvoiceNo) = 1 then 'found'
          when cast(UnitPrice as decimal(18, 4)) = 0 then 'free_issue'
          else 'sale'
        end as class,
        StockCode in ('POST', 'DOT', 'C2', 'D', 'M', 'm', 'BANK CHARGES', 'AMAZONFEE', 'CRUK', 'S', 'B') or StockCode like 'gift%' as service
      from raw;
  `);

  const codes = await rows(`
    select StockCode as code, bool_or(service) as service,
      cast(case when bool_or(service) then 0 else
        sum(case when class in ('sale', 'free_issue', 'cancellation') then -units else units end) end as bigint) as on_hand,
      cast(coalesce(sum(units) filter (class in ('sale', 'free_issue')), 0) as bigint) as sold,
      cast(coalesce(sum(-units) filter (class = 'cancellation'), 0) as bigint) as returned,
      cast(coalesce(sum(units * price * 10000) filter (class in ('sale', 'free_issue', 'cancellation')), 0) as bigint) as revenue
    from sales group by StockCode order by StockCode`);
  const classes = await rows(`
    select class, count(*) as rows, cast(sum(units) as bigint) as quantity, cast(sum(units * price * 10000) as bigint) as value
    from sales group by class order by class`);
  const [totals] = await rows(`
    select count(*) as rows, count(distinct CustomerID) as customers,
      (select cast(sum(n - 1) as bigint) from (select count(*) as n from raw group by InvoiceNo, StockCode, Description, Quantity, InvoiceDate,
        UnitPrice, CustomerID, Country)) as duplicates
    from sales`);

  // Cancellations for which the same customer bought the same code at the same price, enough of it, no later: at most these can be tied.
  const [tied] = await rows(`
    select count(*) as possible from sales c where c.class = 'cancellation' and exists (
      select 1 from sales s where s.class in ('sale', 'free_issue') and s.CustomerID = c.CustomerID and s.StockCode = c.StockCode
        and s.price = c.price and s.line < c.line and s.units >= -c.units)`);

  const number = value => (typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value);
  const plain = object => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, number(value)]));
  const days = process.argv[3] ? await writeDays(connection, process.argv[3]) : {};
  console.log(JSON.stringify({ ...plain(days), ...plain(totals), tiesPossible: number(tied.possible), classes: classes.map(plain), codes: codes.map(row => ({ ...plain(row), code: row.code })) }));
}

main();
