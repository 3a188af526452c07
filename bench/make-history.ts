import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { dayFile, dayOf } from '../history/day-files.ts';
import { rehearseRuns } from '../history/testing/rehearsal.ts';
import { updateTotals } from '../history/totals.ts';

/**
 * Makes a rehearsed history of runs every two minutes. Writes one line at a time, because a year of it does not fit into the
 * memory.
 *
 * @returns how many runs it has
 */
export function makeHistory(resultsDir: string, { days, endMs }: { days: number; endMs: number }): number {
  mkdirSync(path.join(resultsDir, 'runs'), { recursive: true });
  let day = '';
  let file: number | undefined;
  let runs = 0;
  for (const run of rehearseRuns({ endMs, days })) {
    if (file === undefined || dayOf(run.startedAt) !== day) {
      if (file !== undefined) closeSync(file);
      day = dayOf(run.startedAt);
      file = openSync(path.join(resultsDir, 'runs', dayFile(day)), 'a');
    }
    writeSync(file, `${JSON.stringify(run)}\n`);
    runs += 1;
  }
  if (file !== undefined) closeSync(file);
  return runs;
}

/** Brings the totals of a history up to date, as each live run does. */
export async function makeTotals(resultsDir: string, endMs: number): Promise<void> {
  const run = { mode: 'live', startedAt: new Date(endMs).toISOString() } as const;
  const update = await updateTotals({ resultsDir, run, catchUpMs: Infinity });
  if (update.state !== 'updated') throw new Error(`the totals were not made: ${JSON.stringify(update)}`);
}
