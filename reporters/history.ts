import path from 'node:path';
import { dayFile, dayOf } from '../history/day-files.ts';
import type { HistorySettings } from '../history/history-settings.ts';
import { type FrontEnd, type RunRecord, toRecord } from '../history/run-record.ts';
import { HistoryWriter, reasonOf } from '../history/write-history.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';

/** Appends each run to the file of its day (UTC), as one line of JSON: `results/runs/2026-11-22.ndjson`. */
export class HistoryReporter implements RunReporter {
  readonly what: string;
  readonly #writer: HistoryWriter;
  readonly #facts: Pick<RunRecord, 'intervalSecs' | 'frontEnd'>;

  /** @param options.dir `results/runs`; `shownAs` is the path as messages show it */
  constructor({
    dir,
    shownAs = dir,
    settings: { intervalSecs, historyDays },
    frontEnd,
  }: {
    readonly dir: string;
    readonly shownAs?: string;
    readonly settings: HistorySettings;
    readonly frontEnd: FrontEnd;
  }) {
    this.what = `history ${shownAs}`;
    this.#writer = new HistoryWriter({ dir, historyDays });
    this.#facts = { intervalSecs, frontEnd };
  }

  async report(run: MonitorRun): Promise<ReportOutcome> {
    const text = path.join(this.what, dayFile(dayOf(run.startedAt)));
    try {
      await this.#writer.append(toRecord(run, this.#facts));
    } catch (error) {
      return { ok: false, text: `${text} could not be written: ${reasonOf(error)}` };
    }
    const problem = await this.#writer.removeOld(run.startedAt);
    return problem === undefined ? { ok: true, isRoutine: true, text } : { ok: true, text: `${text}; ${problem}` };
  }
}
