import { hourMs } from '../../text/time.ts';
import type { Overview } from '../../history/overview.ts';
import {
  quantileOf,
  wholeRun,
  type Figures,
  type Outcome,
  type Point,
  type RunTable,
  type Window,
} from '../../history/run-table.ts';
import { verdicts } from '../../runner/step-result.ts';

/** Equal spans of time that the charts are made of, so that a year has no more marks than a week. */
export interface Frame extends Window {
  readonly bucketMs: number;
}

/** What the runs that started in one span say about a step, or about whole runs. */
export interface Bucket extends Window {
  readonly runs: number;
  readonly passed: number;
  readonly failedTheirs: number;
  readonly failedOurs: number;
  readonly blocked: number;
  readonly interrupted: number;
  /** Of the runs that passed. Absent if there are none. */
  readonly medianMs?: number;
  readonly p95Ms?: number;
  /** Requests after the first one of each run. */
  readonly extraRequests: number;
  /** Answers that were throttling errors. */
  readonly throttled: number;
  /** The longest wait for an earlier change to become visible. 0 if there was none. */
  readonly propagationMs: number;
}

export type MarkKind = 'theirs' | 'ours' | 'blocked' | 'interrupted';

/** One step, or whole runs, over the time of the report. */
export interface Series {
  readonly step: string;
  readonly buckets: readonly Bucket[];
  /** Times of the runs that passed, in ascending order. */
  readonly sortedMs: Float64Array;
  /** When runs started that did not pass. Runs so close together that their marks would overlap are one. */
  readonly marks: Readonly<Record<MarkKind, readonly number[]>>;
}

/** All that the charts show, read from the table once. */
export interface ReportData {
  readonly frame: Frame;
  readonly steps: readonly Series[];
  /** Of each step in the whole window. */
  readonly figures: ReadonlyMap<string, Figures>;
  readonly slowest: readonly SlowRun[];
}

/** A run that passed, with the step that took longest. */
export interface SlowRun {
  readonly runMs: number;
  readonly durationMs: number;
  readonly slowestStep: { readonly step: string; readonly point: Point };
}

const maxBuckets = 192;
const bucketHours = [0.5, 1, 2, 4, 6, 12, 24, 48, 96, 168];
/** Marks of one kind are at least this part of the whole time apart. */
export const markShare = 1 / 200;
const slowRuns = 10;

export function readReportData({ table, window, lastRun }: Overview): ReportData {
  const frame = frameOf(window, lastRun?.intervalSecs ?? 0);
  const { stepNames } = table;
  const steps = stepNames.map((step) => readSeries(table, step, frame));
  const figures = new Map(stepNames.map((step) => [step, table.figures(step, window)]));
  return { frame, steps, figures, slowest: findSlowest(table, window, stepNames) };
}

/**
 * Cuts a window into spans of a length, counted from an origin, so that they begin with a UTC hour or day. The first and the
 * last may be shorter.
 */
export function spansOf({ fromMs, toMs }: Window, lengthMs: number, originMs = 0): Window[] {
  const first = Math.floor((fromMs - originMs) / lengthMs);
  const count = Math.max(1, Math.ceil((toMs - originMs) / lengthMs) - first);
  return Array.from({ length: count }, (_, index) => ({
    fromMs: Math.max(fromMs, originMs + (first + index) * lengthMs),
    toMs: Math.min(toMs, originMs + (first + index + 1) * lengthMs),
  }));
}

/** The shortest span that is not too many of them, and in which at least two runs are due. */
function frameOf({ fromMs, toMs }: Window, intervalSecs: number): Frame {
  const fits = (hours: number): boolean =>
    (toMs - fromMs) / (hours * hourMs) <= maxBuckets && hours * 3600 >= 2 * intervalSecs;
  const hours = bucketHours.find(fits) ?? Math.ceil((toMs - fromMs) / hourMs / maxBuckets);
  return { fromMs, toMs, bucketMs: hours * hourMs };
}

function readSeries(table: RunTable, step: string, frame: Frame): Series {
  const { fromMs, toMs, bucketMs } = frame;
  const buckets = spansOf(frame, bucketMs).map((span) => ({
    ...span,
    times: [] as number[],
    runs: 0,
    counts: { theirs: 0, ours: 0, blocked: 0, interrupted: 0 },
    extraRequests: 0,
    throttled: 0,
    propagationMs: 0,
  }));
  const marks: Record<MarkKind, number[]> = { theirs: [], ours: [], blocked: [], interrupted: [] };
  const apartMs = (toMs - fromMs) * markShare;
  for (const point of table.points(step, frame)) {
    const bucket = buckets[Math.floor(point.runMs / bucketMs) - Math.floor(fromMs / bucketMs)];
    if (bucket === undefined) continue;
    bucket.runs += 1;
    bucket.extraRequests += Math.max(0, point.attempts - 1);
    bucket.throttled += point.throttled;
    bucket.propagationMs = Math.max(bucket.propagationMs, point.propagationMs);
    const kind = kindOf(point.outcome);
    if (kind === 'passed') {
      bucket.times.push(point.durationMs);
      continue;
    }
    bucket.counts[kind] += 1;
    if (point.runMs - (marks[kind].at(-1) ?? -Infinity) >= apartMs) marks[kind].push(point.runMs);
  }
  const sortedMs = Float64Array.from(buckets.flatMap(({ times }) => times)).toSorted();
  return {
    step,
    marks,
    sortedMs,
    buckets: buckets.map(({ times, counts, ...bucket }) => ({
      ...bucket,
      passed: times.length,
      failedTheirs: counts.theirs,
      failedOurs: counts.ours,
      blocked: counts.blocked,
      interrupted: counts.interrupted,
      ...quantilesOf(Float64Array.from(times).toSorted()),
    })),
  };
}

function quantilesOf(sorted: Float64Array): { readonly medianMs?: number; readonly p95Ms?: number } {
  if (sorted.length === 0) return {};
  return { medianMs: quantileOf(sorted, 0.5), p95Ms: quantileOf(sorted, 0.95) };
}

function kindOf(outcome: Outcome): MarkKind | 'passed' {
  if (outcome === 'passed' || outcome === 'interrupted') return outcome;
  return outcome === 'unreached' || outcome === 'blind' || outcome === 'skipped' ? 'blocked' : verdicts[outcome];
}

function findSlowest(table: RunTable, window: Window, steps: readonly string[]): SlowRun[] {
  let slowest: Point[] = [];
  for (const point of table.points(wholeRun, window)) {
    if (point.outcome !== 'passed' || point.durationMs <= (slowest[slowRuns - 1]?.durationMs ?? 0)) continue;
    slowest = [...slowest, point].toSorted((a, b) => b.durationMs - a.durationMs).slice(0, slowRuns);
  }
  return slowest.flatMap(({ runMs, durationMs }) => {
    const [slowestStep] = steps
      .flatMap((step) =>
        table
          .points(step, { fromMs: runMs, toMs: runMs + 1 })
          .map((point) => ({ step, point }))
          .toArray(),
      )
      .toSorted((a, b) => b.point.durationMs - a.point.durationMs);
    return slowestStep === undefined ? [] : [{ runMs, durationMs, slowestStep }];
  });
}
