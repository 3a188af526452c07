import { verdicts, type StepResult } from '../runner/step-result.ts';
import { checkStates } from './check-series.ts';
import {
  readAmount,
  readCount,
  readFields,
  readList,
  readName,
  readNumber,
  readOneOf,
  readPresent,
} from './json-fields.ts';
import { couldLook, endOf, looksOf, type Look } from './looks.ts';
import { isBad, MetristState, worstOf, type MetristMonitorState, type MetristSnapshot } from './metrist-state.ts';
import type { RunRecord } from './run-record.ts';

/** `blind`: the monitor runs, but failures on our side keep it from looking. `no fresh data`: it does not even run. */
export const stepStates = [...checkStates, 'blind', 'no fresh data'] as const;
export const overallStates = [
  'up',
  'degraded',
  'issues',
  'down',
  'blind',
  'no fresh data',
] as const satisfies readonly (MetristMonitorState | 'blind' | 'no fresh data')[];
export type StepState = (typeof stepStates)[number];
export type OverallState = (typeof overallStates)[number];

export interface Since<State> {
  readonly state: State;
  /** When this state began. Epoch, UTC. Absent if there has never been a usable run. */
  readonly sinceMs?: number;
}

/** The state of the monitor at one moment. */
export interface StateReport {
  readonly overall: Since<OverallState>;
  /** The steps of the last usable run, in its order. */
  readonly steps: readonly { readonly name: string; readonly state: StepState; readonly sinceMs: number }[];
}

/** When the overall state changed to what. */
export interface StateChange {
  readonly state: OverallState;
  /** Epoch, UTC. */
  readonly atMs: number;
}

/** After this many intervals without a look, what we know is too old. */
const freshIntervals = 3;

/** How many failures on our side in a row make a step blind: as many as errors make it down. */
const blindCount = 2;

/** How many changes of the overall state are kept. */
const maxChanges = 200;

/** What is known about one step after the last usable run. */
interface Knowledge {
  readonly name: string;
  readonly state: StepState;
  readonly sinceMs: number;
  /** When a run last could look at the step, and when one last could or failed to because of us. Absent if none did. */
  readonly lookedMs?: number;
  readonly triedMs?: number;
  /** Failures on our side since a run last could look. */
  readonly ownFailures: number;
}

/** A step at one moment. */
interface StepNow {
  readonly name: string;
  readonly state: StepState;
  readonly sinceMs: number;
  /** Whether a run tried to look at it not too long ago. */
  readonly isFresh: boolean;
}

/** A `MonitorState` as JSON. */
export interface MonitorSnapshot {
  readonly metrist: MetristSnapshot;
  readonly withoutOurs: MetristSnapshot;
  readonly steps: readonly Knowledge[];
  readonly changes: readonly StateChange[];
  readonly endMs: number;
  readonly freshMs: number;
}

/**
 * Our own state for the runs of one mode and instance, added in the order in which they ended. It follows Metrist's rules, but
 * a failure on our side never makes IAM down: the state is then `blind`. docs/state.md has the rules for users.
 *
 * It keeps Metrist's answer twice: as Metrist gives it, and for the same runs without our own failures. Its size is bounded.
 */
export class MonitorState {
  #metrist = new MetristState();
  #withoutOurs = new MetristState();
  #steps: readonly Knowledge[] = [];
  #changes: readonly StateChange[] = [];
  /** The end of the last usable run, and how long what it says is fresh. */
  #endMs = 0;
  #freshMs = 0;

  /** @throws TypeError if it is not what `save` returned */
  static load(snapshot: unknown): MonitorState {
    const fields = readFields(snapshot);
    const state = new MonitorState();
    state.#metrist = MetristState.load(fields['metrist']);
    state.#withoutOurs = MetristState.load(fields['withoutOurs']);
    state.#steps = readList(readKnowledge)(fields['steps']);
    state.#changes = readList(readChange)(fields['changes']).slice(-maxChanges);
    state.#endMs = readNumber(fields['endMs']);
    state.#freshMs = readAmount(fields['freshMs']);
    return state;
  }

  save(): MonitorSnapshot {
    return {
      metrist: this.#metrist.save(),
      withoutOurs: this.#withoutOurs.save(),
      steps: this.#steps,
      changes: this.#changes,
      endMs: this.#endMs,
      freshMs: this.#freshMs,
    };
  }

  /** Metrist's own answer for the same runs. */
  get metrist(): MetristState {
    return this.#metrist;
  }

  /**
   * The newest 200 changes of the overall state up to the last usable run, oldest first. Among them are those that time alone
   * made, such as the start of a gap without fresh data that has ended.
   */
  get changes(): readonly StateChange[] {
    return this.#changes;
  }

