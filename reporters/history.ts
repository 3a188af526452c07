import path from 'node:path';
import { dayFile, dayOf } from '../history/day-files.ts';
import type { HistorySettings } from '../history/history-settings.ts';
import { type FrontEnd, type RunRecord, toRecord } from '../history/run-record.ts';
import { HistoryWriter, reasonOf } from '../history/write-history.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';

/** A day and more of runs every two minutes: some MB of memory. */
const maxUnwritten = 1000;

/** Appends each run to the file of its day (UTC), as one line of JSON: `results/runs/2026-11-22.ndjson`. */
export class HistoryReporter implements RunReporter {
  readonly what: string;
  readonly isOnDisk = true;
  readonly #writer: HistoryWriter;
  readonly #facts: Pick<RunRecord, 'intervalSecs' | 'frontEnd'>;
  readonly #unwritten: RunRecord[] | undefined;

  /**
   * @param options.dir `results/runs`; `shownAs` is the path as messages show it
   * @param options.unwritten runs that the disk has not taken yet, oldest first. Kept by a process that goes on after this run
   */
  constructor({
    dir,
    shownAs = dir,
    settings: { intervalSecs, historyDays },
    frontEnd,
    unwritten,
  }: {
    readonly dir: string;
    readonly shownAs?: string;
    readonly settings: HistorySettings;
    readonly frontEnd: FrontEnd;
    readonly unwritten?: RunRecord[];
  }) {
    this.what = `history ${shownAs}`;
    this.#writer = new HistoryWriter({ dir, historyDays });
    this.#facts = { intervalSecs, frontEnd };
    this.#unwritten = unwritten;
  }

  prepare(run: MonitorRun): Promise<void> {
    this.#unwritten?.push(toRecord(run, this.#facts));
    this.#unwritten?.splice(0, this.#unwritten.length - maxUnwritten);
    return Promise.resolve();
  }

  async report(run: MonitorRun): Promise<ReportOutcome> {
    const text = path.join(this.what, dayFile(dayOf(run.startedAt)));
    const records = this.#unwritten ?? [toRecord(run, this.#facts)];
    try {
      for (let [next] = records; next !== undefined; [next] = records) {
        await this.#writer.append(next);
        records.shift();
      }
    } catch (error) {
      return { ok: false, text: `${text} could not be written: ${reasonOf(error)}` };
    }
    const problem = await this.#writer.removeOld(run.startedAt);
    return problem === undefined ? { ok: true, isRoutine: true, text } : { ok: true, text: `${text}; ${problem}` };
  }
}
