import { roundMs } from '../runner/clock.ts';
import type { RunFacts } from '../runner/monitor-run.ts';
import { verdicts, type StepResult, type Verdict } from '../runner/step-result.ts';
import { looksOf, type Look } from './looks.ts';
import type { RunRecord } from './run-record.ts';

/** A part of a whole, so that no share is shown without its denominator. */
export interface Share {
  readonly part: number;
  readonly of: number;
}

/** A span of time: from `fromMs` to just before `toMs`. Epoch, UTC. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * What a run says about a step. A failed one stands under its verdict. `unreached`: IAM failed at an earlier step. `blind`: a
 * failure on our side came earlier. `skipped`: an interruption came earlier.
 */
export type Outcome = 'passed' | 'unreached' | 'blind' | 'skipped' | 'interrupted' | Verdict;

/** One step in one run. */
export interface Point {
  /** When the run started. Epoch, UTC. */
  readonly runMs: number;
  readonly outcome: Outcome;
  /** 0 if the step did not run. */
  readonly durationMs: number;
  /** Requests that were sent. */
  readonly attempts: number;
  /** Attempts that IAM answered with a throttling error. */
  readonly throttled: number;
  readonly propagationMs: number;
}

/** Counts, times and shares of one step, or of whole runs, in a window. */
export interface Figures {
  /** Runs that have the step. Each is one of the five that follow. */
  readonly runs: number;
  readonly passed: number;
  readonly failedTheirs: number;
  readonly failedOurs: number;
  readonly blocked: number;
  readonly interrupted: number;
  readonly failedBy: Readonly<Partial<Record<Verdict, number>>>;
  /** By nearest rank, of the runs that passed, to the microsecond. Absent if there are none. */
  readonly medianMs?: number;
  readonly p95Ms?: number;
  /** How many of the runs that got IAM's answer passed. Failures on our side are in neither number. */
  readonly availability: Share;
  /** Milliseconds of the intervals in which a run could look, and of all that were expected. */
  readonly coverage: Share;
}

/** What is known about one failed step. */
export interface Failure {
  /** When the run and the failed step started, and when the step ended. Epoch, UTC. */
  readonly runMs: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly result: Extract<StepResult, { state: 'failed' }>;
  readonly run: RunFacts & Pick<RunRecord, 'instance'>;
}

/** Failures with the same step, verdict and code. */
export interface FailureGroup {
  readonly step: string;
  readonly verdict: Verdict;
  readonly code: string;
  readonly count: number;
  readonly first: Failure;
  readonly last: Failure;
}

/** The name under which figures and points of whole runs are asked for. */
export const wholeRun = '';

const dayMs = 86_400_000;
/** A run that starts late by no more than this part of the interval leaves no gap. */
const toleratedDelay = 0.25;
/** How many failures are kept with all their details, and how many kinds of them. */
const maxFailures = 200;
const maxGroups = 200;

const outcomes: readonly (Outcome | undefined)[] = [
  undefined,
  'passed',
  'unreached',
  'blind',
  'skipped',
  'interrupted',
  ...(Object.keys(verdicts) as Verdict[]),
];

interface RunTableOptions {
  readonly beganMs?: number;
  readonly failureWindow?: Window;
}

/**
 * The runs of one mode and instance in memory, as columns of numbers: about 100 bytes a run, so a year of runs every two
 * minutes takes about 30 MB. Figures are exact, for every window. The runs come in the order of the history.
 */
export class RunTable {
  readonly #startMs = new Column(Float64Array);
  readonly #endMs = new Column(Float64Array);
  readonly #intervalMs = new Column(Float32Array);
  readonly #steps = new Map<string, StepColumns>();
  /** The first and the last run that started on a UTC day. */
  readonly #days = new Map<number, { first: number; last: number }>();
  readonly #failures: Failure[] = [];
  readonly #groups = new Map<string, FailureGroup>();
  readonly #failureWindow: Window;
  #names: readonly string[] = [];
  #beganMs: number;

  /**
   * @param options.beganMs when the first run of all started, if that is before the first one in the table
   * @param options.failureWindow whose failures are kept. @default all
   */
  constructor({ beganMs = Infinity, failureWindow = { fromMs: -Infinity, toMs: Infinity } }: RunTableOptions = {}) {
    this.#beganMs = beganMs;
    this.#failureWindow = failureWindow;
  }

  get size(): number {
    return this.#startMs.length;
  }

  /** The steps of the newest run, in order. */
  get stepNames(): readonly string[] {
    return this.#names;
  }

  /** The newest failures of the failure window with all their details, oldest first. */
  get failures(): readonly Failure[] {
    return this.#failures;
  }

