import path from 'node:path';
import type { RunMode } from '../runner/monitor-run.ts';
import { dayOf, listDays } from './day-files.ts';
import type { MetristCheck, MetristMonitorState } from './metrist-state.ts';
import { HistoryReader } from './read-history.ts';
import type { RunRecord } from './run-record.ts';
import { RunTable, type Window } from './run-table.ts';
import type { StateChange, StateReport } from './state.ts';
import { readTotals } from './totals.ts';
import { dayMs } from '../text/time.ts';

export type { StateChange };

/** What the history says about one mode and instance up to now: all that the status, the report and the summary show. */
export interface Overview {
  readonly mode: RunMode;
  readonly instance?: string;
  /** Other instances of this mode with runs in the same history. The runs without an instance are `""`, as on the command line. */
  readonly otherInstances: readonly string[];
  /** The moment for which the states are computed. Epoch, UTC. */
  readonly nowMs: number;
  /** What is shown: the days before now. The table may hold some earlier runs, but not their failures. */
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

interface ReadOverviewOptions {
  /** Absolute. */
  readonly resultsDir: string;
  readonly mode: RunMode;
  /** An empty text means the runs without an instance. @default the one that ran last */
  readonly instance?: string;
  /** How much of the history is shown: so many times 24 hours before now. */
  readonly days: number;
  /** Epoch, UTC. Not before the last run. */
  readonly nowMs: number;
  /** Leaves out account numbers and names of entities, for readers elsewhere. @default false */
  readonly hideAccount?: boolean;
  /** Called from time to time while much has to be read: `3 of 90 days`. */
  readonly onProgress?: (text: string) => void;
  /** Ends the reading. @default never */
  readonly signal?: AbortSignal;
}

/**
 * Reads all that is to be shown, without writing. `problems` says what could not be read.
 *
 * @throws only the reason of the signal
 */
export async function readOverview(options: ReadOverviewOptions): Promise<Overview> {
  const { resultsDir, mode, days, nowMs, hideAccount = false, onProgress, signal } = options;
  const dir = path.join(resultsDir, 'runs');
  const read = await readTotals({
    resultsDir,
    ...(onProgress !== undefined && { onProgress: (at) => onProgress(`${at.daysDone} of ${at.days} days`) }),
    ...(signal && { signal }),
  });
  const found = read.totals.find({ mode, ...(options.instance !== undefined && { instance: options.instance }) });
  const instance = found === undefined ? options.instance || undefined : found.instance;
  const window = { fromMs: nowMs - days * dayMs, toMs: nowMs };
  const fromDay = dayOf(new Date(window.fromMs));
  const hasEarlierDays = (await listDays(dir).catch(() => [])).some((day) => day < fromDay);
  const table = new RunTable({ ...(hasEarlierDays && { beganMs: window.fromMs }), failureWindow: window });
  const isOfInstance = (run: RunRecord): boolean => run.instance === found?.instance;
  const history = new HistoryReader({ dir, fromDay, mode, hideAccount, ...(signal && { signal }) });
  let lastRun: RunRecord | undefined;
  for await (const run of history) {
    if (!isOfInstance(run)) continue;
    table.add(run);
    lastRun = run;
  }
  if (lastRun === undefined && found !== undefined) {
    const day = dayOf(found.lastRun.startedAt);
    for await (const run of new HistoryReader({ dir, fromDay: day, toDay: day, mode, hideAccount })) {
      if (isOfInstance(run)) lastRun = run;
    }
  }
  return {
    mode,
    ...(instance !== undefined && { instance }),
    otherInstances: read.totals.instances(mode).flatMap((each) => (each === found ? [] : [each.instance ?? '""'])),
    nowMs,
    window,
    state: found?.state.read(nowMs) ?? { overall: { state: 'no fresh data' }, steps: [] },
    changes: found?.state.changes ?? [],
    metrist: {
      checks: found?.state.metrist.checks ?? new Map(),
      ...(found?.state.metrist.monitor !== undefined && { monitor: found.state.metrist.monitor }),
    },
    table,
    ...(lastRun !== undefined && { lastRun }),
    skipped: history.skipped,
    problems: [...new Set([...read.problems, ...history.problems])],
  };
}
