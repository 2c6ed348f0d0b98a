// @ts-check
import { above, dashboard, graph, increase, line, max, neutral, notable, of, orZero, quantile, rate, stat, sum, table } from './kit.mjs';

const requests = 'stockflow_http_requests_total', reads = 'stockflow_atp_read_seconds', commands = 'stockflow_commands_total';
const failed = 'status=~"5.."';

export default dashboard({ uid: 'stockflow-atp', title: 'Stockflow: ATP service', tags: ['atp'],
  text: 'Available-to-promise reads, the HTTP API and the commands on stock.' }, [
  ['Now',
    stat({ title: 'ATP reads', text: 'ATP reads that are answered.', unit: 'reqps', limits: neutral }, line(sum(rate(`${reads}_count`)))),
    stat({ title: 'Single read, P99', text: 'One in a hundred single ATP reads takes longer. Objective: 50 ms.', unit: 's', alert: 'StockflowAtpLatencyBudgetBurn', limits: above(0.05, 0.25) },
      line(quantile(0.99, reads, ['kind="single"']))),
    stat({ title: 'ATP failures', text: 'Share of the requests to /v1/atp that are answered with 5xx.', unit: 'percentunit', decimals: 3, alert: 'StockflowAtpAvailabilityBudgetBurn', limits: above(0.001, 0.01) },
      line(`(${orZero(sum(rate(requests, 'route=~"/v1/atp.*"', failed)))}) / clamp_min(${sum(rate(requests, 'route=~"/v1/atp.*"'))}, 1)`)),
    stat({ title: 'Commands', text: 'Commands on stock.', unit: 'reqps', limits: neutral }, line(orZero(sum(rate(commands))))),
    stat({ title: 'Oversell refused', text: 'Commands in the chosen time that were refused because the stock is not there.', unit: 'short', decimals: 0, limits: notable(1000) },
      line(orZero(sum(increase(commands, '$__range', 'outcome="insufficient-stock"'))))),
    stat({ title: 'Outboxes', text: 'Lanes with movements of commands that Kafka does not have yet. Above 0 for long: they are not sent.', unit: 'short', alert: 'StockflowCommandsNotForwarded', limits: notable(100) },
      line(`max(${of('stockflow_stock_outboxes')})`)),
  ],
  ['ATP reads',
    graph({ title: 'Reads by kind', text: 'ATP reads: single position, all locations of a SKU, batch.', unit: 'reqps', limits: neutral }, line(sum(rate(`${reads}_count`), 'kind'), '{{kind}}')),
    graph({ title: 'P50 by kind', text: 'Half of the reads take less. Batches grow with their keys.', unit: 's', limits: above(0.05, 0.25) }, line(quantile(0.5, reads, [], 'kind'), '{{kind}}')),
    graph({ title: 'P99 by kind', text: 'One in a hundred reads takes longer.', unit: 's', alert: 'StockflowAtpLatencyBudgetBurn', limits: above(0.05, 0.25) }, line(quantile(0.99, reads, [], 'kind'), '{{kind}}')),
  ],
  ['HTTP API',
    table({ title: 'Routes', text: 'Each path of the API, with the share answered with 5xx.', unit: 'short', alert: 'StockflowAtpAvailabilityBudgetBurn', limits: neutral, sort: 'Requests/s', span: 8, height: 8 }, [
      ['Requests/s', sum(rate(requests), 'route'), { unit: 'reqps' }],
      ['Failed', `(${sum(rate(requests, failed), 'route')} or ${sum(rate(requests), 'route')} * 0) / clamp_min(${sum(rate(requests), 'route')}, 1)`, { unit: 'percentunit', decimals: 2, limits: above(0.001, 0.01) }],
      ['P99', quantile(0.99, 'stockflow_http_request_seconds', [], 'route'), { unit: 's', limits: above(0.25, 1) }],
    ]),
    graph({ title: 'Answers by status', text: 'HTTP answers by their status.', unit: 'reqps', alert: 'StockflowAtpAvailabilityBudgetBurn', limits: neutral, stacked: true }, line(sum(rate(requests), 'status'), '{{status}}')),
    graph({ title: 'P99 of all routes', text: 'One in a hundred requests takes longer; streams of changes are counted when they end.', unit: 's', alert: 'StockflowThreadPoolStarved', limits: above(0.25, 1) },
      line(quantile(0.99, 'stockflow_http_request_seconds', []), 'P99'), line(quantile(0.5, 'stockflow_http_request_seconds', []), 'P50')),
  ],
  ['Commands on stock',
    graph({ title: 'By command', text: 'Commands by what they do.', unit: 'reqps', limits: neutral, stacked: true }, line(orZero(sum(rate(commands), 'command')), '{{command}}')),
    graph({ title: 'By outcome', text: 'Commands by their outcome; insufficient-stock is a refused oversell.', unit: 'reqps', limits: neutral, stacked: true }, line(orZero(sum(rate(commands), 'outcome')), '{{outcome}}')),
    graph({ title: 'Oversell refused', text: 'Commands that were refused because the stock is not there, by command.', unit: 'reqps', limits: notable(100) },
      line(orZero(sum(rate(commands, 'outcome="insufficient-stock"'), 'command')), '{{command}}')),
    graph({ title: 'Movements sent to Kafka', text: 'Movements of commands that were sent to Kafka.', unit: 'cps', alert: 'StockflowCommandsNotForwarded', limits: neutral, span: 12 }, line(sum(rate('stockflow_stock_forwarded_total')), 'sent')),
    graph({ title: 'Outboxes', text: 'Lanes with movements of commands that Kafka does not have yet.', unit: 'short', alert: 'StockflowCommandsNotForwarded', limits: notable(100), span: 12 }, line(max(of('stockflow_stock_outboxes'), 'instance'), '{{instance}}')),
  ],
]);
