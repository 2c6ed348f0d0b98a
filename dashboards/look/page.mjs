// @ts-check
// A dashboard as one HTML page without scripts, placed as Grafana places it, and its picture by Chromium.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { colorOf, format, lookOf } from './format.mjs';

const COLUMN = 74, LINE = 38, GAP = 6, HEAD = 62;
const BACK = { green: '#1a7f37', yellow: '#b7791f', red: '#c92a2a', blue: '#2b5c9e' };
const PALE = { green: '#e3f3e6', yellow: '#fbeecb', red: '#fbdcdc', blue: 'transparent' };
const LINES = ['#1f6fb4', '#d9730d', '#2f8f46', '#b3306e', '#6f4bb8', '#8a6d1c', '#138a92', '#c0392b', '#5f6b7a', '#3f51b5', '#7a9a01', '#ad5c9c'];
const text = value => String(value).replace(/[&<>"]/g, each => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[each]);

const style = `
  * { box-sizing: border-box; margin: 0 }
  body { font: 13px 'DejaVu Sans', sans-serif; color: #1c2430; background: #eef0f3; position: relative }
  header { position: absolute; left: ${GAP}px; top: 10px } h1 { font-size: 20px } header p { color: #4d5866; margin-top: 2px }
  .row { position: absolute; font-weight: bold; font-size: 14px; padding: 9px 2px 0; color: #33415c }
  .panel { position: absolute; background: #fff; border: 1px solid #d5d9e0; border-radius: 4px; padding: 6px 8px; overflow: hidden }
  .panel h2 { font-size: 13px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis } small { float: right; font-weight: normal; font-size: 11px; color: #8a94a3 }
  .stat { color: #fff; border: none } .stat b { position: absolute; inset: 16px 0 0; display: flex; align-items: center; justify-content: center; white-space: nowrap }
  .none { color: #8a2020; padding-top: 8px }
  svg { display: block } svg text { font: 11px 'DejaVu Sans', sans-serif; fill: #4d5866 }
  .legend { font-size: 11px; line-height: 15px; height: 30px; overflow: hidden } .legend span { margin-right: 12px; white-space: nowrap } .legend i { display: inline-block; width: 12px; height: 3px; margin: 0 4px 3px 0 }
  table { border-collapse: collapse; width: 100%; margin-top: 4px } th { text-align: left; font-size: 12px; color: #4d5866; border-bottom: 1px solid #d5d9e0; padding: 2px 6px; white-space: nowrap }
  td { padding: 2px 6px; border-bottom: 1px solid #eef0f3; font-size: 12px; white-space: nowrap; max-width: 340px; overflow: hidden; text-overflow: ellipsis } .number { text-align: right }`;

/** Writes FOLDER/UID.png. */
export async function picture(looked, sources, folder) {
  const bottom = Math.max(...looked.board.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const width = 24 * COLUMN + GAP, height = HEAD + bottom * LINE + GAP;
  const temporary = mkdtempSync(join(tmpdir(), 'stockflow-page-'));
  try {
    const page = join(temporary, 'page.html'), file = join(folder, `${looked.board.uid}.png`);
    writeFileSync(page, html(looked, sources, width, height));
    // Root has no sandbox; the page is our own and has no scripts.
    await promisify(execFile)('chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--user-data-dir=${join(temporary, 'profile')}`,
      `--window-size=${width},${height}`, `--screenshot=${file}`, pathToFileURL(page).href], { timeout: 60_000 });
    return file;
  } finally {
    rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
}

const clock = seconds => new Date(seconds * 1000).toISOString().replace('T', ' ').slice(0, 19);
const html = ({ board, panels, problems }, sources, width, height) => `<!doctype html><meta charset="utf-8"><style>${style}</style>
<body style="width:${width}px;height:${height}px"><header><h1>${text(board.title)}</h1><p>${text(board.description)} ${clock(sources.to)} UTC.${
  problems.length > 0 ? ` <b style="color:${BACK.red}">${problems.length} without data.</b>` : ''}</p></header>${panels.map(each => box(each, sources)).join('\n')}`;

function box(shown, sources) {
  const { panel } = shown, { x, y, w, h } = panel.gridPos;
  const place = `left:${x * COLUMN + GAP}px;top:${HEAD + y * LINE}px;width:${w * COLUMN - GAP}px;height:${h * LINE - GAP}px`;
  if (panel.type === 'row') {
    return `<div class="row" style="${place}">${text(panel.title)}</div>`;
  }

  const steps = panel.fieldConfig?.defaults.thresholds?.steps ?? [];
  const limits = panel.type === 'timeseries' ? steps.filter(({ value }) => value !== null && value !== undefined).map(({ value }) => format(value, panel.fieldConfig.defaults.unit)) : [];
  const title = `<h2>${limits.length > 0 ? `<small>limits ${text(limits.join(', '))}</small>` : ''}${text(panel.title)}</h2>`;
  if (panel.type === 'stat') {
    const value = format(shown.value, panel.fieldConfig.defaults.unit, panel.fieldConfig.defaults.decimals) || 'no data';
    const size = Math.min(30, Math.floor((w * COLUMN - 30) / value.length * 1.5));
    return `<div class="panel stat" style="${place};background:${shown.value === undefined ? '#5f6b7a' : BACK[colorOf(shown.value, steps)]}">${title}<b style="font-size:${size}px">${text(value)}</b></div>`;
  }

  const inner = panel.type === 'table' ? rows(shown) : panel.type === 'alertlist' ? alertRows(shown.alerts) : chart(shown, steps, w * COLUMN - GAP - 18, h * LINE - GAP - 62, sources);
  return `<div class="panel" style="${place}">${title}${inner}</div>`;
}

const nothing = '<p class="none">no data</p>';

function rows({ panel, columns = [], rows: all = [] }) {
  if (all.length === 0) {
    return nothing;
  }

  const looks = columns.map(({ name }) => lookOf(panel, name));
  const numbers = columns.map((_, index) => all.every(row => row[index] === null || typeof row[index] === 'number'));
  const cell = (value, index) => {
    const { unit, decimals, steps } = looks[index];
    const back = steps && typeof value === 'number' ? ` style="background:${PALE[colorOf(value, steps)]}"` : '';
    return `<td${numbers[index] ? ' class="number"' : ''}${back}>${text(format(value, unit, decimals))}</td>`;
  };
  return `<table><tr>${columns.map(({ name }, index) => `<th${numbers[index] ? ' class="number"' : ''}>${text(name.replaceAll('_', ' '))}</th>`).join('')}</tr>${
    all.map(row => `<tr>${row.map(cell).join('')}</tr>`).join('')}</table>`;
}

const alertRows = alerts => alerts.length === 0 ? '<p style="padding-top:8px">none</p>' : `<table>${alerts.map(({ state, labels, annotations }) =>
  `<tr><td style="background:${PALE[state !== 'firing' ? 'blue' : labels.severity === 'critical' ? 'red' : 'yellow']}">${state}</td><td><b>${text(labels.alertname)}</b><br>${text(annotations.summary ?? '')}</td><td>${text(labels.severity ?? '')}</td></tr>`).join('')}</table>`;

/** A step that looks round in the unit and divides a range in about so many parts. */
const roundStep = (range, parts, unit) => {
  const rough = range / parts;
  if (/^(bytes|binBps)$/.test(unit) && rough > 1) {
    return 2 ** Math.ceil(Math.log2(rough));
  }

  const round = unit === 's' && rough > 10 ? [20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 432_000].find(each => each >= rough) : undefined;
  const power = 10 ** Math.floor(Math.log10(rough));
  return round ?? [1, 2, 5, 10].map(each => each * power).find(each => each >= rough * (1 - 1e-9)) ?? rough;
};

function chart({ panel, series = [] }, steps, width, height, sources) {
  if (series.length === 0) {
    return nothing;
  }

  const { unit, decimals, min, max } = panel.fieldConfig.defaults;
  const stacked = panel.fieldConfig.defaults.custom.stacking?.mode === 'normal';
  const lines = stacked ? stack(series) : series;
  const times = lines.flatMap(({ points }) => points.map(([time]) => time));
  // A panel of the history is as long as its data: a demo has two days of a week.
  const history = panel.datasource.type !== 'prometheus';
  const [first, last] = [Math.min(...times), Math.max(...times)], margin = first === last ? 3600 : 0;
  const start = history ? first - margin : sources.from, end = history ? last + margin : sources.to;
  // A line ends where its series does.
  const gap = history ? Infinity : Math.max(5, (end - start) / 40);
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
  const low = Math.min(min ?? Infinity, ...values), top = max ?? Math.max(...values);
  const high = top > low ? top : low + 1;
  const step = roundStep(high - low, Math.max(2, Math.floor(height / 34)), unit);
  const ceiling = max ?? Math.ceil(high / step - 1e-9) * step;
  const left = 64, right = 6;
  const px = time => left + (end > start ? (time - start) / (end - start) : 0.5) * (width - left - right);
  const py = value => 6 + (1 - (value - low) / (ceiling - low)) * (height - 26);
  const limits = steps.filter(({ value }) => value !== null && value !== undefined);
  let svg = '';
  for (let tick = Math.ceil(low / step), value = tick * step; value <= ceiling + step / 1000; value = ++tick * step) {
    svg += `<line x1="${left}" x2="${width - right}" y1="${py(value)}" y2="${py(value)}" stroke="#e6e9ee"/><text x="${left - 6}" y="${py(value) + 4}" text-anchor="end">${text(format(Number(value.toPrecision(6)), unit))}</text>`;
  }

  const ticks = Math.max(2, Math.floor(width / 150));
  for (let tick = 0; tick <= ticks; tick++) {
    const time = start + (end - start) * tick / ticks;
    const label = new Date(time * 1000).toISOString();
    svg += `<text x="${px(time)}" y="${height - 4}" text-anchor="${tick === 0 ? 'start' : tick === ticks ? 'end' : 'middle'}">${end - start > 86_400 ? label.slice(5, 16).replace('T', ' ') : label.slice(11, 19)}</text>`;
  }

  lines.forEach(({ points }, index) => {
    const path = points.map(([time, value], at) => `${at === 0 || time - points[at - 1][0] > gap ? 'M' : 'L'}${px(time).toFixed(1)} ${py(Math.min(value, ceiling)).toFixed(1)}`).join('');
    const color = LINES[index % LINES.length];
    svg += (stacked ? `<path d="${path}L${px(points.at(-1)[0]).toFixed(1)} ${py(low)}L${px(points[0][0]).toFixed(1)} ${py(low)}Z" fill="${color}" fill-opacity="0.75"/>` : '')
      + `<path d="${path}" fill="none" stroke="${color}" stroke-width="1.6"/>${points.length === 1 ? `<circle cx="${px(points[0][0])}" cy="${py(points[0][1])}" r="3" fill="${color}"/>` : ''}`;
  });
  for (const { value, color } of limits.filter(each => each.value > low && each.value <= ceiling)) {
    svg += `<line x1="${left}" x2="${width - right}" y1="${py(value)}" y2="${py(value)}" stroke="${BACK[color]}" stroke-width="1.3" stroke-dasharray="6 4"/>`;
  }

  const legend = series.map(({ name, points }, index) => `<span><i style="background:${LINES[index % LINES.length]}"></i>${text(name)}: ${text(format(points.at(-1)[1], unit, decimals))}</span>`).join(' ');
  return `<svg width="${width}" height="${height}">${svg}</svg><div class="legend">${legend}</div>`;
}

/** Each series on top of those after it, drawn from the top down. */
function stack(series) {
  const times = [...new Set(series.flatMap(({ points }) => points.map(([time]) => time)))].sort((a, b) => a - b);
  const below = new Map(times.map(time => [time, 0]));
  return series.map(({ name, points }) => ({ name, own: new Map(points) })).reverse().map(({ name, own }) => ({
    name,
    points: times.map(time => {
      below.set(time, below.get(time) + (own.get(time) ?? 0));
      return [time, below.get(time)];
    }),
  })).reverse();
}
