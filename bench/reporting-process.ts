import { readFileSync } from 'node:fs';
import path from 'node:path';
import { defaultHistorySettings } from '../history/history-settings.ts';
import { rehearseRuns } from '../history/testing/rehearsal.ts';
import { createReporters } from '../reporters/create-reporters.ts';
import { reportRun } from '../reporters/report-run.ts';

/**
 * The process that `bench:report` measures: reports one run as vitest's front end does, with what is written to a
 * results directory besides JUnit, or nothing. Prints how many bytes it read meanwhile, on Linux.
 *
 * Usage: `node bench/reporting-process.ts <epoch ms of the run> [results directory]`
 */
const [, , startMs = '', resultsDir] = process.argv;
const [record] = rehearseRuns({ endMs: Number(startMs) + 1, days: 1 / 86_400_000, incidents: [] });
if (record === undefined) throw new Error('there is no run to report');
const { schema: _, intervalSecs: _1, frontEnd: _2, ...run } = record;

const bytesBefore = bytesRead();
const { outcomes } = await reportRun(
  () =>
    createReporters({
      mode: 'live',
      frontEnd: 'vitest',
      history: defaultHistorySettings,
      // Only the report shows them, and this run writes none.
      operations: {},
      ...(resultsDir !== undefined && { resultsDir: path.resolve(resultsDir) }),
      summary: { isFileWanted: true },
    }),
  run,
);
const failed = outcomes.filter(({ ok }) => !ok).map(({ text }) => text);
if (failed.length > 0) throw new Error(failed.join('\n'));
console.log(bytesRead() - bytesBefore);

/** Bytes that this process has read from files, pipes and sockets. `NaN` where the system does not count them. */
function bytesRead(): number {
  if (process.platform !== 'linux') return Number.NaN;
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}
