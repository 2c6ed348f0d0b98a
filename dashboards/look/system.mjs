// @ts-check
// The running system that dashboards are looked at with: a demo, Prometheus, Alertmanager and some load. All on 127.0.0.1.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

export const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

const freePort = () => new Promise((resolve, reject) => {
  const server = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    server.close(() => resolve(port));
  });
});

/** A child process with its output in a file. ended is its exit code. */
class Child {
  constructor(name, program, args, log, settings = {}) {
    this.name = name;
    this.log = log;
    this.process = spawn(program, args, { stdio: ['ignore', openSync(log, 'w'), openSync(log, 'a')], env: { ...process.env, ...settings } });
    this.ended = new Promise(resolve => {
      this.process.on('error', error => resolve(error.message));
      this.process.on('exit', (code, signal) => resolve(code ?? signal));
    });
    this.code = undefined;
    this.ended.then(code => { this.code = code; });
  }

  get output() {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8') : '';
  }

  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    const kill = setTimeout(() => this.process.kill('SIGKILL'), 40_000);
    await this.ended;
    clearTimeout(kill);
  }
}

export class System {
  constructor(processor, folder, say) {
    Object.assign(this, { processor, folder, say, children: [], others: [], loading: true, loads: [] });
    // Rules of quality are judged at the start, when there is nothing yet, and then at this interval. Sources that have ended hold hours open for so long.
    this.settings = { XDG_CACHE_HOME: join(folder, 'cache'), STOCKFLOW__QUALITY__INTERVALSECONDS: '10', STOCKFLOW__WINDOW__IDLESECONDS: '10' };
  }

  start(name, program, args) {
    const child = new Child(name, program, args, join(this.folder, `${name}.log`), this.settings);
    this.children.push(child);
    return child;
  }

  /** Waits until a question has an answer; ends with the log of a child that ended meanwhile. */
  async until(what, ask, seconds = 90) {
    const deadline = Date.now() + seconds * 1000;
    while (true) {
      const answer = await Promise.resolve().then(ask).catch(() => undefined);
      if (answer) {
        return answer;
      }

      const ended = this.children.find(({ code }) => code !== undefined);
      if (ended || Date.now() > deadline) {
        throw new Error(ended ? `${ended.name} ended with ${ended.code}:\n${ended.output.split('\n').slice(-20).join('\n')}` : `${what}: nothing in ${seconds} s`);
      }

      await wait(200);
    }
  }

  /** Starts everything and returns when Prometheus began to look, in seconds since 1970. */
  async begin(rules) {
    mkdirSync(join(this.folder, 'cache'), { recursive: true });
    const data = join(this.folder, 'data');
    this.say('starting the demo: Kafka, Redis, ClickHouse, schema registry, processor');
    const demo = this.start('demo', this.processor, ['demo', '--keep', '--events', '20000', '--rate', '2500', '--skus', '300', '--locations', '12', '--data-dir', data]);
    const file = join(this.folder, 'cache', 'stockflow', 'demo.json');
    this.demo = await this.until('the demo', () => existsSync(file) && JSON.parse(readFileSync(file, 'utf8')));
    await this.limitRedis();
    await this.watch(rules, data);
    // Counters and their rates need a value from before what they count.
    await this.until('the first scrape', async () => (await this.ask('query', 'stockflow_ready == 1')).length > 0);
    const from = Math.floor(Date.now() / 1000);
    this.loads.push(this.read(), this.command());
    this.say('sending 20,000 events with duplicates, late ones and broken ones; reading ATP; reserving stock');
    await this.until('the demo\'s check', () => demo.output.includes('The demo stays until'), 180);
    this.say('demo checked: the positions equal an independent count. Waiting until a day is closed');
    // Before anything else is sent: a source that goes on with late events would hold the day open at some hours of the clock.
    await this.until('a closed day', async () => (await this.rows('SELECT day FROM demand_daily LIMIT 1')).length > 0, 300);
    this.say('sending late events for closed hours, reconciling');
    this.run('produce', ['produce', '--seconds', '86400', '--rate', '250', '--seed', '2', '--skus', '300', '--locations', '12', '--no-reference']);
    const reconcile = this.run('reconcile', ['reconcile', '--kafka.bootstrap-servers', this.demo.kafka, '--positions.connection', this.demo.positions, '--clickhouse.url', this.demo.clickHouse,
      '--registry.urls', this.demo.registry]);
    const code = await reconcile.ended;
    if (code !== 0) {
      throw new Error(`reconcile ended with ${code}:\n${reconcile.output}`);
    }

    return from;
  }

  /** A command that may end before the system does. */
  run(name, args) {
    const child = new Child(name, this.processor, args, join(this.folder, `${name}.log`), this.settings);
    this.others.push(child);
    return child;
  }

