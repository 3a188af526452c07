// Stands in for readOverview of history/overview.ts until that exists.
import path from 'node:path';
import type { RunMode } from '../runner/monitor-run.ts';
import { MetristState } from './metrist-state.ts';
import type { Overview } from './overview.ts';
import { HistoryReader } from './read-history.ts';
import type { RunRecord } from './run-record.ts';
import { RunTable } from './run-table.ts';
import { MonitorState } from './state.ts';

export async function readOverview(options: {
  readonly resultsDir: string;
  readonly mode: RunMode;
  readonly instance?: string;
  readonly days: number;
  readonly nowMs: number;
  readonly signal?: AbortSignal;
}): Promise<Overview> {
  const { resultsDir, mode, instance, days, nowMs, signal } = options;
  const history = new HistoryReader({ dir: path.join(resultsDir, 'runs'), mode, ...(signal && { signal }) });
  const runs: RunRecord[] = [];
  for await (const run of history) runs.push(run);
  const chosen = instance ?? runs.at(-1)?.instance;
  const table = new RunTable();
  const state = new MonitorState();
  const metrist = new MetristState();
  const fromMs = Math.floor(nowMs / 86_400_000 - days + 1) * 86_400_000;
  const mine = runs.filter((run) => run.instance === chosen);
  for (const run of mine) {
    for (const each of [state, metrist]) each.add(run);
    if (Date.parse(run.startedAt) >= fromMs) table.add(run);
  }
  const lastRun = mine.at(-1);
  return {
    mode,
    ...(chosen !== undefined && { instance: chosen }),
    otherInstances: [...new Set(runs.flatMap((run) => run.instance ?? []))].filter((each) => each !== chosen),
    nowMs,
    window: { fromMs, toMs: nowMs },
    state: state.read(nowMs),
    changes: [],
    metrist: { checks: metrist.checks, ...(metrist.monitor !== undefined && { monitor: metrist.monitor }) },
    table,
    ...(lastRun && { lastRun }),
    skipped: history.skipped,
    problems: history.problems,
  };
}
