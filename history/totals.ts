import path from 'node:path';
import type { MonitorRun, RunMode } from '../runner/monitor-run.ts';
import { addRun, emptyCounters, sideOfFailure, type Counters } from './counters.ts';
import { couldLook, endOf, looksOf } from './looks.ts';
import { HistoryReader } from './read-history.ts';
import type { RunRecord } from './run-record.ts';
import { MonitorState } from './state.ts';

/** What later reports need to know about the last run. */
export interface LastRun extends Pick<MonitorRun, 'version' | 'startedAt' | 'state' | 'namespace' | 'region'> {
  /** Epoch, UTC. */
  readonly endMs: number;
  /** Whose fault it is, if the run failed. */
  readonly side?: 'theirs' | 'ours';
  readonly intervalSecs: number;
}

/** Everything that is folded over the runs of one mode and instance. */
export interface InstanceTotals {
  readonly mode: RunMode;
  /** Absent for runs without `METRIST_INSTANCE_ID`. */
  readonly instance?: string;
  readonly counters: Readonly<Counters>;
  readonly state: MonitorState;
  readonly lastRun: LastRun;
  /** The end of the last run that could look at one step or more. Epoch, UTC. Absent if none could. */
  readonly lastLookMs?: number;
  /** How many entities of the namespace the last sweep left. Absent if none ran. */
  readonly sweptRemaining?: number;
}

/** A fold over the history: counters and state for each mode and instance. */
export class Totals {
  readonly #instances = new Map<string, InstanceTotals>();

  add(run: RunRecord): void {
    const key = JSON.stringify([run.mode, run.instance]);
    const known = this.#instances.get(key);
    const { counters = emptyCounters(), state = new MonitorState() } = known ?? {};
    addRun(counters, run);
    state.add(run);
    const lastLookMs = [...looksOf(run).values()].some(couldLook) ? endOf(run) : known?.lastLookMs;
    const sweptRemaining = run.sweptRemaining ?? known?.sweptRemaining;
    this.#instances.set(key, {
      mode: run.mode,
      ...(run.instance !== undefined && { instance: run.instance }),
      counters,
      state,
      lastRun: toLastRun(run),
      ...(lastLookMs !== undefined && { lastLookMs }),
      ...(sweptRemaining !== undefined && { sweptRemaining }),
    });
  }

  /** The totals of a mode, one for each instance, the one that ran last first. */
  instances(mode: RunMode): readonly InstanceTotals[] {
    return [...this.#instances.values()]
      .filter((each) => each.mode === mode)
      .toSorted((a, b) => b.lastRun.endMs - a.lastRun.endMs);
  }

  /** The totals of an instance, or of the one that ran last if none is named. Absent if there was no such run. */
  find({ mode, instance }: { readonly mode: RunMode; readonly instance?: string }): InstanceTotals | undefined {
    return this.instances(mode).find((each) => instance === undefined || each.instance === instance);
  }
}

/** How far totals have come. */
export interface CatchUpProgress {
  readonly daysDone: number;
  readonly days: number;
}

interface ReadTotalsOptions {
  /** Absolute. */
  readonly resultsDir: string;
  /** Called after each day of the history that had to be read. */
  readonly onProgress?: (progress: CatchUpProgress) => void;
}

export interface ReadTotals {
  readonly totals: Totals;
  /** Lines of the history that were no runs. */
  readonly skipped: number;
  /** Which parts of the history could not be read, one clause each. */
  readonly problems: readonly string[];
}

/** Reads the totals up to the newest run, without writing. Never rejects. */
export async function readTotals({ resultsDir }: ReadTotalsOptions): Promise<ReadTotals> {
  const totals = new Totals();
  const history = new HistoryReader({ dir: path.join(resultsDir, 'runs') });
  for await (const run of history) totals.add(run);
  return { totals, skipped: history.skipped, problems: history.problems };
}

function toLastRun(run: RunRecord): LastRun {
  const { version, startedAt, state, namespace, region, intervalSecs } = run;
  return {
    version,
    startedAt,
    endMs: endOf(run),
    state,
    ...(state === 'failed' && { side: sideOfFailure(run) }),
    intervalSecs,
    ...(namespace !== undefined && { namespace }),
    ...(region !== undefined && { region }),
  };
}
