import { verdicts, type StepResult } from '../runner/step-result.ts';
import type { CheckState } from './check-series.ts';
import { couldLook, endOf, looksOf } from './looks.ts';
import { isBad, MetristState, worstOf, type MetristMonitorState } from './metrist-state.ts';
import type { RunRecord } from './run-record.ts';

/** `blind`: the monitor runs, but failures on our side keep it from looking. `no fresh data`: it does not even run. */
export type StepState = CheckState | 'blind' | 'no fresh data';
export type OverallState = MetristMonitorState | 'blind' | 'no fresh data';

export interface Since<State> {
  readonly state: State;
  /** When this state began. Epoch, UTC. Absent if there has never been a usable run. */
  readonly sinceMs?: number;
}

/** The state of the monitor at one moment. */
export interface StateReport {
  readonly overall: Since<OverallState>;
  /** The steps of the last usable run, in its order. */
  readonly steps: readonly (Since<StepState> & { readonly name: string })[];
}

/** Without a usable run for so many intervals, what we know is too old. */
const freshIntervals = 3;

/** So many failures on our side in a row make a step blind, as so many errors make it down. */
const blindCount = 2;

/** What is known about one step since the last run. */
interface Knowledge extends Since<StepState> {
  /** When a run last could look at the step. */
  readonly lookedMs: number;
}

/**
 * Our own state for the live runs of one instance, added in the order in which they ended. It follows Metrist's rules, but a
 * failure on our side never makes IAM down: the state is then `blind`. An interrupted run is no point. docs/state.md has the
 * rules for users.
 *
 * It keeps Metrist's answer twice: for all runs, and for the same runs without our own failures.
 */
export class MonitorState {
  readonly #all = new MetristState();
  readonly #withoutOurs = new MetristState();
  /** For each step, how many failures on our side there were since a run last could look. */
  readonly #ownFailures = new Map<string, number>();
  #steps: ReadonlyMap<string, Knowledge> = new Map();
  #overall: Since<OverallState> = { state: 'no fresh data' };
  /** The end of the last usable run, and how long what it says is fresh. */
  #last: { readonly endMs: number; readonly freshMs: number } | undefined;

  add(run: RunRecord): void {
    if (!isUsable(run)) return;
    const endMs = endOf(run);
    const before = this.read(endMs);
    const stepsBefore = new Map(before.steps.map((step) => [step.name, step]));
    this.#all.add(run);
    this.#withoutOurs.add({ ...run, steps: run.steps.filter((step) => !isOurFailure(step)) });
    this.#last = { endMs, freshMs: freshIntervals * run.intervalSecs * 1000 };

    const steps = new Map<string, Knowledge>();
    for (const [name, look] of looksOf(run)) {
      if (look === 'blind') this.#ownFailures.set(name, (this.#ownFailures.get(name) ?? 0) + 1);
      if (couldLook(look)) this.#ownFailures.delete(name);
      const lookedMs = couldLook(look) ? endMs : (this.#steps.get(name)?.lookedMs ?? -Infinity);
      steps.set(name, { ...startOf(this.#stateOf(name), stepsBefore.get(name), endMs), lookedMs });
    }
    this.#steps = steps;
    this.#overall = startOf(overallOf([...steps.values()]), before.overall, endMs);
  }

  /** The state at a moment that is not before the last run. */
  read(nowMs: number): StateReport {
    const last = this.#last;
    const names = [...this.#steps.keys()];
    if (last === undefined || nowMs - last.endMs > last.freshMs) {
      const stale: Since<'no fresh data'> = {
        state: 'no fresh data',
        ...(last !== undefined && { sinceMs: last.endMs + last.freshMs }),
      };
      return { overall: stale, steps: names.map((name) => ({ name, ...stale })) };
    }
    const steps = [...this.#steps].map(([name, step]) => ({ name, ...this.#stepAt(name, step, nowMs, last.freshMs) }));
    const state = overallOf(steps);
    if (state === this.#overall.state) return { overall: this.#overall, steps };
    // Time alone has changed it: the answer of the last run that could look has become too old.
    const sinceMs = Math.max(...steps.map((step) => step.sinceMs ?? last.endMs));
    return { overall: { state, sinceMs }, steps };
  }

  /** The state of a step after the last run. */
  #stateOf(name: string): StepState {
    const ownFailures = this.#ownFailures.get(name) ?? 0;
    const all = this.#all.checks.get(name)?.state;
    const withoutOurs = this.#withoutOurs.checks.get(name)?.state;
    if (ownFailures >= blindCount || (isBad(all) && !isBad(withoutOurs))) return 'blind';
    return withoutOurs ?? (ownFailures > 0 ? 'blind' : 'no fresh data');
  }

  /** The state of a step at a moment: after a while without an answer about it, the last one says nothing. */
  #stepAt(name: string, { state, sinceMs, lookedMs }: Knowledge, nowMs: number, freshMs: number): Since<StepState> {
    const isTooOld = nowMs - lookedMs > freshMs && state !== 'blind' && state !== 'no fresh data';
    if (!isTooOld) return { state, ...(sinceMs !== undefined && { sinceMs }) };
    return { state: this.#ownFailures.has(name) ? 'blind' : 'no fresh data', sinceMs: lookedMs + freshMs };
  }
}

/** An interrupted run is neither a success nor a failure, and a run without a step that ran says nothing. */
function isUsable(run: RunRecord): boolean {
  const ran = run.steps.some(({ state }) => state === 'passed' || state === 'failed');
  return ran && run.state !== 'interrupted';
}

function isOurFailure(step: StepResult): boolean {
  return step.state === 'failed' && verdicts[step.error.verdict] === 'ours';
}

/** A state goes on, or begins now. */
function startOf<State extends string>(state: State, before: Since<string> | undefined, nowMs: number): Since<State> {
  const sinceMs = before?.state === state ? (before.sinceMs ?? nowMs) : nowMs;
  return { state, sinceMs };
}

/** What is known to be wrong with IAM comes first, then what we could not see. Steps without any answer so far say nothing. */
function overallOf(steps: readonly Since<StepState>[]): OverallState {
  const isBlind = steps.some(({ state }) => state === 'blind');
  const seen = steps.map(({ state }) => state).filter((state) => state !== 'blind' && state !== 'no fresh data');
  const worst = worstOf(seen);
  if (worst === 'down' && isBlind) return 'issues';
  if (worst === 'down' || worst === 'issues') return worst;
  return isBlind ? 'blind' : (worst ?? 'no fresh data');
}
