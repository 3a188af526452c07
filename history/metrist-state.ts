import type { MonitorRun } from '../runner/monitor-run.ts';
import { CheckSeries, checkStates, type CheckSeriesSnapshot, type CheckState } from './check-series.ts';
import { readFields, readList, readName, readNumber, readOneOf } from './json-fields.ts';
import { hourMs } from '../text/time.ts';

/** The state of the whole monitor, from best to worst. `issues`: a part of it is down or blocked. */
export type MetristMonitorState = 'up' | 'degraded' | 'issues' | 'down';

/** What Metrist shows for one step. */
export interface MetristCheck {
  readonly state: CheckState;
  /** When the state last changed. Epoch, UTC. */
  readonly sinceMs: number;
}

/** What Metrist knows about one step and shows. */
interface Detail extends MetristCheck {
  readonly updatedMs: number;
}

/** The points of one step, and the steps that its latest error blocks. */
interface Points {
  readonly series: CheckSeries;
  blocks: readonly string[];
}

/** A `MetristState` as JSON. */
export interface MetristSnapshot {
  readonly points: readonly (CheckSeriesSnapshot & { readonly name: string; readonly blocks: readonly string[] })[];
  readonly details: readonly (Detail & { readonly name: string })[];
}

/** A detail that is older is dropped when the next point of any step arrives. */
const maxDetailAgeMs = 24 * hourMs;
/** Points that are older are in no average. A step without newer ones is forgotten. */
const maxPointAgeMs = 8 * 24 * hourMs;

/**
 * Metrist's own answer for the runs of one instance. Failures on our side are errors like all others for Metrist, the passed
 * steps of an interrupted run are telemetry, and silence changes nothing. The runs come in the order in which they ended.
 *
 * It assumes that each result reached Metrist when its step ended.
 */
export class MetristState {
  readonly #points = new Map<string, Points>();
  readonly #details = new Map<string, Detail>();

  /** @throws TypeError if it is not what `save` returned */
  static load(snapshot: unknown): MetristState {
    const state = new MetristState();
    const { points, details } = readFields(snapshot);
    for (const each of readList(readFields)(points)) {
      state.#points.set(readName(each['name']), {
        series: CheckSeries.load(each),
        blocks: readList(readName)(each['blocks']),
      });
    }
    for (const each of readList(readFields)(details)) {
      state.#details.set(readName(each['name']), {
        state: readCheckState(each['state']),
        sinceMs: readNumber(each['sinceMs']),
        updatedMs: readNumber(each['updatedMs']),
      });
    }
    return state;
  }

  save(): MetristSnapshot {
    return {
      points: [...this.#points].map(([name, { series, blocks }]) => ({ name, blocks, ...series.save() })),
      details: [...this.#details].map(([name, detail]) => ({ name, ...detail })),
    };
  }

  add(run: MonitorRun): void {
    for (const [index, step] of run.steps.entries()) {
      if (step.state !== 'passed' && step.state !== 'failed') continue;
      const { name, durationMs } = step;
      const atMs = Date.parse(step.startedAt) + durationMs;
      this.#dropOld(atMs);
      const points = this.#points.get(name) ?? { series: new CheckSeries(), blocks: [] };
      this.#points.set(name, points);
      const before = this.#details.get(name)?.state;
      if (step.state === 'failed') {
        points.blocks = run.steps.slice(index + 1).map((each) => each.name);
        this.#set(name, atMs, points.series.addError(atMs, before));
      } else {
        this.#set(name, atMs, points.series.addSuccess({ atMs, durationMs }, before));
      }
      if (this.#details.get(name)?.state === 'down') this.#block(points.blocks, atMs);
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

  #block(names: readonly string[], atMs: number): void {
    for (const name of names) {
      if (this.#details.has(name)) this.#set(name, atMs, 'blocked');
    }
  }

  #dropOld(nowMs: number): void {
    for (const [name, { updatedMs }] of this.#details) {
      if (updatedMs < nowMs - maxDetailAgeMs) this.#details.delete(name);
    }
    for (const [name, { series }] of this.#points) {
      if (series.lastMs < nowMs - maxPointAgeMs) this.#points.delete(name);
    }
  }
}

const readCheckState = readOneOf(checkStates);

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
