import path from 'node:path';
import { endOf } from '../history/looks.ts';
import type { OverallState } from '../history/state.ts';
import { makeDir } from '../host/make-dir.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { formatLimit } from '../text/duration.ts';
import { messageOf, oneLine } from '../text/printable.ts';
import { readMark, type ReportMark } from './report-file.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';

export interface ReportReporterOptions {
  /** Absolute. It holds the history, and the report is written there. */
  readonly resultsDir: string;
  /** The path of the report as messages show it. */
  readonly shownAs: string;
  /** The service's name of each step's call, where it differs from the step's. */
  readonly operations: Readonly<Record<string, string>>;
  /** Time limit for reading the history, well below that for a report. @default 6000 */
  readonly readTimeoutMs?: number;
}

/** While nothing changes, the report is written at most this often. */
const rewriteAfterMs = 600_000;
/** How much the report shows. */
const days = 7;
const defaultReadTimeoutMs = 6000;

/**
 * Keeps `results/report.html` up to date: the last seven days of the run's mode and instance. Most runs do not write it, and
 * then cost only a look at its first line.
 */
export class ReportReporter implements RunReporter {
  readonly what: string;
  readonly isOnDisk = true;
  readonly #options: ReportReporterOptions;
  readonly #file: string;

  constructor(options: ReportReporterOptions) {
    this.#options = options;
    this.#file = path.join(options.resultsDir, 'report.html');
    this.what = `report ${options.shownAs}`;
  }

  async report(run: MonitorRun, earlier: readonly ReportOutcome[]): Promise<ReportOutcome> {
    try {
      const state = earlier.find((outcome) => outcome.state !== undefined)?.state;
      if (isDue(run, await readMark(this.#file), state)) await this.#write(run);
      return { ok: true, text: this.what };
    } catch (error) {
      return { ok: false, text: `${this.what} could not be written: ${oneLine(messageOf(error), 200)}` };
    }
  }

  async #write(run: MonitorRun): Promise<void> {
    const { resultsDir, operations, readTimeoutMs = defaultReadTimeoutMs } = this.#options;
    // Loaded only now, because most runs write no report.
    const [{ readOverview }, { renderReport }, { withMark }, { replaceFile, removeUnfinished }] = await Promise.all([
      import('../history/overview.ts'),
      import('./html/page.ts'),
      import('./report-file.ts'),
      import('../host/write-file.ts'),
    ]);
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort(new Error(`reading the history took longer than ${formatLimit(readTimeoutMs)}`));
    }, readTimeoutMs);
    const nowMs = endOf(run);
    const overview = await readOverview({
      resultsDir,
      mode: run.mode,
      instance: run.instance ?? '',
      days,
      nowMs,
      signal: deadline.signal,
    }).finally(() => clearTimeout(timer));
    const [problem] = overview.problems;
    // An older report says more than one without runs.
    if (problem !== undefined && overview.table.size === 0) throw new Error(problem);
    await makeDir(resultsDir);
    await replaceFile(
      this.#file,
      withMark(renderReport(overview, { generatedMs: nowMs, version: run.version, operations }), overview),
    );
    await removeUnfinished(this.#file);
  }
}

/**
 * Whether the report has to be written after a run.
 *
 * @param shown what the file shows. Absent if there is none
 * @param state the overall state after the run. An offline run does not know it: then a report that does not show *up* is due
 */
export function isDue(run: MonitorRun, shown: ReportMark | undefined, state: OverallState | undefined): boolean {
  if (shown === undefined || shown.mode !== run.mode || shown.instance !== run.instance) return true;
  if (run.state === 'failed' || (state ?? 'up') !== shown.state) return true;
  // The other way round as well, because the clock may have been put back.
  return Math.abs(endOf(run) - shown.nowMs) >= rewriteAfterMs;
}
