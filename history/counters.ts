import type { MonitorRun } from '../runner/monitor-run.ts';
import { type Side, verdicts, type Verdict } from '../runner/step-result.ts';
import { check, readTotal, readFields, readList, readName } from './json-fields.ts';

/** The upper limits of the buckets of step durations, in seconds. One more bucket holds what is longer. */
export const bucketLimitsSecs = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900] as const;

/** Step durations. */
export interface DurationCounts {
  /** How many durations are in each bucket and in no earlier one. */
  readonly buckets: number[];
  /** The sum of the durations, in whole microseconds, so that it has no rounding errors. */
  sumUs: number;
}

/** What is counted for one step. Each run that has the step is a duration, or blocked, or interrupted. */
export interface StepCounters {
  readonly passed: DurationCounts;
  readonly failed: DurationCounts;
  readonly failedBy: Record<Verdict, number>;
  blocked: number;
  interrupted: number;
  attempts: number;
  /** Time spent waiting for earlier changes to become visible, in whole microseconds. */
  propagationUs: number;
}

/** What is counted over some runs: what metrics need. Mutable, and changed by `addRun` only, except `undelivered`. */
export interface Counters {
  readonly runs: { passed: number; failedTheirs: number; failedOurs: number; interrupted: number };
  /** By the name of the step, in the order in which the runs have them. */
  readonly steps: Map<string, StepCounters>;
  /** Entities that runs left behind. */
  leftovers: number;
  /** Entities of earlier runs that sweeps removed. */
  swept: number;
  /** Results that did not reach Metrist in their run. The history does not have this number. */
  undelivered: number;
  /** Beats of a watch that passed without a run. */
  skippedBeats: number;
}

export function emptyCounters(): Counters {
  const runs = { passed: 0, failedTheirs: 0, failedOurs: 0, interrupted: 0 };
  return { runs, steps: new Map(), leftovers: 0, swept: 0, undelivered: 0, skippedBeats: 0 };
}

/** Makes counters JSON-safe. */
export function saveCounters({ steps, ...others }: Counters): unknown {
  return { ...others, steps: [...steps] };
}

/** @throws TypeError if it is not what `saveCounters` returned */
export function readCounters(value: unknown): Counters {
  // Absent in what was saved before there was a watch.
  const { runs, steps, leftovers, swept, undelivered, skippedBeats = 0 } = readFields(value);
  return {
    runs: readCounts(runs, ['passed', 'failedTheirs', 'failedOurs', 'interrupted']),
    steps: new Map(readList(readStep)(steps)),
    ...readCounts({ leftovers, swept, undelivered, skippedBeats }, [
      'leftovers',
      'swept',
      'undelivered',
      'skippedBeats',
    ]),
  };
}

/** The one place where a run becomes counts: for totals of all runs, and for those of one run alone. */
export function addRun(counters: Counters, run: MonitorRun): void {
  switch (run.state) {
    case 'passed':
    case 'interrupted':
      counters.runs[run.state] += 1;
      break;
    case 'failed':
      counters.runs[sideOfFailure(run) === 'theirs' ? 'failedTheirs' : 'failedOurs'] += 1;
      break;
    default:
      run.state satisfies never;
  }
  counters.leftovers += run.leftovers.length;
  counters.swept += run.swept ?? 0;
  counters.skippedBeats += run.skippedBeats ?? 0;
  for (const step of run.steps) {
    const counts = counters.steps.get(step.name) ?? emptyStep();
    counters.steps.set(step.name, counts);
    if (step.state === 'blocked' || step.state === 'interrupted') counts[step.state] += 1;
    else addDuration(counts[step.state], step.durationMs);
    if (step.state === 'failed') counts.failedBy[step.error.verdict] += 1;
    if (step.state === 'blocked') continue;
    counts.attempts += step.evidence.attempts ?? 0;
    counts.propagationUs += microseconds(step.evidence.propagationMs ?? 0);
  }
}

/** Whose fault a failed run is: that of its failed step, or ours if it failed outside of the steps. */
export function sideOfFailure(run: MonitorRun): Side {
  const failed = run.steps.find((step) => step.state === 'failed');
  return failed === undefined ? 'ours' : verdicts[failed.error.verdict];
}

function emptyStep(): StepCounters {
  const failedBy = Object.fromEntries(Object.keys(verdicts).map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  const counts = { blocked: 0, interrupted: 0, attempts: 0, propagationUs: 0 };
  return { passed: emptyDurations(), failed: emptyDurations(), failedBy, ...counts };
}

function emptyDurations(): DurationCounts {
  return { buckets: Array.from({ length: bucketLimitsSecs.length + 1 }, () => 0), sumUs: 0 };
}

function addDuration(counts: DurationCounts, durationMs: number): void {
  const bucket = bucketLimitsSecs.findIndex((limitSecs) => durationMs <= limitSecs * 1000);
  const index = bucket < 0 ? bucketLimitsSecs.length : bucket;
  counts.buckets[index] = (counts.buckets[index] ?? 0) + 1;
  counts.sumUs += microseconds(durationMs);
}

function microseconds(ms: number): number {
  return Math.round(ms * 1000);
}

function readCounts<const Name extends string>(value: unknown, names: readonly Name[]): Record<Name, number> {
  const fields = readFields(value);
  return Object.fromEntries(names.map((name) => [name, readTotal(fields[name])])) as Record<Name, number>;
}

function readStep(value: unknown): [string, StepCounters] {
  const [name, counts] = readList((each) => each)(value);
  const { passed, failed, failedBy } = readFields(counts);
  return [
    readName(name),
    {
      passed: readDurations(passed),
      failed: readDurations(failed),
      failedBy: readCounts(failedBy, Object.keys(verdicts) as Verdict[]),
      ...readCounts(counts, ['blocked', 'interrupted', 'attempts', 'propagationUs']),
    },
  ];
}

function readDurations(value: unknown): DurationCounts {
  const { buckets, sumUs } = readFields(value);
  const counts = [...readList(readTotal)(buckets)];
  check(counts.length === bucketLimitsSecs.length + 1, 'not as many buckets as there are');
  return { buckets: counts, sumUs: readTotal(sumUs) };
}
