import path from 'node:path';
import { expect } from 'vitest';
import { HistoryReader } from '../../history/read-history.ts';
import type { RunRecord } from '../../history/run-record.ts';

/** Reads the history of a results directory. Every line must be valid. */
export async function readRuns(resultsDir: string): Promise<RunRecord[]> {
  const history = new HistoryReader({ dir: path.join(resultsDir, 'runs') });
  const runs: RunRecord[] = [];
  for await (const run of history) runs.push(run);
  expect({ skipped: history.skipped, problems: history.problems }).toEqual({ skipped: 0, problems: [] });
  return runs;
}
