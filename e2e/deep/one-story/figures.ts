import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * What a history says, computed from its lines by the rules in docs/, without any code of the product. Where there is a
 * choice, by another algorithm than the product's.
 */

/** A line of the history, as docs/history.md describes it. */
export interface Run {
  readonly version: string;
  readonly mode: string;
  readonly instance: string;
  readonly namespace: string;
  readonly region: string;
  readonly account?: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly state: 'passed' | 'failed' | 'interrupted';
  readonly steps: readonly Step[];
  readonly leftovers: readonly unknown[];
  readonly swept?: number;
  readonly skippedBeats?: number;
  readonly sweptRemaining?: number;
  readonly intervalSecs: number;
}

export interface Step {
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'blocked' | 'interrupted';
  readonly startedAt?: string;
  readonly durationMs?: number;
  readonly reason?: string;
  readonly error?: { readonly verdict: string; readonly code: string; readonly message: string };
  readonly evidence?: {
    readonly requestId?: string;
    readonly httpStatus?: number;
    readonly attempts?: number;
    readonly retryDelayMs?: number;
    readonly propagationMs?: number;
    readonly connectMs?: number;
    readonly lastAttemptMs?: number;
    readonly tries?: readonly {
      readonly offsetMs: number;
      readonly durationMs: number;
      readonly requestId?: string;
      readonly httpStatus?: number;
      readonly code?: string;
      readonly throttled?: true;
    }[];
  };
}

export const stepNames = [
  'CreateUser',
  'CreateGroup',
  'AddUserToGroup',
  'RemoveUserFromGroup',
  'DeleteGroup',
  'AttachPolicy',
  'DetachPolicy',
  'DeleteUser',
] as const;

/** Stands for the whole run where a step is named. */
export const whole = 'whole run';

const ours = new Set(['credentials', 'permission', 'quota', 'configuration', 'monitor']);
export const allVerdicts = ['service', 'throttled', 'timeout', 'network', 'propagation', ...ours];
export const bucketLimits = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900];

export async function readLines(resultsDir: string): Promise<Run[]> {
  const dir = path.join(resultsDir, 'runs');
  const runs: Run[] = [];
  for (const name of (await readdir(dir)).toSorted()) {
    for (const line of (await readFile(path.join(dir, name), 'utf8')).split('\n')) {
      if (line !== '') runs.push(JSON.parse(line) as Run);
    }
  }
  return runs;
}

export const startOf = ({ startedAt }: Run): number => Date.parse(startedAt);
export const endOf = (run: Run): number => startOf(run) + run.durationMs;
export const sideOf = (verdict: string): 'theirs' | 'ours' => (ours.has(verdict) ? 'ours' : 'theirs');
export const failureOf = (run: Run): Step | undefined => run.steps.find(({ state }) => state === 'failed');

export function between(runs: readonly Run[], fromMs: number, toMs: number): Run[] {
  return runs.filter((run) => startOf(run) >= fromMs && startOf(run) < toMs);
}

export interface Figures {
  readonly runs: number;
  readonly passed: number;
  readonly failedTheirs: number;
  readonly failedOurs: number;
  readonly blocked: number;
  readonly interrupted: number;
  readonly failedBy: Readonly<Record<string, number>>;
  /** Of the runs that passed, in ascending order. */
  readonly timesMs: readonly number[];
}

