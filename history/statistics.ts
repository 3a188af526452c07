import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Verdict } from '../runner/step-result.ts';
import { couldLook, endOf, looksOf } from './looks.ts';
import type { RunRecord } from './run-record.ts';

/** A part of a whole, so that no share is shown without its denominator. */
export interface Share {
  readonly part: number;
  readonly of: number;
}

/** The figures of one step over some time. */
export interface StepFigures {
  /** Runs that have the step. Each is one of the five that follow. */
  readonly runs: number;
  readonly passed: number;
  readonly failedTheirs: number;
  readonly failedOurs: number;
  readonly blocked: number;
  readonly interrupted: number;
  readonly failedBy: Readonly<Partial<Record<Verdict, number>>>;
  /** Of the runs that passed the step. Absent if there are none. Within 0.1 percent. */
  readonly medianMs?: number;
  readonly p95Ms?: number;
  /** How many of the runs that got IAM's answer at this step passed it. Failures on our side are in neither number. */
  readonly availability: Share;
  /** Milliseconds of the intervals in which a run could look at the step, and of all that were expected. */
  readonly coverage: Share;
}

/** The figures of one UTC day: `2026-11-22`. */
export interface DayFigures {
  readonly day: string;
  readonly steps: ReadonlyMap<string, StepFigures>;
}

/** From when to when figures are asked for. Counts are those of whole UTC days. */
export interface Period {
  /** @default the first run */
  readonly fromMs?: number;
  readonly nowMs: number;
}

const dayMs = 86_400_000;

/** A run that starts late by no more than this part of the interval leaves no gap. */
const toleratedDelay = 0.25;

/** How many significant digits of a time are kept. */
type TimeFigures = 2 | 3;

/** What is counted for one step on one day. */
interface Counts {
  passed: number;
  failedTheirs: number;
  failedOurs: number;
  blocked: number;
  interrupted: number;
  coveredMs: number;
  readonly failedBy: Partial<Record<Verdict, number>>;
  /** Microseconds. Absent until a run passes. */
  times: RecordableHistogram | undefined;
}

/** One step: its first run, until when its runs cover the time, and its days by their number since 1970. */
interface StepDays {
  firstMs: number;
  coveredUntilMs: number;
  readonly days: Map<number, Counts>;
}

/**
 * Counts and times per step and UTC day. Memory depends on the number of steps and days, not on the number of runs. A run
 * belongs to the day on which it started. Only coverage depends on the order of the runs: they come as they ended.
 */
export class RunStatistics {
  readonly #steps = new Map<string, StepDays>();
  readonly #figures: TimeFigures;

  /** @param figures how exact median and p95 are. With 2, they are within 1 percent, and a long history takes less memory */
  constructor(figures: TimeFigures = 3) {
    this.#figures = figures;
  }

