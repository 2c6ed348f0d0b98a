// @ts-check
import { above, alerts, bad, below, dashboard, good, graph, increase, line, max, neutral, of, orZero, rate, stat, sum } from './kit.mjs';

// A bucket's bound is written '300' in Prometheus' text format and '300.0' in OpenMetrics.
const bound = seconds => `le=~"${seconds}|${seconds}[.]0"`;
const freshness = 'stockflow_position_freshness_seconds';
const reads = 'stockflow_atp_read_seconds';
const requests = 'stockflow_http_requests_total';
const atp = 'route=~"/v1/atp.*"';

const slow = (histogram, limit, ...matchers) => window =>
  `(${sum(increase(`${histogram}_count`, window, ...matchers))} - ${sum(increase(`${histogram}_bucket`, window, limit, ...matchers))})`;
const all = (histogram, ...matchers) => window => sum(increase(`${histogram}_count`, window, ...matchers));

/** One objective: name, share that may be bad, and what was bad and all in a window. Without traffic nothing is bad. */
const slos = [
  { name: 'Visible in 5 min', promise: '99 % of events change the positions within 300 s of the broker\'s timestamp', budget: 0.01, alert: 'StockflowFreshnessBudgetBurn',
    bad: slow(freshness, bound(300)), all: all(freshness) },
  { name: 'Visible in 2 s', promise: '95 % of events change the positions within 2 s; a target that opens a ticket and wakes nobody', budget: 0.05, alert: 'StockflowFreshnessSlow',
    bad: slow(freshness, bound(2)), all: all(freshness) },
  { name: 'ATP answered', promise: '99.9 % of requests to /v1/atp are not answered with 5xx', budget: 0.001, alert: 'StockflowAtpAvailabilityBudgetBurn',
    bad: window => `(${orZero(sum(increase(requests, window, atp, 'status=~"5.."')))})`, all: window => sum(increase(requests, window, atp)) },
  { name: 'ATP within 50 ms', promise: '99 % of single ATP reads take at most 50 ms', budget: 0.01, alert: 'StockflowAtpLatencyBudgetBurn',
    bad: slow(reads, 'le="0.05"', 'kind="single"'), all: all(reads, 'kind="single"') },
];
const share = ({ bad, all }, window) => `${bad(window)} / clamp_min(${all(window)}, 1)`;
const objective = slo => [
  stat({ title: slo.name, text: `Share of good ones in the chosen time. Objective: ${slo.promise}.`, unit: 'percentunit', decimals: 3, alert: slo.alert, height: 5,
    limits: below(1 - slo.budget, 1 - slo.budget / 2) }, line(`1 - ${share(slo, '$__range')}`)),
  stat({ title: 'Error budget left', text: `Share of the budget (${slo.budget * 100} % bad) that the chosen time has left; below 0 the objective is missed.`, unit: 'percentunit', decimals: 1,
    alert: slo.alert, height: 5, limits: below(0, 0.5) }, line(`1 - ${share(slo, '$__range')} / ${slo.budget}`)),
  graph({ title: `Burn rate: ${slo.name}`, text: 'Times the rate at which the budget lasts exactly 30 days. Pages: 14.4 over 1 h, 6 over 6 h. Tickets: 1 over 3 days.', unit: 'none',
    alert: slo.alert, span: 16, height: 5, limits: above(6, 14.4) },
  ...['5m', '1h', '6h'].map(window => line(`${share(slo, window)} / ${slo.budget}`, window))),
];

export default dashboard({ uid: 'stockflow-overview', title: 'Stockflow: overview', tags: ['slo'],
  text: 'Whether Stockflow keeps its promises, and where to look if it does not.' }, [
  ['Now',
    stat({ title: 'Processors ready', text: 'Share of the scraped processors that keep positions up to date and can read them.', unit: 'percentunit', decimals: 0,
      alert: ['StockflowNotReady', 'StockflowTargetDown'], limits: below(0.5, 1), span: 3 }, line(`(${orZero(sum(of('stockflow_ready')))}) / count(${of('up')})`)),
    stat({ title: 'Kafka', text: '1 if the last calls of all processors to Kafka succeeded.', unit: 'bool_yes_no', alert: 'StockflowKafkaDown', limits: good(1), span: 2 },
      line(`min(${of('stockflow_source_connected')})`)),
    stat({ title: 'Redis', text: '1 if the last calls of all processors to the position store succeeded.', unit: 'bool_yes_no', alert: 'StockflowRedisDown', limits: good(1), span: 2 },
      line(`min(${of('stockflow_positions_connected')})`)),
    stat({ title: 'ClickHouse', text: '1 if the last calls of all processors to ClickHouse succeeded.', unit: 'bool_yes_no', alert: 'StockflowClickHouseDown', limits: good(1), span: 2 },
      line(`min(${of('stockflow_history_connected')})`)),
    stat({ title: 'Records waiting', text: 'Records in Kafka that no lane has read yet.', unit: 'short', alert: 'StockflowLagGrowing', limits: above(50_000, 1_000_000), span: 3 },
      line(sum(of('stockflow_lane_lag_records')))),
    stat({ title: 'Oldest waiting', text: 'Age of the oldest record that waits, over all lanes.', unit: 's', alert: ['StockflowLaneStuck', 'StockflowLagGrowing'], limits: above(60, 300), span: 3 },
      line(`max(${of('stockflow_lane_lag_seconds')})`)),
    stat({ title: 'Records read', text: 'Records read from Kafka.', unit: 'cps', limits: neutral, span: 3 }, line(sum(rate('stockflow_lane_records_read_total')))),
    stat({ title: 'Dead letters', text: 'Share of the records read that went to the dead letters.', unit: 'percentunit', decimals: 2, alert: 'StockflowDeadLetterRate', limits: above(0.02, 0.05), span: 3 },
      line(`${sum(rate('stockflow_lane_records_dead_letter_total'))} / clamp_min(${sum(rate('stockflow_lane_records_read_total'))}, 1)`)),
    stat({ title: 'Quality', text: 'Rules of data quality that are broken.', unit: 'none', alert: 'StockflowQualityRuleFailing', limits: bad(1), span: 3 },
      line(sum(max(of('stockflow_quality_rule_failing'), 'rule')))),
  ],
  ['Objectives', ...slos.flatMap(objective)],
  ['What happens',
    alerts({ title: 'Alerts', text: 'Alerts that fire or are pending.', span: 8, height: 8 }),
    graph({ title: 'Records', text: 'What became of the records that were read.', unit: 'cps', limits: neutral },
      line(sum(rate('stockflow_lane_records_read_total')), 'read'), line(sum(rate('stockflow_lane_records_accepted_total')), 'accepted'),
      line(sum(rate('stockflow_lane_records_duplicate_total')), 'duplicate'), line(sum(rate('stockflow_lane_records_dead_letter_total')), 'dead letter')),
    graph({ title: 'Time until visible', text: 'From the broker\'s timestamp of an event to its effect in the positions.', unit: 's', alert: 'StockflowFreshnessSlow', limits: above(2, 300) },
      ...[0.5, 0.95, 0.99].map(part => line(`histogram_quantile(${part}, ${sum(rate(`${freshness}_bucket`), 'le')})`, `P${part * 100}`))),
  ],
]);
