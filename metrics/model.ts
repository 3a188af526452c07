import { bucketLimitsSecs, type Counters, type DurationCounts, type StepCounters } from '../history/counters.ts';
import { overallStates, stepStates } from '../history/state.ts';
import type { InstanceTotals, LastRun } from '../history/totals.ts';
import { verdicts, type Verdict } from '../runner/step-result.ts';

/** What a metric is. Names and units are OpenTelemetry's; `prometheus.ts` derives its own from them. */
export interface MetricDefinition {
  readonly name: string;
  /** `s`, or what is counted in braces: `{run}`. Empty if it has none. */
  readonly unit: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** One sentence without a full stop. */
  readonly description: string;
}

export type Attributes = Readonly<Record<string, string>>;

/** The value of a counter or a gauge for some attributes. */
export interface NumberPoint {
  readonly attributes: Attributes;
  readonly value: number;
}

/** A histogram for some attributes. */
export interface HistogramPoint {
  readonly attributes: Attributes;
  /** How many values are in each bucket and in no earlier one. One more than there are limits. */
  readonly buckets: readonly number[];
  readonly sum: number;
}

export type Metric =
  | (MetricDefinition & { readonly kind: 'counter' | 'gauge'; readonly points: readonly NumberPoint[] })
  | (MetricDefinition & {
      readonly kind: 'histogram';
      /** Upper limits of the buckets, in the unit of the metric. */
      readonly limits: readonly number[];
      readonly points: readonly HistogramPoint[];
    });

/** Every metric that there is. docs/metrics.md has them for users. */
export const metrics = {
  stepDuration: {
    name: 'awsiam.step.duration',
    unit: 's',
    kind: 'histogram',
    description: 'Duration of the steps that passed or failed',
  },
  runs: { name: 'awsiam.runs', unit: '{run}', kind: 'counter', description: 'Runs by result' },
  stepResults: {
    name: 'awsiam.step.results',
    unit: '{result}',
    kind: 'counter',
    description: 'Results of steps, and the verdicts of those that failed',
  },
  stepAttempts: {
    name: 'awsiam.step.attempts',
    unit: '{request}',
    kind: 'counter',
    description: 'Requests that were sent for steps',
  },
  stepPropagationTime: {
    name: 'awsiam.step.propagation_time',
    unit: 's',
    kind: 'counter',
    description: 'Time that steps waited for an earlier change to become visible',
  },
  leftovers: {
    name: 'awsiam.leftovers',
    unit: '{entity}',
    kind: 'counter',
    description: 'Entities that runs could not remove at their end',
  },
  swept: {
    name: 'awsiam.swept',
    unit: '{entity}',
    kind: 'counter',
    description: 'Entities of earlier runs that sweeps removed',
  },
  sweepRemaining: {
    name: 'awsiam.sweep.remaining',
    unit: '{entity}',
    kind: 'gauge',
    description: 'Entities of the namespace that the last sweep left',
  },
  undelivered: {
    name: 'awsiam.undelivered',
    unit: '{result}',
    kind: 'counter',
    description: 'Results that did not reach Metrist in their run',
  },
  skippedBeats: {
    name: 'awsiam.skipped_beats',
    unit: '{beat}',
    kind: 'counter',
    description: 'Beats of a watch that passed without a run',
  },
  outboxErrors: {
    name: 'awsiam.outbox.errors',
    unit: '{error}',
    kind: 'gauge',
    description: 'Errors that wait to be sent to Metrist',
  },
  lastRunTimestamp: {
    name: 'awsiam.last_run.timestamp',
    unit: 's',
    kind: 'gauge',
    description: 'When the last run ended, in seconds since 1970',
  },
  lastRunResult: {
    name: 'awsiam.last_run.result',
    unit: '',
    kind: 'gauge',
    description: 'The result of the last run: 1 for its own, 0 for the others',
  },
  lastLookTimestamp: {
    name: 'awsiam.last_look.timestamp',
    unit: 's',
    kind: 'gauge',
    description: 'When the last run that could look at IAM ended, in seconds since 1970',
  },
  interval: {
    name: 'awsiam.interval',
    unit: 's',
    kind: 'gauge',
    description: 'Expected time from the start of one run to the start of the next',
  },
  state: {
    name: 'awsiam.state',
    unit: '',
    kind: 'gauge',
    description: 'The overall state: 1 for the current one, 0 for the others',
  },
  stepState: {
    name: 'awsiam.step.state',
    unit: '',
    kind: 'gauge',
    description: 'The state of each step: 1 for the current one, 0 for the others',
  },
  info: {
    name: 'awsiam.info',
    unit: '',
    kind: 'gauge',
    description: 'Version and settings of the last run, always 1',
  },
} as const satisfies Record<string, MetricDefinition>;

