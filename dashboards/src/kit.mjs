// @ts-check
// What all dashboards share: selectors, panels, thresholds, variables, links. A dashboard is a list of rows of panels, 24 units wide.
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const cache = process.env.STOCKFLOW_CACHE ?? join(homedir(), '.cache', 'stockflow');
const fromCache = createRequire(join(cache, 'npm', 'package.json'));
const sdk = name => fromCache(`@grafana/grafana-foundation-sdk/${name}`);
const { DashboardBuilder, RowBuilder, PanelBuilder, QueryVariableBuilder, DatasourceVariableBuilder, TextBoxVariableBuilder, DashboardLinkBuilder,
  ThresholdsConfigBuilder, VariableRefresh, VariableSort, VariableHide, DashboardCursorSync, DashboardLinkType, FieldColorModeId, ThresholdsMode } = sdk('dashboard');
const common = sdk('common');
const { DataqueryBuilder, PromQueryFormat } = sdk('prometheus');
const stats = sdk('stat');
const timeseries = sdk('timeseries');
const tables = sdk('table');

const TAG = 'stockflow';
const DOCS = '${docs}';
export const PROMETHEUS = { type: 'prometheus', uid: '${datasource}' };
export const CLICKHOUSE = { type: 'grafana-clickhouse-datasource', uid: '${datasource}' };

// PromQL. Every selector is bound to the chosen job and instance.
export const of = (metric, ...matchers) => `${metric}{${['job=~"$job"', 'instance=~"$instance"', ...matchers].join(', ')}}`;
export const rate = (counter, ...matchers) => `rate(${of(counter, ...matchers)}[$__rate_interval])`;
export const increase = (counter, window, ...matchers) => `increase(${of(counter, ...matchers)}[${window}])`;
export const sum = (expression, ...labels) => `sum${by(labels)} (${expression})`;
export const max = (expression, ...labels) => `max${by(labels)} (${expression})`;
export const quantile = (share, histogram, matchers, ...labels) =>
  `histogram_quantile(${share}, ${sum(rate(`${histogram}_bucket`, ...matchers), 'le', ...labels)})`;
/** 0 where a counter or gauge has no series yet, because what it counts has not happened. */
export const orZero = expression => `${expression} or on () vector(0)`;
const by = labels => (labels.length > 0 ? ` by (${labels.join(', ')})` : '');

// Thresholds: the colour from a value on. null is the colour below the first value.
const steps = (...pairs) => pairs.map(([value, color]) => ({ value, color }));
export const above = (warning, critical) => steps([null, 'green'], [warning, 'yellow'], [critical, 'red']);
export const below = (critical, warning) => steps([null, 'red'], [critical, 'yellow'], [warning, 'green']);
/** Any value from this on is wrong. */
export const bad = from => steps([null, 'green'], [from, 'red']);
/** Worth a look, nobody has to get up. */
export const notable = from => steps([null, 'green'], [from, 'yellow']);
export const good = from => steps([null, 'red'], [from, 'green']);
/** What has no limit of its own: traffic, sizes. */
export const neutral = steps([null, 'blue']);

/** A series or column: a PromQL expression or SQL, and its name, which may use {{label}}. */
export const line = (expression, name = '') => ({ expression, name });

const described = (builder, source, { title, text, unit, limits, alert, docs, decimals, min, top }) => {
  builder.title(title).description(text).datasource(source).unit(unit)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(limits))
    .links([
      ...[alert ?? []].flat().map(name => link(`Runbook ${name}`, `alerts/runbooks/${name}.md`)),
      link('What it means', docs ?? (source === CLICKHOUSE ? 'schemas/clickhouse/005_curated.sql' : 'dashboards/METRICS.md')),
    ]);
  if (decimals !== undefined) {
    builder.decimals(decimals);
  }

  if (min !== undefined) {
    builder.min(min);
  }

  if (top !== undefined) {
    builder.max(top);
  }

  return builder;
};
const link = (title, path) => new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(`${DOCS}${path}`).targetBlank(true);

const letter = index => String.fromCharCode(65 + index);
const prometheusTarget = ({ expression, name }, index, kind) => {
  const target = new DataqueryBuilder().datasource(PROMETHEUS).expr(expression).refId(letter(index)).legendFormat(name);
  // A stat of now: the last value of a range would go on being shown after the series has ended.
  return kind === 'series' ? target.range() : target.instant().format(kind === 'table' ? PromQueryFormat.Table : PromQueryFormat.TimeSeries);
};
// The SDK has no builder for the ClickHouse plugin; this is the shape that its SQL editor saves.
const clickHouseTarget = ({ expression }, index, kind) => ({
  build: () => ({
    refId: letter(index), datasource: CLICKHOUSE, editorType: 'sql', queryType: kind === 'series' ? 'timeseries' : 'table', format: kind === 'series' ? 0 : 1,
    rawSql: expression,
  }),
});
const addTargets = (builder, source, lines, kind) => {
  lines.forEach((each, index) => builder.withTarget((source === CLICKHOUSE ? clickHouseTarget : prometheusTarget)(each, index, kind)));
  return builder;
};

const statOf = (source, options, lines) => addTargets(described(new stats.PanelBuilder(), source, options), source, lines, 'stat')
  .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
  .colorScheme(color(FieldColorModeId.Thresholds)).colorMode(common.BigValueColorMode.Background).graphMode(common.BigValueGraphMode.None)
  .span(options.span ?? 4).height(options.height ?? 3);