  add(run: RunRecord): void {
    // A run without a result says nothing.
    if (!run.steps.some(({ state }) => state === 'passed' || state === 'failed')) return;
    const endMs = endOf(run);
    // A change after the end of this run was made by a clock that was wrong, or by a run beside this one.
    const changes = this.#changes.map(({ state, atMs }) => ({ state, atMs: Math.min(atMs, endMs) }));
    changes.push(...this.#changesUntil(endMs));
    const before = new Map(this.#stepsAt(endMs).map((step) => [step.name, step]));
    const known = new Map(this.#steps.map((step) => [step.name, step]));
    this.#metrist.add(run);
    this.#withoutOurs.add({ ...run, steps: run.steps.filter((step) => !isOurFailure(step)) });
    this.#endMs = endMs;
    this.#freshMs = freshIntervals * run.intervalSecs * 1000;
    this.#steps = [...looksOf(run)].map(([name, look]) => {
      const step = afterLook(look, endMs, known.get(name));
      const state = this.#stateOf(name, step.ownFailures);
      return { name, state, sinceMs: startOf(state, before.get(name), endMs), ...step };
    });
    const state = overallOf(this.#stepsAt(endMs));
    if (state !== changes.at(-1)?.state) changes.push({ state, atMs: endMs });
    this.#changes = changes.slice(-maxChanges);
  }

  /** The state at a moment that is not before the last run. */
  read(nowMs: number): StateReport {
    const last = this.#changesUntil(nowMs).at(-1) ?? this.#changes.at(-1);
    return {
      overall: last === undefined ? { state: 'no fresh data' } : { state: last.state, sinceMs: last.atMs },
      steps: this.#stepsAt(nowMs).map(({ name, state, sinceMs }) => ({ name, state, sinceMs })),
    };
  }

  /** The state of a step by the runs alone. */
  #stateOf(name: string, ownFailures: number): StepState {
    const all = this.#metrist.checks.get(name)?.state;
    const withoutOurs = this.#withoutOurs.checks.get(name)?.state;
    if (ownFailures >= blindCount || (isBad(all) && !isBad(withoutOurs))) return 'blind';
    return withoutOurs ?? (ownFailures > 0 ? 'blind' : 'no fresh data');
  }

  /** The changes that time alone has made since the last usable run: what it says has become too old. */
  #changesUntil(nowMs: number): readonly StateChange[] {
    const limits = this.#steps.flatMap(({ lookedMs, triedMs }) => [lookedMs, triedMs]).filter((ms) => ms !== undefined);
    const changes: StateChange[] = [];
    let before = this.#changes.at(-1)?.state;
    for (const atMs of [...new Set(limits)].map((ms) => ms + this.#freshMs).toSorted((a, b) => a - b)) {
      if (atMs < this.#endMs) continue;
      if (atMs >= nowMs) break;
      const state = overallOf(this.#stepsAt(Math.min(nowMs, atMs + 1)));
      if (state !== before) changes.push({ state, atMs });
      before = state;
    }
    return changes;
  }

  /** The steps at a moment. What runs said too long ago no longer counts. */
  #stepsAt(nowMs: number): readonly StepNow[] {
    const isOld = (ms: number): boolean => nowMs - ms > this.#freshMs;
    return this.#steps.map(({ name, state, sinceMs, lookedMs, triedMs }): StepNow => {
      if (triedMs === undefined) return { name, state, sinceMs, isFresh: false };
      if (isOld(triedMs)) return { name, state: 'no fresh data', sinceMs: triedMs + this.#freshMs, isFresh: false };
      const isKnown = state !== 'blind' && state !== 'no fresh data';
      if (isKnown && lookedMs !== undefined && isOld(lookedMs)) {
        return { name, state: 'blind', sinceMs: lookedMs + this.#freshMs, isFresh: true };
      }
      return { name, state, sinceMs, isFresh: true };
    });
  }
}

function isOurFailure(step: StepResult): boolean {
  return step.state === 'failed' && verdicts[step.error.verdict] === 'ours';
}

/** What is known about a step after a run. One that was interrupted there or earlier says nothing about it. */
function afterLook(
  look: Look,
  endMs: number,
  known: Knowledge | undefined,
): Pick<Knowledge, 'lookedMs' | 'triedMs' | 'ownFailures'> {
  const { lookedMs, triedMs, ownFailures = 0 } = known ?? {};
  if (couldLook(look)) return { lookedMs: endMs, triedMs: endMs, ownFailures: 0 };
  const isOurs = look === 'blind';
  const lastTriedMs = isOurs ? endMs : triedMs;
  return {
    ...(lookedMs !== undefined && { lookedMs }),
    ...(lastTriedMs !== undefined && { triedMs: lastTriedMs }),
    ownFailures: Math.min(ownFailures + (isOurs ? 1 : 0), blindCount),
  };
}

/** When a state began: it goes on, or begins now. */
function startOf(state: string, before: StepNow | undefined, nowMs: number): number {
  return before?.state === state ? Math.min(before.sinceMs, nowMs) : nowMs;
}

/**
 * What is known to be wrong with IAM comes first, then what we could not see. A step that no run has reached, because IAM
 * failed at an earlier one, says nothing.
 */
function overallOf(steps: readonly StepNow[]): OverallState {
  const isBlind = steps.some(({ state }) => state === 'blind');
  const isUnseen = steps.some(({ isFresh }) => !isFresh);
  const seen = steps.map(({ state }) => state).filter((state) => state !== 'blind' && state !== 'no fresh data');
  const worst = worstOf(seen);
  if (worst === 'down' && (isBlind || isUnseen)) return 'issues';
  if (worst === 'down' || worst === 'issues') return worst;
  if (isBlind) return 'blind';
  return isUnseen ? 'no fresh data' : (worst ?? 'no fresh data');
}

const readStepState = readOneOf(stepStates);
const readOverallState = readOneOf(overallStates);

function readKnowledge(value: unknown): Knowledge {
  const fields = readFields(value);
  return {
    name: readName(fields['name']),
    state: readStepState(fields['state']),
    sinceMs: readNumber(fields['sinceMs']),
    ...readPresent(fields, { lookedMs: readNumber, triedMs: readNumber }),
    ownFailures: readCount(fields['ownFailures']),
  };
}

function readChange(value: unknown): StateChange {
  const fields = readFields(value);
  return { state: readOverallState(fields['state']), atMs: readNumber(fields['atMs']) };
}