/** The figures of a step, or of whole runs. */
export function figuresOf(runs: readonly Run[], step: string): Figures {
  const results = runs.map((run) =>
    step === whole
      ? { state: run.state, durationMs: run.durationMs, error: failureOf(run)?.error }
      : run.steps.find(({ name }) => name === step),
  );
  const count = (state: Step['state']): number => results.filter((result) => result?.state === state).length;
  const failedBy: Record<string, number> = {};
  for (const result of results) {
    if (result?.state === 'failed') {
      const { verdict = 'monitor' } = result.error ?? {};
      failedBy[verdict] = (failedBy[verdict] ?? 0) + 1;
    }
  }
  const failedOn = (side: string): number =>
    Object.entries(failedBy).reduce((sum, [verdict, failed]) => sum + (sideOf(verdict) === side ? failed : 0), 0);
  return {
    runs: results.filter((result) => result !== undefined).length,
    passed: count('passed'),
    failedTheirs: failedOn('theirs'),
    failedOurs: failedOn('ours'),
    blocked: count('blocked'),
    interrupted: count('interrupted'),
    failedBy,
    timesMs: results
      .flatMap((result) => (result?.state === 'passed' ? [result.durationMs ?? NaN] : []))
      .toSorted((a, b) => a - b),
  };
}

/** By nearest rank: the first value that has enough values up to it. */
export function quantile(sortedMs: readonly number[], percent: number): number {
  return sortedMs.find((_, index) => (index + 1) * 100 >= sortedMs.length * percent) ?? NaN;
}

/** Whether we know more about IAM at this step after this run. */
function couldLook(run: Run, step: string): boolean {
  const failure = failureOf(run);
  if (step === whole) {
    return run.state === 'passed' || (failure?.error !== undefined && sideOf(failure.error.verdict) === 'theirs');
  }
  const result = run.steps.find(({ name }) => name === step);
  if (result?.state === 'passed') return true;
  if (result?.state !== 'failed' && result?.state !== 'blocked') return false;
  return failure?.error !== undefined && sideOf(failure.error.verdict) === 'theirs';
}

export interface Covered {
  readonly partMs: number;
  readonly ofMs: number;
  /** By how much the part may be wrong because of the whole seconds. */
  readonly toleranceMs: number;
}

/** Seconds in which a run could look, as one byte for each. */
export class CoveredSeconds {
  readonly #seconds: Uint8Array;
  readonly #originSecs: number;
  readonly #firstMs: number;
  /** What each gap may add to the rounding. */
  #edges = 2;

  constructor(runs: readonly Run[], step: string) {
    const [first] = runs;
    const last = runs.at(-1);
    if (first === undefined || last === undefined) throw new Error('there is no run');
    this.#firstMs = startOf(first);
    this.#originSecs = Math.floor(this.#firstMs / 1000);
    this.#seconds = new Uint8Array(Math.ceil(endOf(last) / 1000) - this.#originSecs + 2 * last.intervalSecs);
    const at = (ms: number): number => Math.round(ms / 1000) - this.#originSecs;
    let fullUntil = 0;
    for (const run of runs) {
      if (!couldLook(run, step)) continue;
      const from = at(startOf(run));
      // A run that is late by up to a quarter of the interval leaves no gap.
      const isGap = fullUntil > 0 && from - fullUntil > run.intervalSecs / 4;
      if (isGap) this.#edges += 2;
      const until = Math.max(from + run.intervalSecs, at(endOf(run)));
      this.#seconds.fill(1, isGap || fullUntil === 0 ? from : Math.min(from, fullUntil), until);
      fullUntil = Math.max(fullUntil, until);
    }
  }

