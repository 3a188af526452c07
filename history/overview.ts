import type { RunMode } from '../runner/monitor-run.ts';
import type { MetristCheck, MetristMonitorState } from './metrist-state.ts';
import type { RunRecord } from './run-record.ts';
import type { RunTable, Window } from './run-table.ts';
import type { OverallState, StateReport } from './state.ts';

/** When the overall state changed to what. */
export interface StateChange {
  readonly state: OverallState;
  /** Epoch, UTC. */
  readonly atMs: number;
}

/** What the history says about one mode and instance up to now: all that the status, the report and the summary show. */
export interface Overview {
  readonly mode: RunMode;
  readonly instance?: string;
  /** Other instances of this mode with runs in the same history. */
  readonly otherInstances: readonly string[];
  /** The moment for which the states are computed. Epoch, UTC. */
  readonly nowMs: number;
  /** What the table holds. It starts with a UTC midnight. */
  readonly window: Window;
  readonly state: StateReport;
  /** The newest changes of the overall state, oldest first. The first one is the start of the history, or near it. */
  readonly changes: readonly StateChange[];
  /** What Metrist shows. It counts failures on our side as errors, and silence changes nothing. */
  readonly metrist: {
    readonly monitor?: MetristMonitorState;
    readonly checks: ReadonlyMap<string, MetristCheck>;
  };
  readonly table: RunTable;
  /** The newest run, even if it is older than the table. Absent if there has never been one. */
  readonly lastRun?: RunRecord;
  /** Lines of the history that were no runs. */
  readonly skipped: number;
  /** Which parts of the history could not be read, one clause each. */
  readonly problems: readonly string[];
}
