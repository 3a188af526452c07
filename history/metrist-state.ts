import type { MonitorRun } from '../runner/monitor-run.ts';
import { CheckSeries, type CheckState } from './check-series.ts';

/** The state of the whole monitor, from best to worst. `issues`: a part of it is down or blocked. */
export type MetristMonitorState = 'up' | 'degraded' | 'issues' | 'down';

/** What Metrist shows for one step. */
export interface MetristCheck {
  readonly state: CheckState;
  /** When the state last changed. Epoch, UTC. */
  readonly sinceMs: number;
}

/** What Metrist knows about one step: a detail that it shows, and what its latest error blocks. */
interface Detail extends MetristCheck {
  readonly updatedMs: number;
}

/** A detail that is older is dropped when the next point of any step arrives. */
const maxDetailAgeMs = 24 * 3_600_000;

/**
 * Metrist's own answer for the runs of one instance. Failures on our side are errors like all others for Metrist, the passed
 * steps of an interrupted run are telemetry, and silence changes nothing. The runs come in the order in which they ended.
 *
 * It assumes that each result reached Metrist when its step ended.
 */
export class MetristState {
  readonly #series = new Map<string, CheckSeries>();
  readonly #blockedSteps = new Map<string, readonly string[]>();
  readonly #details = new Map<string, Detail>();

  add(run: MonitorRun): void {
    for (const [index, step] of run.steps.entries()) {
      if (step.state !== 'passed' && step.state !== 'failed') continue;
      const { name, durationMs } = step;
      const atMs = Date.parse(step.startedAt) + durationMs;
      this.#dropOldDetails(atMs);
      const series = this.#series.get(name) ?? new CheckSeries();
      this.#series.set(name, series);
      const before = this.#details.get(name)?.state;
      if (step.state === 'failed') {
        const blocked = run.steps.slice(index + 1).map((each) => each.name);
        this.#blockedSteps.set(name, blocked);
        this.#set(name, atMs, series.addError(atMs, before));
      } else {
        this.#set(name, atMs, series.addSuccess({ atMs, durationMs }, before));
      }
      if (this.#details.get(name)?.state === 'down') this.#block(name, atMs);
    }
  }

  /** What Metrist shows for each step that it shows. */
  get checks(): ReadonlyMap<string, MetristCheck> {
    return this.#details;
  }

  /** The state of the monitor. Absent before the first result. */
  get monitor(): MetristMonitorState | undefined {
    return worstOf([...this.#details.values()].map(({ state }) => state));
  }

  #set(name: string, atMs: number, state: CheckState): void {
    const before = this.#details.get(name);
    const sinceMs = before?.state === state ? before.sinceMs : atMs;
    this.#details.set(name, { state, sinceMs, updatedMs: atMs });
  }

  #block(by: string, atMs: number): void {
    for (const name of this.#blockedSteps.get(by) ?? []) {
      if (this.#details.has(name)) this.#set(name, atMs, 'blocked');
    }
  }

  #dropOldDetails(nowMs: number): void {
    for (const [name, { updatedMs }] of this.#details) {
      if (updatedMs < nowMs - maxDetailAgeMs) this.#details.delete(name);
    }
  }
}

/** The state of a monitor from the states of its checks. Absent if there are none. */
export function worstOf(states: readonly CheckState[]): MetristMonitorState | undefined {
  if (states.length === 0) return undefined;
  if (states.every(isBad)) return 'down';
  if (states.some(isBad)) return 'issues';
  return states.includes('degraded') ? 'degraded' : 'up';
}

/** A step in such a state does not work or was not reached. */
export function isBad(state: CheckState | undefined): boolean {
  return state === 'down' || state === 'blocked';
}
