import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { dayFile, dayOf } from '../day-files.ts';
import type { RunRecord } from '../run-record.ts';

/** Makes the history of a results directory, as these runs would have written it. */
export async function writeRuns(resultsDir: string, runs: Iterable<RunRecord>): Promise<void> {
  const lines = new Map<string, string[]>();
  for (const run of runs) {
    const day = dayOf(run.startedAt);
    const known = lines.get(day) ?? [];
    lines.set(day, known);
    known.push(`${JSON.stringify(run)}\n`);
  }
  await mkdir(path.join(resultsDir, 'runs'), { recursive: true });
  for (const [day, dayLines] of lines) {
    await writeFile(path.join(resultsDir, 'runs', dayFile(day)), dayLines.join(''));
  }
}