  /** Nothing is expected before the first run. */
  between(fromMs: number, toMs: number): Covered {
    const at = (ms: number): number => Math.max(0, Math.round(ms / 1000) - this.#originSecs);
    const covered = this.#seconds.subarray(at(fromMs), at(toMs)).reduce((sum, second) => sum + second, 0);
    const ofMs = toMs - Math.max(fromMs, this.#firstMs);
    return { partMs: covered * 1000, ofMs, toleranceMs: this.#edges * 1000 };
  }
}

/** What the metrics count for some runs, by the name and the labels of each series. */
export function countersOf(runs: readonly Run[]): Map<string, number> {
  const series = new Map<string, number>();
  const add = (key: string, value: number): void => void series.set(key, (series.get(key) ?? 0) + value);
  for (const result of ['passed', 'failed theirs', 'failed ours', 'interrupted']) add(`runs ${result}`, 0);
  add('leftovers', 0);
  add('swept', 0);
  add('skipped beats', 0);
  for (const step of stepNames) {
    for (const result of ['passed', 'blocked', 'interrupted']) add(`results ${step} ${result}`, 0);
    for (const verdict of allVerdicts) add(`results ${step} failed ${verdict} ${sideOf(verdict)}`, 0);
    for (const result of ['passed', 'failed']) {
      for (const limit of [...bucketLimits, Infinity]) add(`bucket ${step} ${result} ${limit}`, 0);
      add(`count ${step} ${result}`, 0);
      add(`sum ${step} ${result}`, 0);
    }
    add(`attempts ${step}`, 0);
    add(`propagation ${step}`, 0);
  }
  for (const run of runs) {
    const { verdict = 'monitor' } = failureOf(run)?.error ?? {};
    add(`runs ${run.state}${run.state === 'failed' ? ` ${sideOf(verdict)}` : ''}`, 1);
    add('leftovers', run.leftovers.length);
    add('swept', run.swept ?? 0);
    add('skipped beats', run.skippedBeats ?? 0);
    for (const { name, state, error, durationMs = NaN, evidence = {} } of run.steps) {
      const failure = error === undefined ? '' : ` ${error.verdict} ${sideOf(error.verdict)}`;
      add(`results ${name} ${state}${failure}`, 1);
      add(`attempts ${name}`, evidence.attempts ?? 0);
      add(`propagation ${name}`, (evidence.propagationMs ?? 0) / 1000);
      if (state !== 'passed' && state !== 'failed') continue;
      for (const limit of [...bucketLimits, Infinity]) {
        if (durationMs <= limit * 1000) add(`bucket ${name} ${state} ${limit}`, 1);
      }
      add(`count ${name} ${state}`, 1);
      add(`sum ${name} ${state}`, durationMs / 1000);
    }
  }
  return series;
}

/** A change of the overall state that the incidents must have made, and the earliest and latest moment for it. */
export interface ExpectedChange {
  readonly state: string;
  readonly fromMs: number;
  readonly toMs: number;
}

const exactly = (state: string, atMs: number): ExpectedChange => ({ state, fromMs: atMs, toMs: atMs });

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/**
 * The changes of the overall state, from what was rehearsed and the ends of the runs around it: the second failing run in a
 * row changes the state, the second good one ends that, three intervals of silence are too many, and so on.
 *
 * @param endMs the end of the rehearsed history
 */
export function expectedChanges(runs: readonly Run[], endMs: number): readonly ExpectedChange[] {
  const nthEnd = (fromMs: number, n: number): number => {
    const run = runs.filter((each) => startOf(each) >= fromMs)[n - 1];
    return run === undefined ? NaN : endOf(run);
  };
  const hour = (day: number, hours: number): number => endMs - day * dayMs + hours * 60 * minuteMs;
  const beforeSilence = runs.findLast((run) => startOf(run) < hour(5, 2));
  return [
    exactly('up', nthEnd(0, 1)),
    exactly('no fresh data', beforeSilence === undefined ? NaN : endOf(beforeSilence) + 3 * 120_000),
    exactly('up', nthEnd(hour(5, 5), 1)),
    exactly('issues', nthEnd(hour(4, 10), 2)),
    exactly('up', nthEnd(hour(4, 11), 2)),
    // Three slow runs in a row of one step make it degraded, three others end it. Not every run of the afternoon is slow.
    { state: 'degraded', fromMs: nthEnd(hour(3, 12), 3), toMs: nthEnd(hour(3, 12), 10) },
    { state: 'up', fromMs: nthEnd(hour(3, 17), 1), toMs: nthEnd(hour(3, 17), 10) },
    exactly('blind', nthEnd(hour(2, 3), 2)),
    exactly('up', nthEnd(hour(2, 3) + 90 * minuteMs, 2)),
  ];
}
