import { appendFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { MonitorRun } from '../runner/monitor-run.ts';
import type { ReportOutcome, RunReporter } from '../runner/run-reporter.ts';

/** Appends each run to a file of its day: `results/runs/2026-11-22.ndjson`, one line of JSON per run, by UTC. */
export class HistoryReporter implements RunReporter {
  readonly #dir: string;

  /** @param options.dir `results/runs` */
  constructor({ dir }: { readonly dir: string }) {
    this.#dir = dir;
  }

  async report(run: MonitorRun): Promise<ReportOutcome> {
    const file = path.join(this.#dir, `${run.startedAt.slice(0, 10)}.ndjson`);
    try {
      await mkdir(this.#dir, { recursive: true });
      // One write of one line: two runs at the same time do not mix.
      await appendFile(file, `${JSON.stringify(run)}\n`);
      return { ok: true, text: `history ${file}` };
    } catch (error) {
      return {
        ok: false,
        text: `history ${file} could not be written: ${error instanceof Error ? error.message : String(error)}`,
      };
    }
  }
}