  /** All failures of the failure window by step, verdict and code. The most frequent group comes first. */
  get failureGroups(): readonly FailureGroup[] {
    return [...this.#groups.values()].toSorted((a, b) => b.count - a.count || b.last.runMs - a.last.runMs);
  }

  add(run: RunRecord): void {
    const index = this.size;
    const startMs = Date.parse(run.startedAt);
    this.#beganMs = Math.min(this.#beganMs, startMs);
    this.#startMs.push(startMs);
    this.#endMs.push(startMs + run.durationMs);
    this.#intervalMs.push(run.intervalSecs * 1000);
    const day = Math.floor(startMs / dayMs);
    this.#days.set(day, { first: this.#days.get(day)?.first ?? index, last: index });
    this.#names = run.steps.map(({ name }) => name);

    const looks = looksOf(run);
    for (const step of run.steps) {
      const ran = step.state === 'blocked' ? undefined : step;
      this.#columnsOf(step.name).add(index, stepOutcome(step, looks.get(step.name)), ran);
      if (step.state === 'failed' && isIn(this.#failureWindow, startMs)) this.#keepFailure(run, startMs, step);
    }
    this.#columnsOf(wholeRun).add(index, outcomeOf(run), { durationMs: run.durationMs, evidence: {} });
  }

  /** The figures of a step, or of whole runs with {@link wholeRun}. Only runs that started in the window count. */
  figures(step: string, window: Window): Figures {
    const counts = { passed: 0, failedTheirs: 0, failedOurs: 0, blocked: 0, interrupted: 0 };
    const failedBy: Partial<Record<Verdict, number>> = {};
    const columns = this.#steps.get(step) ?? new StepColumns();
    const runs = this.#runsIn(window);
    const times = new Float64Array(runs.length);
    // Without the objects of `points`, which would take most of the time of a report.
    for (const index of runs) {
      const outcome = columns.outcomeAt(index);
      if (outcome === undefined) continue;
      if (outcome === 'passed') {
        times[counts.passed] = columns.durationMsAt(index);
        counts.passed += 1;
      } else if (isVerdict(outcome)) {
        counts[verdicts[outcome] === 'ours' ? 'failedOurs' : 'failedTheirs'] += 1;
        failedBy[outcome] = (failedBy[outcome] ?? 0) + 1;
      } else {
        counts[outcome === 'interrupted' ? 'interrupted' : 'blocked'] += 1;
      }
    }
    const sorted = times.subarray(0, counts.passed).toSorted();
    return {
      ...counts,
      failedBy,
      runs: Object.values(counts).reduce((sum, count) => sum + count, 0),
      ...(sorted.length > 0 && {
        medianMs: roundMs(quantileOf(sorted, 0.5)),
        p95Ms: roundMs(quantileOf(sorted, 0.95)),
      }),
      availability: { part: counts.passed, of: counts.passed + counts.failedTheirs },
      coverage: this.#coverage(step, window),
    };
  }

  /** What each run that started in the window says about a step, or about the whole run with {@link wholeRun}. */
  *points(step: string, window: Window): Generator<Point> {
    const columns = this.#steps.get(step);
    if (columns === undefined) return;
    for (const index of this.#runsIn(window)) {
      const outcome = columns.outcomeAt(index);
      if (outcome !== undefined) yield { runMs: this.#startMs.at(index), outcome, ...columns.detailsAt(index) };
    }
  }

  /** The places of the runs that started in the window. A list, because a generator takes many times as long. */
  #runsIn(window: Window): Uint32Array {
    const days = [...this.#days]
      .filter(([day]) => (day + 1) * dayMs > window.fromMs && day * dayMs < window.toMs)
      .toSorted(([a], [b]) => a - b);
    const found = new Uint32Array(days.reduce((sum, [, { first, last }]) => sum + last - first + 1, 0));
    let count = 0;
    for (const [, { first, last }] of days) {
      for (let index = first; index <= last; index += 1) {
        if (isIn(window, this.#startMs.at(index))) found[count++] = index;
      }
    }
    return found.subarray(0, count);
  }

  /** A run that could look covers the time from its start until the next one is due, or until its own end if that is later. */
  #coverage(step: string, { fromMs, toMs }: Window): Share {
    const beginMs = Math.max(fromMs, this.#beganMs);
    const columns = this.#steps.get(step);
    if (columns === undefined || toMs <= beginMs) return { part: 0, of: Math.max(0, toMs - beginMs) };
    let part = 0;
    let coveredUntilMs = -Infinity;
    // A run of the day before may still cover the beginning.
    for (const index of this.#runsIn({ fromMs: beginMs - dayMs, toMs })) {
      const outcome = columns.outcomeAt(index);
      if (outcome === undefined || !didLook(outcome)) continue;
      const [startMs, intervalMs] = [this.#startMs.at(index), this.#intervalMs.at(index)];
      const isOnTime = startMs - coveredUntilMs <= intervalMs * toleratedDelay;
      const untilMs = Math.max(startMs + intervalMs, this.#endMs.at(index), coveredUntilMs);
      const newMs = Math.max(beginMs, isOnTime ? coveredUntilMs : startMs);
      part += Math.max(0, Math.min(untilMs, toMs) - newMs);
      coveredUntilMs = untilMs;
    }
    return { part, of: toMs - beginMs };
  }

  #columnsOf(step: string): StepColumns {
    const columns = this.#steps.get(step) ?? new StepColumns();
    this.#steps.set(step, columns);
    return columns;
  }

  #keepFailure(run: RunRecord, runMs: number, result: Failure['result']): void {
    const startMs = Date.parse(result.startedAt);
    const { instance, namespace, region, account, testUser } = run;
    const facts = Object.fromEntries(
      Object.entries({ instance, namespace, region, account, testUser }).filter(([, value]) => value !== undefined),
    );
    const failure: Failure = { runMs, startMs, endMs: startMs + result.durationMs, result, run: facts };
    this.#failures.push(failure);
    if (this.#failures.length > maxFailures) this.#failures.shift();
    const { verdict, code } = result.error;
    const isNew = !this.#groups.has([result.name, verdict, code].join('\n'));
    const shownCode = isNew && this.#groups.size >= maxGroups ? 'other codes' : code;
    const key = [result.name, verdict, shownCode].join('\n');
    const group = this.#groups.get(key);
    const { count = 0, first = failure } = group ?? {};
    this.#groups.set(key, { step: result.name, verdict, code: shownCode, count: count + 1, first, last: failure });
  }
}

function isIn({ fromMs, toMs }: Window, ms: number): boolean {
  return ms >= fromMs && ms < toMs;
}

function isVerdict(outcome: Outcome): outcome is Verdict {
  return outcome in verdicts;
}

/** Whether we know more about IAM after such an outcome. */
function didLook(outcome: Outcome): boolean {
  if (isVerdict(outcome)) return verdicts[outcome] === 'theirs';
  return outcome === 'passed' || outcome === 'unreached';
}

function stepOutcome(step: StepResult, look: Look | undefined): Outcome {
  switch (step.state) {
    case 'passed':
    case 'interrupted':
      return step.state;
    case 'failed':
      return step.error.verdict;
    case 'blocked':
      return look === 'unreached' || look === 'blind' ? look : 'skipped';
    default:
      return step satisfies never;
  }
}

/** A whole run that failed without a failed step has a fault of the monitor. */
function outcomeOf(run: RunRecord): Outcome {
  const failed = run.steps.find((step) => step.state === 'failed');
  if (failed !== undefined) return failed.error.verdict;
  if (run.state === 'interrupted') return 'interrupted';
  return run.state === 'passed' ? 'passed' : 'monitor';
}

/** The smallest value that at least this share of the values does not exceed (nearest rank). */
export function quantileOf(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** What all runs say about one step. */
class StepColumns {
  readonly #outcome = new Column(Uint8Array);
  readonly #durationMs = new Column(Float32Array);
  readonly #attempts = new Column(Uint16Array);
  readonly #throttled = new Column(Uint16Array);
  readonly #propagationMs = new Column(Float32Array);

  add(
    index: number,
    outcome: Outcome,
    ran: Pick<Extract<StepResult, { evidence: unknown }>, 'durationMs' | 'evidence'> | undefined,
  ): void {
    const { durationMs = 0, evidence: { attempts = 0, propagationMs = 0, tries = [] } = {} } = ran ?? {};
    this.#outcome.set(index, outcomes.indexOf(outcome));
    this.#durationMs.set(index, durationMs);
    this.#attempts.set(index, attempts);
    this.#throttled.set(index, tries.filter(({ throttled }) => throttled === true).length);
    this.#propagationMs.set(index, propagationMs);
  }

  outcomeAt(index: number): Outcome | undefined {
    return outcomes[this.#outcome.at(index)];
  }

  /** Not rounded: a little off, because it is kept in four bytes. */
  durationMsAt(index: number): number {
    return this.#durationMs.at(index);
  }

  detailsAt(index: number): Omit<Point, 'runMs' | 'outcome'> {
    return {
      durationMs: roundMs(this.#durationMs.at(index)),
      attempts: this.#attempts.at(index),
      throttled: this.#throttled.at(index),
      propagationMs: roundMs(this.#propagationMs.at(index)),
    };
  }
}

interface Numbers {
  readonly length: number;
  [index: number]: number;
  set(values: ArrayLike<number>): void;
}

/** A list of numbers that grows, without an object for each of them. */
class Column {
  readonly #make: new (length: number) => Numbers;
  #values: Numbers;
  length = 0;

  constructor(make: new (length: number) => Numbers) {
    this.#make = make;
    this.#values = new make(64);
  }

  push(value: number): void {
    this.set(this.length, value);
  }

  /** Values that were never set are 0. */
  set(index: number, value: number): void {
    if (index >= this.#values.length) {
      const grown = new this.#make(Math.max(index + 1, Math.ceil(this.#values.length * 1.5)));
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[index] = value;
    this.length = Math.max(this.length, index + 1);
  }

  at(index: number): number {
    return index < this.length ? (this.#values[index] ?? 0) : 0;
  }
}