const seriesOf = (source, options, lines) => {
  const builder = addTargets(described(new timeseries.PanelBuilder(), source, { min: 0, ...options }), source, lines, 'series')
    .colorScheme(color(FieldColorModeId.PaletteClassic)).lineWidth(1).fillOpacity(options.stacked ? 30 : 5).showPoints(common.VisibilityMode.Never)
    .thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(options.limits.length > 1 ? common.GraphThresholdsStyleMode.Dashed : common.GraphThresholdsStyleMode.Off))
    .legend(new common.VizLegendOptionsBuilder().showLegend(true).displayMode(common.LegendDisplayMode.List).placement(common.LegendPlacement.Bottom).calcs(['lastNotNull']))
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending))
    .span(options.span ?? 8).height(options.height ?? 8);
  return options.stacked ? builder.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A')) : builder;
};
const color = mode => ({ build: () => ({ mode }) });

export const stat = (options, ...lines) => statOf(PROMETHEUS, options, lines);
export const graph = (options, ...lines) => seriesOf(PROMETHEUS, options, lines);
export const sqlStat = (options, sql) => statOf(CLICKHOUSE, options, [line(sql)]);
export const sqlGraph = (options, sql) => seriesOf(CLICKHOUSE, options, [line(sql)]);

const properties = ({ unit, limits, decimals }) => [
  { id: 'unit', value: unit },
  ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
  ...(limits ? [{ id: 'thresholds', value: { mode: 'absolute', steps: limits } }, { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } }] : []),
];

/** A row for each set of labels that the columns' expressions share. columns: [name, expression, {unit, limits}]; sort: the column that comes down from the most. */
export const table = (options, columns) => {
  const builder = addTargets(described(new tables.PanelBuilder(), PROMETHEUS, options), PROMETHEUS, columns.map(([, expression]) => line(expression)), 'table')
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({ id: 'organize', options: {
      excludeByName: { Time: true },
      renameByName: Object.fromEntries(columns.map(([name], index) => [`Value #${letter(index)}`, name])),
    } })
    .span(options.span ?? 24).height(options.height ?? 10);
  if (options.sort) {
    builder.sortBy([{ build: () => ({ displayName: options.sort, desc: true }) }]);
  }

  columns.forEach(([name, , look]) => builder.overrideByName(name, properties(look)));
  return builder;
};
/** The rows of a query. looks: column name to {unit, limits}. */
export const sqlTable = (options, sql, looks) => {
  const builder = addTargets(described(new tables.PanelBuilder(), CLICKHOUSE, options), CLICKHOUSE, [line(sql)], 'table').span(options.span ?? 12).height(options.height ?? 9);
  Object.entries(looks).forEach(([name, look]) => builder.overrideByName(name, properties(look)));
  return builder;
};

/** Alerts that fire or are pending, as Prometheus has them. */
export const alerts = ({ title, text, span, height }) => ({
  build: () => {
    const panel = new PanelBuilder().type('alertlist').title(title).description(text).span(span).height(height).links([link('Runbooks', 'alerts/runbooks')]).build();
    panel.options = { viewMode: 'list', groupMode: 'default', maxItems: 20, sortOrder: 1, dashboardAlerts: false, datasource: '${datasource}',
      stateFilter: { firing: true, pending: true, noData: false, normal: false, error: true } };
    return panel;
  },
});

const labelValues = (name, label, query) => new QueryVariableBuilder(name).label(label).datasource(PROMETHEUS)
  .query({ query, refId: 'PrometheusVariableQueryEditor-VariableQuery' }).definition(query)
  .refresh(VariableRefresh.OnTimeRangeChanged).sort(VariableSort.AlphabeticalAsc).multi(true).includeAll(true).allValue('.+').current(ALL);
const ALL = { selected: true, text: 'All', value: '$__all' };

/** Variables of a dashboard over ClickHouse, each with a query that returns its values. */
export const sqlVariable = (name, label, query) => new QueryVariableBuilder(name).label(label).datasource(CLICKHOUSE).query(query).definition(query)
  .refresh(VariableRefresh.OnTimeRangeChanged).multi(true).includeAll(true).current(ALL);

/** Builds a dashboard. rows: [title, panels...]; variables only where the data source is ClickHouse. */
export function dashboard({ uid, title, text, tags = [], from = 'now-1h', refresh = '30s', source = PROMETHEUS, variables = [] }, rows) {
  const own = source === PROMETHEUS
    ? [labelValues('job', 'Job', 'label_values(stockflow_build_info, job)'), labelValues('instance', 'Instance', 'label_values(stockflow_build_info{job=~"$job"}, instance)')]
    : variables;
  const board = new DashboardBuilder(title).uid(uid).description(text).tags([TAG, ...tags]).readonly().refresh(refresh).time({ from, to: 'now' }).timezone('utc')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type(source.type))
    .link(new DashboardLinkBuilder('Stockflow').type(DashboardLinkType.Dashboards).tags([TAG]).keepTime(true).includeVars(source === PROMETHEUS));
  own.forEach(each => board.withVariable(each));
  board.withVariable(new TextBoxVariableBuilder('docs').label('Docs').defaultValue('').hide(VariableHide.HideVariable)
    .description('Where the repository can be read, with a slash at the end; links to runbooks begin with it.'));
  for (const [name, ...panels] of rows) {
    board.withRow(new RowBuilder(name));
    panels.forEach(panel => board.withPanel(panel));
  }

  const built = board.build();
  // Links between panels and screenshots name panels by id, so ids follow from the place alone.
  built.panels.forEach((panel, index) => { panel.id = index + 1; });
  // The SDK's default hides links in a menu.
  [built, ...built.panels].flatMap(each => each.links ?? []).forEach(each => delete each.placement);
  return built;
}