  /** The demo's Redis has no limit; with one its share can be seen. */
  limitRedis() {
    const [host, port] = this.demo.positions.split(':');
    if (!port) {
      throw new Error('redis-server is not installed; run eng/setup observe');
    }

    return new Promise((resolve, reject) => {
      const redis = connect(Number(port), host).on('error', reject).on('data', answer => {
        redis.end();
        return String(answer).startsWith('+OK') ? resolve() : reject(new Error(String(answer)));
      });
      redis.write('CONFIG SET maxmemory 512mb\r\n');
    });
  }

  async watch(rules, data) {
    const [prometheus, alertmanager] = [await freePort(), await freePort()];
    mkdirSync(join(data, 'prometheus'), { recursive: true });
    mkdirSync(join(data, 'alertmanager'), { recursive: true });
    this.prometheus = `http://127.0.0.1:${prometheus}`;
    this.alertmanager = `http://127.0.0.1:${alertmanager}`;
    const config = join(data, 'prometheus', 'prometheus.yml'), routes = join(data, 'alertmanager', 'alertmanager.yml');
    writeFileSync(config, `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [${JSON.stringify(rules)}]
alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:${alertmanager}']}]}]}
scrape_configs: [{job_name: stockflow, static_configs: [{targets: ['${new URL(this.demo.http).host}']}]}]
`);
    writeFileSync(routes, 'route: {receiver: nobody}\nreceivers: [{name: nobody}]\n');
    this.start('prometheus', 'prometheus', [`--config.file=${config}`, `--storage.tsdb.path=${join(data, 'prometheus', 'tsdb')}`, `--web.listen-address=127.0.0.1:${prometheus}`,
      '--enable-feature=exemplar-storage', '--log.level=warn']);
    this.start('alertmanager', 'prometheus-alertmanager', [`--config.file=${routes}`, `--storage.path=${join(data, 'alertmanager', 'data')}`, `--web.listen-address=127.0.0.1:${alertmanager}`,
      '--cluster.listen-address=', '--log.level=warn']);
    await this.until('Prometheus', async () => (await fetch(`${this.prometheus}/-/ready`)).ok);
    await this.until('Alertmanager', async () => (await fetch(`${this.alertmanager}/-/ready`)).ok);
  }

  async ask(path, query) {
    const answer = await fetch(`${this.prometheus}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams({ query }) });
    return (await answer.json()).data.result;
  }

  pairs() {
    return this.rows('SELECT sku_id, toString(location_id) FROM ledger WHERE movement_type = \'SALE\' GROUP BY 1, 2 ORDER BY count() DESC LIMIT 200');
  }

  async rows(query) {
    return (await (await fetch(`${this.demo.clickHouse}/?database=stockflow`, { method: 'POST', body: `${query} FORMAT JSONCompact` })).json()).data;
  }

  /** Reads ATP as a shop does: mostly one position, sometimes a SKU or a basket. */
  async read() {
    for (let turn = 0, pairs = []; this.loading; turn++) {
      try {
        if (turn % 200 === 0 || pairs.length === 0) {
          pairs = await this.pairs();
          await wait(pairs.length === 0 ? 200 : 0);
          continue;
        }

        const [sku, location] = pairs[turn % pairs.length].map(encodeURIComponent);
        const body = { pairs: pairs.slice(0, 50).map(([sku_id, location_id]) => ({ sku_id, location_id })) };
        const answer = turn % 10 === 0 ? await this.post('atp/batch', body) : await fetch(`${this.demo.http}/v1/atp/${sku}${turn % 10 === 1 ? '' : `/${location}`}`);
        await answer.text();
        await wait(10);
      } catch {
        // The demo is ending.
        await wait(100);
      }
    }
  }

  /** Reserves stock; every fourth wants more than there is, every fifth command comes twice. */
  async command() {
    for (let turn = 0, pairs = []; this.loading; turn++) {
      try {
        pairs = pairs.length === 0 ? await this.pairs() : pairs;
        if (pairs.length > 0) {
          const [sku_id, location_id] = pairs[turn % pairs.length];
          const quantity = turn % 4 === 0 ? 100_000 : 1;
          const body = { reference: { type: 'order', id: `O-${turn}` }, lines: [{ sku_id, location_id, quantity }], ttl_seconds: 600 };
          for (let again = turn % 5 === 0 ? 2 : 1; again > 0; again--) {
            await (await this.post('reservations', body, `key-${turn}`)).text();
          }
        }
      } catch {
        // The demo is ending.
      }

      await wait(60);
    }
  }

  post(path, body, key = '') {
    return fetch(`${this.demo.http}/v1/${path}`, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...(key && { 'Idempotency-Key': key }) } });
  }

  async end() {
    this.loading = false;
    await Promise.all(this.loads);
    await Promise.all(this.others.filter(({ code }) => code === undefined).map(child => child.stop()));
    await Promise.all(this.children.map(child => child.stop(child.name === 'demo' ? 'SIGINT' : 'SIGTERM')));
  }
}
