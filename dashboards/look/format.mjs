// @ts-check
// Values as people read them, and what their thresholds say.
const scaled = (value, base, names) => {
  let index = 0;
  for (; Math.abs(value) >= base && index < names.length - 1; index++) {
    value /= base;
  }

  return [value, names[index]];
};
const digits = (value, decimals) => {
  const size = Math.abs(value);
  return value.toFixed(decimals ?? (Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size === 0 ? 0 : size < 0.001 ? 5 : 3));
};
const bytes = ['B', 'KiB', 'MiB', 'GiB', 'TiB'], thousands = ['', ' K', ' M', ' G'];
const joined = ([value, name], decimals, suffix = '') => digits(value, decimals) + (name ? (name.startsWith(' ') ? name : ` ${name}`) : '') + suffix;
const duration = (value, decimals) => {
  const size = Math.abs(value);
  const [divisor, name] = size === 0 ? [1, 's'] : size < 1e-3 ? [1e-6, 'µs'] : size < 1 ? [1e-3, 'ms'] : size < 120 ? [1, 's'] : size < 7200 ? [60, 'min'] : size < 172_800 ? [3600, 'h'] : [86_400, 'd'];
  return joined([value / divisor, name], decimals);
};

/** A value in a Grafana unit. */
export function format(value, unit, decimals) {
  if (value === null || value === undefined || value === '') {
    return '';
  }

  if (typeof value !== 'number') {
    return String(value);
  }

  switch (unit) {
    case 'percentunit': return `${digits(value * 100, decimals)} %`;
    case 's': return duration(value, decimals);
    case 'bytes': return joined(scaled(value, 1024, bytes), decimals);
    case 'binBps': return joined(scaled(value, 1024, bytes), decimals, '/s');
    case 'bool_yes_no': return value ? 'yes' : 'no';
    case 'none': return digits(value, decimals);
    case 'cps': case 'ops': case 'reqps': return joined(scaled(value, 1000, thousands), decimals, '/s');
    default: return joined(scaled(value, 1000, thousands), decimals);
  }
}

/** The colour of a value: that of the last step that it reaches. */
export const colorOf = (value, steps) => steps.findLast(step => step.value === null || step.value === undefined || value >= step.value)?.color ?? 'blue';

/** Unit, decimals and thresholds of a column: its overrides, else the panel's. */
export function lookOf(panel, column) {
  const own = Object.fromEntries((panel.fieldConfig.overrides.find(each => each.matcher.options === column)?.properties ?? []).map(({ id, value }) => [id, value]));
  return { unit: own.unit ?? panel.fieldConfig.defaults.unit, decimals: own.decimals ?? panel.fieldConfig.defaults.decimals, steps: own.thresholds?.steps };
}
