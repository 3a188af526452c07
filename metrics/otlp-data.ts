import { createTraceState, type HrTime, SpanKind, SpanStatusCode, TraceFlags, ValueType } from '@opentelemetry/api';
import { defaultResource, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Metric } from './model.ts';
import type { OtlpSettings } from './otlp-settings.ts';
import type { TraceSpan } from './trace.ts';

/** Turns our metrics and spans into what the exporters of the OpenTelemetry SDK take. Only code that sends loads this file. */

/** What the telemetry comes from: the program, and its fixed place. */
export interface Source {
  readonly version: string;
  /** The same in all runs, so that their deltas add up to one series. */
  readonly instanceId: string;
}

/** The settings of the user win over what is known here. */
export function toResource(attributes: OtlpSettings['resource'], { version, instanceId }: Source): Resource {
  const known = { 'service.version': version, 'service.instance.id': instanceId };
  return defaultResource().merge(resourceFromAttributes({ ...known, ...attributes }));
}

export interface MetricTimes {
  readonly temporality: OtlpSettings['temporality'];
  /** Since when is counted: with delta the start of the run, else the start of the totals. Epoch, UTC. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Metrics without points are left out. */
export function toResourceMetrics(
  metrics: readonly Metric[],
  times: MetricTimes,
  resource: Resource,
  { version }: Source,
): ResourceMetrics {
  const withPoints = metrics.filter(({ points }) => points.length > 0);
  return {
    resource,
    scopeMetrics: [
      { scope: { name: 'awsiam', version }, metrics: withPoints.map((each) => toMetricData(each, times)) },
    ],
  };
}

function toMetricData(metric: Metric, { temporality, startMs, endMs }: MetricTimes): MetricData {
  const { name, unit, description } = metric;
  const times = { startTime: toHrTime(startMs), endTime: toHrTime(endMs) };
  const aggregationTemporality =
    temporality === 'delta' ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
  if (metric.kind === 'histogram') {
    return {
      descriptor: { name, unit, description, valueType: ValueType.DOUBLE },
      aggregationTemporality,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: metric.points.map(({ attributes, buckets, sum }) => ({
        ...times,
        attributes: { ...attributes },
        value: {
          buckets: { boundaries: [...metric.limits], counts: [...buckets] },
          sum,
          count: buckets.reduce((total, count) => total + count, 0),
        },
      })),
    };
  }
  const isCount = unit !== 's';
  const dataPoints: DataPoint<number>[] = metric.points.map(({ attributes, value }) => ({
    ...times,
    attributes: { ...attributes },
    value,
  }));
  const descriptor = { name, unit, description, valueType: isCount ? ValueType.INT : ValueType.DOUBLE };
  return metric.kind === 'counter'
    ? { descriptor, aggregationTemporality, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
    : { descriptor, aggregationTemporality, dataPointType: DataPointType.GAUGE, dataPoints };
}

const spanKinds = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;

/** @param parent what the root span continues */
export function toReadableSpans(
  spans: readonly TraceSpan[],
  resource: Resource,
  { version }: Source,
  parent?: OtlpSettings['parent'],
): ReadableSpan[] {
  const traceState = parent?.state === undefined ? {} : { traceState: createTraceState(parent.state) };
  // One object, because the SDK makes a batch for each.
  const instrumentationScope = { name: 'awsiam', version };
  return spans.map((span) => {
    const context = { traceId: span.traceId, traceFlags: TraceFlags.SAMPLED, ...traceState };
    const isRemote = span.parentSpanId === parent?.spanId;
    return {
      name: span.name,
      kind: spanKinds[span.kind],
      spanContext: () => ({ ...context, spanId: span.spanId }),
      ...(span.parentSpanId !== undefined && {
        parentSpanContext: { ...context, spanId: span.parentSpanId, isRemote },
      }),
      startTime: toHrTime(span.startMs),
      endTime: toHrTime(span.endMs),
      duration: toHrTime(span.endMs - span.startMs),
      status:
        span.failure === undefined
          ? { code: SpanStatusCode.UNSET }
          : { code: SpanStatusCode.ERROR, message: span.failure },
      attributes: Object.fromEntries(
        Object.entries(span.attributes).map(([name, value]) => [name, Array.isArray(value) ? [...value] : value]),
      ),
      links: [],
      events: [],
      ended: true,
      resource,
      instrumentationScope,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  });
}

/** To the microsecond: further digits are noise. */
function toHrTime(ms: number): HrTime {
  const microseconds = Math.round(ms * 1000);
  return [Math.floor(microseconds / 1e6), (microseconds % 1e6) * 1000];
}