  add(run: RunRecord): void {
    const startMs = Date.parse(run.startedAt);
    const looks = looksOf(run);
    for (const step of run.steps) {
      const known = this.#steps.get(step.name) ?? { firstMs: startMs, coveredUntilMs: startMs, days: new Map() };
      this.#steps.set(step.name, known);
      known.firstMs = Math.min(known.firstMs, startMs);
      const counts = countsOf(known, Math.floor(startMs / dayMs));
      const look = looks.get(step.name) ?? 'interrupted';
      if (couldLook(look)) cover(known, startMs, endOf(run), run.intervalSecs * 1000);
      switch (step.state) {
        case 'passed':
          counts.passed += 1;
          counts.times ??= createHistogram({ figures: this.#figures });
          counts.times.record(Math.max(1, Math.round(step.durationMs * 1000)));
          break;
        case 'failed': {
          const { verdict } = step.error;
          counts[look === 'blind' ? 'failedOurs' : 'failedTheirs'] += 1;
          counts.failedBy[verdict] = (counts.failedBy[verdict] ?? 0) + 1;
          break;
        }
        case 'blocked':
        case 'interrupted':
          counts[step.state] += 1;
          break;
        default:
          step satisfies never;
      }
    }
  }

  /** Every day from the first to today, also those without a run. */
  days({ fromMs, nowMs }: Period): DayFigures[] {
    const starts = [...this.#steps.values()].map(({ firstMs }) => firstMs);
    const firstDay = Math.floor((fromMs ?? Math.min(nowMs, ...starts)) / dayMs);
    const days: DayFigures[] = [];
    for (let day = firstDay; day <= Math.floor(nowMs / dayMs); day += 1) {
      const startMs = day * dayMs;
      const period = { fromMs: Math.max(startMs, fromMs ?? startMs), nowMs: Math.min(nowMs, startMs + dayMs - 1) };
      days.push({ day: new Date(startMs).toISOString().slice(0, 10), steps: this.total(period) });
    }
    return days;
  }

  /** All days of the period together. */
  total({ fromMs = -Infinity, nowMs }: Period): Map<string, StepFigures> {
    const [firstDay, lastDay] = [Math.floor(fromMs / dayMs), Math.floor(nowMs / dayMs)];
    const figures = new Map<string, StepFigures>();
    for (const [name, step] of this.#steps) {
      const sum = emptyCounts();
      const days = [...step.days].filter(([day]) => day >= firstDay && day <= lastDay).map(([, counts]) => counts);
      for (const counts of days) addCounts(sum, counts);
      const times = mergeTimes(
        days.flatMap((counts) => counts.times ?? []),
        this.#figures,
      );
      // The whole last millisecond of a day belongs to it.
      const endMs = Math.floor((nowMs + 1) / dayMs) > lastDay ? nowMs + 1 : nowMs;
      const beginMs = Math.max(step.firstMs, firstDay * dayMs);
      const expectedMs = Math.max(0, endMs - beginMs);
      // What the last run covers may lie in the future.
      const dayEndMs = (lastDay + 1) * dayMs;
      const futureMs = Math.max(0, Math.min(step.coveredUntilMs, dayEndMs) - endMs);
      const coveredMs = Math.min(expectedMs, Math.max(0, sum.coveredMs - futureMs));
      figures.set(name, toFigures(sum, times, { part: coveredMs, of: expectedMs }));
    }
    return figures;
  }
}

function emptyCounts(): Counts {
  return {
    passed: 0,
    failedTheirs: 0,
    failedOurs: 0,
    blocked: 0,
    interrupted: 0,
    coveredMs: 0,
    failedBy: {},
    times: undefined,
  };
}

function countsOf({ days }: StepDays, day: number): Counts {
  const counts = days.get(day) ?? emptyCounts();
  days.set(day, counts);
  return counts;
}

/** A run covers the time from its start until the next one is due, or until its own end if that is later. */
function cover(step: StepDays, startMs: number, endMs: number, intervalMs: number): void {
  const isOnTime = startMs - step.coveredUntilMs <= intervalMs * toleratedDelay;
  let fromMs = isOnTime ? step.coveredUntilMs : startMs;
  const untilMs = Math.max(startMs + intervalMs, endMs);
  while (fromMs < untilMs) {
    const day = Math.floor(fromMs / dayMs);
    const nextMs = Math.min(untilMs, (day + 1) * dayMs);
    countsOf(step, day).coveredMs += nextMs - fromMs;
    fromMs = nextMs;
  }
  step.coveredUntilMs = Math.max(step.coveredUntilMs, untilMs);
}

function addCounts(sum: Counts, counts: Counts): void {
  for (const key of ['passed', 'failedTheirs', 'failedOurs', 'blocked', 'interrupted', 'coveredMs'] as const) {
    sum[key] += counts[key];
  }
  for (const [verdict, count] of Object.entries(counts.failedBy) as [Verdict, number][]) {
    sum.failedBy[verdict] = (sum.failedBy[verdict] ?? 0) + count;
  }
}

/** All times together. One day's histogram is taken as it is, because each takes memory that is freed late. */
function mergeTimes(histograms: readonly RecordableHistogram[], figures: TimeFigures): RecordableHistogram | undefined {
  if (histograms.length <= 1) return histograms[0];
  const sum = createHistogram({ figures });
  for (const each of histograms) sum.add(each);
  return sum;
}

function toFigures(counts: Counts, times: RecordableHistogram | undefined, coverage: Share): StepFigures {
  const { passed, failedTheirs, failedOurs, blocked, interrupted, failedBy } = counts;
  return {
    passed,
    failedTheirs,
    failedOurs,
    blocked,
    interrupted,
    failedBy,
    runs: passed + failedTheirs + failedOurs + blocked + interrupted,
    ...(times !== undefined && { medianMs: times.percentile(50) / 1000, p95Ms: times.percentile(95) / 1000 }),
    availability: { part: passed, of: passed + failedTheirs },
    coverage,
  };
}
