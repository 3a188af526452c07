import type { Attributes, HistogramPoint, Metric, MetricDefinition } from './model.ts';

/** Prometheus' text format 0.0.4, or OpenMetrics 1.0. */
export type PrometheusFormat = 'text' | 'openmetrics';

/** The metrics of one instance. */
export interface InstanceMetrics {
  /** Becomes the label `monitor_instance`, because Prometheus itself uses `instance`. */
  readonly instance?: string;
  readonly metrics: readonly Metric[];
}

/**
 * Metrics in Prometheus' text format 0.0.4 or in OpenMetrics 1.0, without timestamps, in the order of the model. The series
 * have the same names, labels and values in both.
 *
 * ```text
 * # HELP awsiam_step_duration_seconds Duration of the steps that passed or failed
 * # TYPE awsiam_step_duration_seconds histogram
 * awsiam_step_duration_seconds_bucket{monitor_instance="us-east-1",step="CreateUser",result="passed",le="0.025"} 0
 * …
 * # TYPE awsiam_runs_total counter
 * awsiam_runs_total{monitor_instance="us-east-1",result="passed"} 719
 * ```
 *
 * Sources: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format and
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export function renderPrometheus(instances: readonly InstanceMetrics[], format: PrometheusFormat = 'text'): string {
  const lines: string[] = [];
  for (const { name } of instances[0]?.metrics ?? []) {
    const series = new Map<string, string>();
    const found = instances.flatMap(({ instance, metrics }) =>
      metrics.filter((metric) => metric.name === name).map((metric) => ({ instance, metric })),
    );
    for (const { instance, metric } of found) {
      const owner: Attributes = instance === undefined ? {} : { monitor_instance: instance };
      // A series that stands there twice makes the whole file invalid. Texts that are not well-formed can become equal.
      for (const [key, value] of seriesOf(metric, owner, format)) series.set(key, value);
    }
    const [first] = found;
    if (first === undefined || series.size === 0) continue;
    lines.push(...describe(first.metric, format));
    for (const [key, value] of series) lines.push(`${key} ${value}`);
  }
  // Without it, a reader of OpenMetrics knows that the end is missing.
  if (format === 'openmetrics') lines.push('# EOF');
  return lines.map((line) => `${line}\n`).join('');
}

/** The lines above the series of a metric. In OpenMetrics, they name a counter without the `_total` of its series. */
function describe(metric: MetricDefinition, format: PrometheusFormat): readonly string[] {
  const series = prometheusNameOf(metric);
  const name = format === 'openmetrics' ? series.replace(/_total$/, '') : series;
  const lines = [`# HELP ${name} ${escapeHelp(metric.description, format)}`, `# TYPE ${name} ${metric.kind}`];
  if (format === 'openmetrics' && metric.unit === 's') lines.push(`# UNIT ${name} seconds`);
  return lines;
}

/** `awsiam.step.duration` in `s` is `awsiam_step_duration_seconds`; the names of counters end in `_total`. */
export function prometheusNameOf({ name, unit, kind }: MetricDefinition): string {
  return `${name.replaceAll('.', '_')}${unit === 's' ? '_seconds' : ''}${kind === 'counter' ? '_total' : ''}`;
}

/** Each series of a metric, as name and labels, with its value. */
function seriesOf(metric: Metric, owner: Attributes, format: PrometheusFormat): (readonly [string, string])[] {
  const name = prometheusNameOf(metric);
  switch (metric.kind) {
    case 'counter':
    case 'gauge':
      return metric.points.map(({ attributes, value }) => [
        `${name}${labels({ ...owner, ...attributes })}`,
        String(value),
      ]);
    case 'histogram':
      return metric.points.flatMap((point) => histogramSeries(name, { ...metric, format }, owner, point));
    default:
      return metric satisfies never;
  }
}

/** In Prometheus, each bucket also holds the values of the smaller ones. */
function histogramSeries(
  name: string,
  { limits, format }: { readonly limits: readonly number[]; readonly format: PrometheusFormat },
  owner: Attributes,
  { attributes, buckets, sum }: HistogramPoint,
): (readonly [string, string])[] {
  const own = labels({ ...owner, ...attributes });
  const beforeLe = own === '' ? '{' : `${own.slice(0, -1)},`;
  let count = 0;
  const series = buckets.map((inBucket, index) => {
    count += inBucket;
    const le = limits[index] === undefined ? '+Inf' : formatLimit(limits[index], format);
    return [`${name}_bucket${beforeLe}le="${le}"}`, String(count)] as const;
  });
  return [...series, [`${name}_sum${own}`, String(sum)], [`${name}_count${own}`, String(count)]];
}

function labels(attributes: Attributes): string {
  const pairs = Object.entries(attributes).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** Only these three characters have to be escaped. The format is UTF-8, which cannot hold lone surrogates. */
function escapeLabel(value: string): string {
  // A watch renders thousands of labels at each beat, and hardly any of them is special.
  if (/^[\w .:/-]*$/.test(value)) return value;
  return value
    .toWellFormed()
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
}

function escapeHelp(text: string, format: PrometheusFormat): string {
  const escaped = text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
  return format === 'openmetrics' ? escaped.replaceAll('"', String.raw`\"`) : escaped;
}

/** In OpenMetrics, the limit of a bucket is always written as a float: `1.0`. */
function formatLimit(limit: number, format: PrometheusFormat): string {
  return format === 'openmetrics' && Number.isInteger(limit) ? limit.toFixed(1) : String(limit);
}
