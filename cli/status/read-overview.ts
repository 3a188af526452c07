// Stands in for readOverview of history/overview.ts until that exists.
import path from 'node:path';
import type { Overview, StateChange } from '../../history/overview.ts';
import { endOf } from '../../history/looks.ts';
import { MetristState } from '../../history/metrist-state.ts';
import { HistoryReader } from '../../history/read-history.ts';
import type { RunRecord } from '../../history/run-record.ts';
import { RunTable } from '../../history/run-table.ts';
import { MonitorState } from '../../history/state.ts';
import type { RunMode } from '../../runner/monitor-run.ts';

export async function readOverview({
  resultsDir,
  mode,
  instance,
  days,
  nowMs,
}: {
  readonly resultsDir: string;
  readonly mode: RunMode;
  readonly instance?: string;
  readonly days: number;
  readonly nowMs: number;
}): Promise<Overview> {
  const history = new HistoryReader({ dir: path.join(resultsDir, 'runs'), mode });
  const runs: RunRecord[] = [];
  for await (const run of history) runs.push(run);
  const chosen = instance ?? runs.at(-1)?.instance;
  const table = new RunTable();
  const state = new MonitorState();
  const metrist = new MetristState();
  const changes: StateChange[] = [];
  const mine = runs.filter((run) => run.instance === chosen);
  for (const run of mine) {
    for (const each of [table, state, metrist]) each.add(run);
    void endOf;
  }
  const lastRun = mine.at(-1);
  return {
    mode,
    ...(chosen !== undefined && { instance: chosen }),
    otherInstances: [...new Set(runs.flatMap((run) => run.instance ?? []))].filter((each) => each !== chosen),
    nowMs,
    window: { fromMs: nowMs - days * 86_400_000, toMs: nowMs },
    state: state.read(nowMs),
    changes,
    metrist: { checks: metrist.checks, ...(metrist.monitor !== undefined && { monitor: metrist.monitor }) },
    table,
    ...(lastRun && { lastRun }),
    skipped: history.skipped,
    problems: history.problems,
  };
}
