// @ts-check
// Asks Prometheus and ClickHouse what Grafana would ask for the generated dashboards.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const generated = fileURLToPath(new URL('../generated/', import.meta.url));
export const dashboards = () => readdirSync(generated).sort().map(file => JSON.parse(readFileSync(generated + file, 'utf8')));

/** Sides of alerts that have no data while all is well, with the reason. Dashboards have no such exception. */
const QUIET = [
  [/^absent\(/, 'is only there when nothing is scraped'],
  [/status=~"5\.\."/, 'no request has failed'],
  [/^job:stockflow_atp_errors:/, 'no request has failed'],
  [/outcome="unreachable"/, 'the schema registry has always answered'],
];
const quiet = expression => QUIET.some(([pattern]) => pattern.test(expression));

const json = async (address, options) => {
  const answer = await fetch(address, options);
  const text = await answer.text();
  if (!answer.ok && !text.startsWith('{')) {
    throw new Error(text.trim().split('\n')[0]);
  }

  return JSON.parse(text);
};

/** The servers, and the time range that is looked at: seconds since 1970. */
export class Sources {
  constructor({ prometheus, clickHouse, from, to, days = 3, rateInterval = 20 }) {
    Object.assign(this, { prometheus, clickHouse, from, to, days, rateInterval });
    this.values = { job: '.+', instance: '.+' };
  }

  async prom(path, parameters) {
    const answer = await json(`${this.prometheus}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(parameters) });
    if (answer.status !== 'success') {
      throw new Error(answer.error);
    }

    return answer.data;
  }

  get(path) {
    return json(`${this.prometheus}/api/v1/${path}`).then(answer => answer.data);
  }

  promql(expression) {
    return expression.replaceAll('$__rate_interval', `${this.rateInterval}s`).replaceAll('$__range', `${Math.max(this.to - this.from, this.rateInterval)}s`)
      .replaceAll('$job', this.values.job).replaceAll('$instance', this.values.instance);
  }

  /** Series: {labels, points: [[time, value]]}, without what is not a number. */
  async range(expression) {
    const step = Math.max(1, Math.ceil((this.to - this.from) / 240));
    const { result } = await this.prom('query_range', { query: this.promql(expression), start: this.from, end: this.to, step });
    return series(result.map(({ metric, values }) => ({ labels: metric, points: values })));
  }

  async instant(expression) {
    const { result, resultType } = await this.prom('query', { query: this.promql(expression), time: this.to });
    return series(resultType === 'scalar' ? [{ labels: {}, points: [result] }] : result.map(({ metric, value }) => ({ labels: metric, points: [value] })));
  }

  async labelValues(query) {
    const [, metric, label] = /^label_values\((.+), (\w+)\)$/.exec(query);
    return await this.get(`label/${label}/values?match[]=${encodeURIComponent(this.promql(metric))}`);
  }

  /** Columns and rows of a query of the ClickHouse data source. */
  async sql(text) {
    const to = Math.ceil(this.to), from = to - this.days * 86_400, seconds = 3600;
    const query = text.replace(/\$__timeFilter\((\w+)\)/g, `$1 >= toDateTime(${from}) AND $1 <= toDateTime(${to})`)
      .replace(/\$__timeInterval\((\w+)\)/g, `toStartOfInterval(toDateTime($1), INTERVAL ${seconds} second)`)
      .replace(/\$\{(\w+):singlequote\}/g, (_, name) => this.values[name].map(value => `'${value}'`).join(','));
    const answer = await json(`${this.clickHouse}/?database=stockflow&output_format_json_quote_64bit_integers=0&date_time_output_format=unix_timestamp`,
      { method: 'POST', body: `${query} FORMAT JSONCompact` });
    return { columns: answer.meta.map(({ name, type }) => ({ name, type })), rows: answer.data };
  }
}

const series = all => all.map(({ labels, points }) => ({ labels, points: points.map(([time, value]) => [Number(time), Number(value)]).filter(([, value]) => Number.isFinite(value)) }))
  .filter(({ points }) => points.length > 0);

const named = (pattern, labels) => pattern.replace(/\{\{(\w+)\}\}/g, (_, label) => labels[label] ?? '') || Object.values(labels).join(' ') || 'none';

/**
 * What a dashboard's panels show now. Each panel gets one of {series}, {value}, {columns, rows}, {alerts}; problems names each expression that fails or
 * has no data.
 */
export async function look(board, sources) {
  const problems = [], panels = [];
  const attempt = async (where, expression, work, empty) => {
    try {
      const result = await work();
      if (empty(result)) {
        problems.push({ where, expression, problem: 'no data' });
      }

      return result;
    } catch (error) {
      problems.push({ where, expression, problem: error.message });
      return undefined;
    }
  };

  for (const variable of board.templating.list.filter(each => each.type === 'query')) {
    const ask = variable.datasource.type === 'prometheus'
      ? () => sources.labelValues(variable.definition)
      : async () => (sources.values[variable.name] = (await sources.sql(variable.query)).rows.map(([value]) => value));
    await attempt(`${board.title}, variable ${variable.name}`, variable.definition, ask, values => values.length === 0);
  }

  for (const panel of board.panels) {
    const where = `${board.title} / ${panel.title}`;
    const shown = { panel };
    panels.push(shown);
    if (panel.type === 'alertlist') {
      shown.alerts = (await sources.get('alerts')).alerts;
    }

    for (const [index, target] of (panel.targets ?? []).entries()) {
      if (target.rawSql) {
        const table = await attempt(where, target.rawSql, () => sources.sql(target.rawSql), ({ rows }) => !rows.some(row => row.some(value => value !== null)));
        Object.assign(shown, panel.type === 'table' ? table : panel.type === 'stat' ? { value: table?.rows[0]?.at(-1) } : { series: wide(table) });
      } else if (panel.type === 'timeseries') {
        const found = await attempt(where, target.expr, () => sources.range(target.expr), all => all.length === 0);
        (shown.series ??= []).push(...(found ?? []).map(({ labels, points }) => ({ name: named(target.legendFormat, labels), points })));
      } else {
        const found = await attempt(where, target.expr, () => sources.instant(target.expr), all => all.length === 0) ?? [];
        if (panel.type === 'stat') {
          shown.value = found[0]?.points[0][1];
        } else {
          join(shown, found, panel, index);
        }
      }
    }
  }

  return { board, panels, problems };
}

/** Rows of time, text columns and numbers as series, as Grafana makes them: a series for each number and combination of texts. */
function wide(table) {
  const byName = new Map();
  const { columns = [], rows = [] } = table ?? {};
  const texts = columns.flatMap(({ type }, index) => (/String/.test(type) ? [index] : []));
  for (const row of rows) {
    columns.forEach(({ name }, index) => {
      if (index > 0 && !texts.includes(index)) {
        const label = texts.map(text => row[text]).join(' ') || name;
        byName.set(label, [...(byName.get(label) ?? []), [Number(row[0]), Number(row[index])]]);
      }
    });
  }

  return [...byName].sort().map(([name, points]) => ({ name, points }));
}

/** Adds a column to a table by the labels of its rows, as the transformation 'merge' does. */
function join(shown, found, panel, index) {
  shown.columns ??= [];
  shown.keys ??= new Map();
  shown.rows ??= [];
  const labels = [...new Set([...shown.columns.filter(each => each.label).map(each => each.name), ...found.flatMap(each => Object.keys(each.labels))])];
  const name = panel.transformations[1].options.renameByName[`Value #${String.fromCharCode(65 + index)}`];
  shown.columns = [...labels.map(label => ({ name: label, label: true })), ...shown.columns.filter(each => !each.label), { name }];
  for (const each of found) {
    const key = JSON.stringify(each.labels);
    if (!shown.keys.has(key)) {
      shown.keys.set(key, { ...each.labels });
    }

    shown.keys.get(key)[name] = each.points[0][1];
  }

  const order = panel.options.sortBy?.[0].displayName;
  const compare = (a, b) => order ? (b[order] ?? 0) - (a[order] ?? 0) : String(Object.values(a)[0]).localeCompare(String(Object.values(b)[0]), 'en', { numeric: true });
  shown.rows = [...shown.keys.values()].sort(compare)
    .map(row => shown.columns.map(column => row[column.name] ?? null));
}

/** Runs both sides of every comparison in the rules that Prometheus has loaded. */
export async function lookAtRules(sources) {
  const problems = [];
  let count = 0;
  for (const rule of (await sources.get('rules')).groups.flatMap(group => group.rules)) {
    if (rule.lastError) {
      problems.push({ where: rule.name, expression: rule.query, problem: rule.lastError });
    }

    for (const side of sides(rule.query)) {
      count++;
      try {
        // A rule may have begun to record within the range only.
        if ((await sources.instant(side)).length === 0 && (await sources.range(side)).length === 0 && !quiet(side)) {
          problems.push({ where: rule.name, expression: side, problem: 'no data' });
        }
      } catch (error) {
        problems.push({ where: rule.name, expression: side, problem: error.message });
      }
    }
  }

  return { count, problems };
}

/** The operands of the comparisons and of 'and', 'or', 'unless' at the top of an expression, down to what has none of them. */
export function sides(text) {
  const expression = text.trim();
  const parts = [''];
  let depth = 0, whole = true;
  const tokens = expression.match(/"(?:[^"\\]|\\.)*"|(?<![\w:])(?:and|or|unless)(?:\s+(?:on|ignoring)\s*\([^)]*\))?(?![\w:])|(?:==|!=|>=|<=|>|<)(?:\s*bool\b)?|[\s\S]/g) ?? [];
  tokens.forEach((token, index) => {
    depth += '([{'.includes(token) ? 1 : ')]}'.includes(token) ? -1 : 0;
    whole &&= depth > 0 || index === tokens.length - 1;
    if (depth === 0 && /^(and|or|unless|==|!=|>=|<=|>|<)\b|^[=!<>]/.test(token)) {
      parts.push('');
    } else {
      parts[parts.length - 1] += token;
    }
  });
  return parts.length > 1 ? parts.flatMap(sides) : whole && expression.startsWith('(') ? sides(expression.slice(1, -1)) : [expression];
}
