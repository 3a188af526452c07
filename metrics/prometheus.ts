import type { Attributes, HistogramPoint, Metric, MetricDefinition, NumberPoint } from './model.ts';

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
    // Two series with the same labels make the whole file invalid. Texts that are not well-formed can become equal.
    const known = new Set<string>();
    for (const { instance, metrics } of instances) {
      const metric = metrics.find((each) => each.name === name);
      if (metric === undefined) continue;
      const owner: Attributes = instance === undefined ? {} : { monitor_instance: instance };
      for (const point of metric.points) {
        const own = labels({ ...owner, ...point.attributes });
        if (known.has(own)) continue;
        if (known.size === 0) lines.push(...describe(metric, format));
        known.add(own);
        addSeries(lines, metric, own, point, format);
      }
    }
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

/** Adds the series of a point. In Prometheus, each bucket also holds the values of the smaller ones. */
function addSeries(
  lines: string[],
  metric: Metric,
  own: string,
  point: NumberPoint | HistogramPoint,
  format: PrometheusFormat,
): void {
  const name = prometheusNameOf(metric);
  if ('value' in point) {
    lines.push(`${name}${own} ${point.value}`);
    return;
  }
  const limits = metric.kind === 'histogram' ? metric.limits : [];
  const beforeLe = `${name}_bucket${own === '' ? '{' : `${own.slice(0, -1)},`}`;
  let count = 0;
  for (const [index, inBucket] of point.buckets.entries()) {
    count += inBucket;
    const le = limits[index] === undefined ? '+Inf' : formatLimit(limits[index], format);
    lines.push(`${beforeLe}le="${le}"} ${count}`);
  }
  lines.push(`${name}_sum${own} ${point.sum}`, `${name}_count${own} ${count}`);
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
