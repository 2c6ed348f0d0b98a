#!/usr/bin/env node
// @ts-check
// Starts a demo with Prometheus and Alertmanager, asks everything that the dashboards and alerts ask, prints and draws the answers.
//   node dashboards/observe.mjs [--keep] [--json] [--pictures all|UID] [--out FOLDER] [--processor FILE]
// The exit code is 1 when an expression fails or has no data.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { dashboards, look, lookAtRules, Sources } from './look/data.mjs';
import { colorOf, format, lookOf } from './look/format.mjs';
import { picture } from './look/page.mjs';
import { System, wait } from './look/system.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({ options: {
  keep: { type: 'boolean' }, json: { type: 'boolean' }, pictures: { type: 'string', default: 'all' },
  out: { type: 'string', default: join(root, 'artifacts', 'observe') },
  processor: { type: 'string', default: join(root, 'processor/bin/Release/net10.0/processor') },
} });
const began = Date.now();
const say = text => console.error(`[${String(Math.round((Date.now() - began) / 1000)).padStart(3)}s] observe        ${text}`);
/** Seconds that what comes at intervals may take on a busy machine: rules of quality, restatements, alerts. */
const PATIENCE = 300;

const folder = mkdtempSync(join(tmpdir(), 'stockflow-observe-'));
const system = new System(resolve(options.processor), folder, say);
let stop = () => {};
const stopped = new Promise(done => { stop = done; });
let interrupted = false;
['SIGINT', 'SIGTERM'].forEach(signal => process.on(signal, () => { interrupted = true; stop(); }));

try {
  process.exitCode = await Promise.race([observe(), stopped.then(() => 130)]);
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
} finally {
  await system.end();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function observe() {
  const from = await system.begin(join(root, 'alerts', 'stockflow.rules.yml')), loaded = Date.now();
  const boards = dashboards();
  let sources, looked, rules, problems = [];
  do {
    await wait(2000);
    sources = new Sources({ prometheus: system.prometheus, clickHouse: system.demo.clickHouse, from, to: Math.floor(Date.now() / 1000) });
    looked = [];
    for (const board of boards) {
      looked.push(await look(board, sources));
    }

    rules = await lookAtRules(sources);
    problems = [...looked.flatMap(each => each.problems), ...rules.problems];
    say(problems.length === 0 ? 'every expression has data' : `${problems.length} expressions without data yet, such as ${problems[0].where}`);
  } while (problems.length > 0 && !interrupted && (Date.now() - loaded) / 1000 < PATIENCE);

  const pictures = [];
  mkdirSync(options.out, { recursive: true });
  for (const each of looked.filter(({ board }) => [board.uid, 'all'].includes(options.pictures))) {
    pictures.push(await picture(each, sources, options.out));
  }

  const expressions = boards.flatMap(board => board.panels).flatMap(panel => panel.targets ?? []).length;
  if (options.json) {
    console.log(JSON.stringify({ dashboards: boards.length, expressions, sides: rules.count, problems, pictures }));
  } else {
    looked.forEach(print);
    problems.forEach(({ where, expression, problem }) => console.log(`\nPROBLEM  ${where}: ${problem}\n  ${expression}`));
    console.log(`\n${boards.length} dashboards, ${expressions} expressions, ${rules.count} sides of alerts: ${problems.length} without data or failing.`);
    pictures.forEach(file => console.log(file));
  }

  if (options.keep) {
    say(`everything stays until Ctrl+C: Prometheus ${system.prometheus}, Alertmanager ${system.alertmanager}, HTTP API ${system.demo.http}, ClickHouse ${system.demo.clickHouse}`);
    await stopped;
  }

  return problems.length === 0 ? 0 : 1;
}

/** A dashboard in the terminal: each panel with its current values, coloured by its thresholds. */
function print({ board, panels }) {
  const paint = (text, color) => (process.stdout.isTTY && color !== 'blue' ? `\x1b[${{ green: 32, yellow: 33, red: 31 }[color]}m${text}\x1b[0m` : text);
  console.log(`\n== ${board.title}`);
  for (const { panel, value, series, columns, rows, alerts } of panels) {
    const { unit, decimals, thresholds } = panel.fieldConfig?.defaults ?? {};
    const shown = number => paint(format(number, unit, decimals), colorOf(number, thresholds.steps));
    if (panel.type === 'row') {
      console.log(`\n-- ${panel.title}`);
    } else if (panel.type === 'stat') {
      console.log(`   ${panel.title.padEnd(28)} ${value === undefined ? 'no data' : shown(value)}`);
    } else if (panel.type === 'timeseries') {
      console.log(`   ${panel.title.padEnd(28)} ${(series ?? []).map(({ name, points }) => `${name} ${shown(points.at(-1)[1])}`).join('   ') || 'no data'}`);
    } else if (panel.type === 'alertlist') {
      console.log(`   ${panel.title.padEnd(28)} ${alerts.map(({ state, labels }) => `${labels.alertname} ${state}`).join(', ') || 'none'}`);
    } else {
      const looks = (columns ?? []).map(({ name }) => lookOf(panel, name));
      const lines = [(columns ?? []).map(({ name }) => name), ...(rows ?? []).map(row => row.map((cell, index) => format(cell, looks[index].unit, looks[index].decimals)))];
      const widths = lines[0].map((_, index) => Math.max(...lines.map(line => line[index].length)));
      console.log(`   ${panel.title}`);
      lines.forEach(line => console.log(`     ${line.map((cell, index) => cell.padEnd(widths[index])).join('  ')}`));
    }
  }
}