/**
 * What metrics are made from: the totals of an instance, or counters of one run alone (a delta) with what is known around
 * them. What is absent makes no point.
 */
export type MetricSource = Pick<InstanceTotals, 'counters'> &
  Partial<Pick<InstanceTotals, 'state' | 'lastRun' | 'lastLookMs' | 'sweptRemaining'>>;

interface Moment {
  /** For which the state is computed: the end of the run. Epoch, UTC. */
  readonly nowMs: number;
  /** How many errors wait in the outbox. Absent if nobody looked. */
  readonly outboxErrors?: number;
}

const runResults: readonly LastRun['state'][] = ['passed', 'failed', 'interrupted'];

/**
 * The points of every metric, in the order of `metrics`. Counters have a point for every result and verdict of the known
 * steps, also for 0, because a series that begins with its first failure hides it from Prometheus' `rate()`.
 */
export function metricsOf(source: MetricSource, { nowMs, outboxErrors }: Moment): readonly Metric[] {
  const { counters, state, lastRun, lastLookMs, sweptRemaining } = source;
  const steps = [...counters.steps];
  const report = state?.read(nowMs);
  return [
    { ...metrics.stepDuration, limits: bucketLimitsSecs, points: steps.flatMap(durationPoints) },
    { ...metrics.runs, points: runPoints(counters) },
    { ...metrics.stepResults, points: steps.flatMap(resultPoints) },
    { ...metrics.stepAttempts, points: steps.map(([step, { attempts }]) => point(attempts, { step })) },
    {
      ...metrics.stepPropagationTime,
      points: steps.map(([step, { propagationUs }]) => point(propagationUs / 1e6, { step })),
    },
    { ...metrics.leftovers, points: [point(counters.leftovers)] },
    { ...metrics.swept, points: [point(counters.swept)] },
    { ...metrics.sweepRemaining, points: points(sweptRemaining) },
    { ...metrics.undelivered, points: [point(counters.undelivered)] },
    { ...metrics.skippedBeats, points: [point(counters.skippedBeats)] },
    { ...metrics.outboxErrors, points: points(outboxErrors) },
    { ...metrics.lastRunTimestamp, points: points(lastRun && lastRun.endMs / 1000) },
    { ...metrics.lastRunResult, points: lastRun === undefined ? [] : oneOf('result', lastRun.state, runResults) },
    { ...metrics.lastLookTimestamp, points: points(lastLookMs === undefined ? undefined : lastLookMs / 1000) },
    { ...metrics.interval, points: points(lastRun?.intervalSecs) },
    { ...metrics.state, points: report === undefined ? [] : oneOf('state', report.overall.state, overallStates) },
    {
      ...metrics.stepState,
      points: (report?.steps ?? []).flatMap(({ name, state: ofStep }) =>
        oneOf('state', ofStep, stepStates, { step: name }),
      ),
    },
    { ...metrics.info, points: lastRun === undefined ? [] : [point(1, infoOf(lastRun))] },
  ];
}

function runPoints({ runs }: Readonly<Counters>): NumberPoint[] {
  return [
    point(runs.passed, { result: 'passed' }),
    point(runs.failedTheirs, { result: 'failed', side: 'theirs' }),
    point(runs.failedOurs, { result: 'failed', side: 'ours' }),
    point(runs.interrupted, { result: 'interrupted' }),
  ];
}

function durationPoints([step, { passed, failed }]: readonly [string, StepCounters]): HistogramPoint[] {
  const histogram = (result: string, { buckets, sumUs }: DurationCounts): HistogramPoint => ({
    attributes: { step, result },
    buckets,
    sum: sumUs / 1e6,
  });
  return [histogram('passed', passed), histogram('failed', failed)];
}

function resultPoints([step, counts]: readonly [string, StepCounters]): NumberPoint[] {
  return [
    point(sumOf(counts.passed.buckets), { step, result: 'passed' }),
    ...(Object.entries(counts.failedBy) as [Verdict, number][]).map(([verdict, count]) =>
      point(count, { step, result: 'failed', verdict, side: verdicts[verdict] }),
    ),
    point(counts.blocked, { step, result: 'blocked' }),
    point(counts.interrupted, { step, result: 'interrupted' }),
  ];
}

function infoOf({ version, namespace, region }: LastRun): Attributes {
  return { version, ...(namespace !== undefined && { namespace }), ...(region !== undefined && { region }) };
}

/** A point for each value that an attribute can have: 1 for the one that it has, 0 for the others. */
function oneOf(attribute: string, current: string, all: readonly string[], others: Attributes = {}): NumberPoint[] {
  return all.map((value) => point(value === current ? 1 : 0, { ...others, [attribute]: value }));
}

function points(value: number | undefined): readonly NumberPoint[] {
  return value === undefined ? [] : [point(value)];
}

function point(value: number, attributes: Attributes = {}): NumberPoint {
  return { attributes, value };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
