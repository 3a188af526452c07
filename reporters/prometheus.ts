import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { replaceFile } from '../host/write-file.ts';
import { endOf } from '../history/looks.ts';
import { type Totals, type TotalsUpdate, updateTotals } from '../history/totals.ts';
import type { OverallState } from '../history/state.ts';
import { metricsOf } from '../metrics/model.ts';
import { renderPrometheus } from '../metrics/prometheus.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { plural } from '../text/printable.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';

interface PrometheusReporterOptions {
  /** Absolute. */
  readonly resultsDir: string;
  /** The paths of `awsiam.prom` and `totals.json` as messages show them. */
  readonly shownAs: { readonly textfile: string; readonly totals: string };
}

/** How long an instance stays in the file after its last run, so that a renamed one does not alert for ever. */
const maxSilenceMs = 24 * 3_600_000;

/**
 * Updates `results/totals.json` after each run, and from it `results/awsiam.prom` for the textfile collector of node_exporter.
 * The textfile has live runs only.
 */
export class PrometheusReporter implements RunReporter {
  readonly what: string;
  readonly #options: PrometheusReporterOptions;

  constructor(options: PrometheusReporterOptions) {
    this.#options = options;
    this.what = `metrics ${options.shownAs.textfile}`;
  }

  async report(run: MonitorRun, earlier: readonly ReportOutcome[]): Promise<ReportOutcome> {
    const { resultsDir, shownAs } = this.#options;
    const isLive = run.mode === 'live';
    const text = isLive ? this.what : `totals ${shownAs.totals}`;
    let state: OverallState | undefined;
    const update = await updateTotals({
      resultsDir,
      run,
      undelivered: earlier.reduce((sum, outcome) => sum + (outcome.undelivered ?? 0), 0),
      whileLocked: async (totals) => {
        state = totals.find(run)?.state.read(endOf(run)).overall.state;
        if (isLive) await this.#write(totals, run);
      },
    });
    return { ...describeUpdate(update, text), ...(state !== undefined && { state }) };
  }

  async #write(totals: Totals, run: MonitorRun): Promise<void> {
    const { resultsDir } = this.#options;
    const nowMs = endOf(run);
    const outboxErrors = await countErrors(path.join(resultsDir, 'outbox'));
    const instances = totals
      .instances('live')
      .filter(({ instance, lastRun }) => instance === run.instance || lastRun.endMs > nowMs - maxSilenceMs)
      .toSorted((a, b) => ((a.instance ?? '') < (b.instance ?? '') ? -1 : 1))
      .map((each) => {
        const isOwn = each.instance === run.instance;
        const metrics = metricsOf(each, { nowMs, ...(isOwn && outboxErrors !== undefined && { outboxErrors }) });
        return { metrics, ...(each.instance !== undefined && { instance: each.instance }) };
      });
    // The user of node_exporter must be able to read it. The lock keeps others from writing a file of the same name.
    const file = path.join(resultsDir, 'awsiam.prom');
    await replaceFile(file, renderPrometheus(instances), { mode: 0o644, suffix: 'unfinished' });
  }
}

/** How many errors wait in the outbox. Unknown if it cannot be listed. */
export async function countErrors(outboxDir: string): Promise<number | undefined> {
  try {
    return (await readdir(outboxDir)).filter((name) => name.endsWith('.json')).length;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 0 : undefined;
  }
}

/** What became of the totals, and of the textfile with them. */
function describeUpdate(update: TotalsUpdate, text: string): ReportOutcome {
  switch (update.state) {
    case 'updated': {
      const [problem, ...others] = update.problems;
      if (problem === undefined) return { ok: true, isRoutine: true, text };
      const more = others.length === 0 ? '' : ` and ${plural(others.length, 'more problem')}`;
      return { ok: false, text: `${text} not complete: ${problem}${more}` };
    }
    case 'catching up': {
      const { daysDone, days } = update.progress;
      return {
        ok: false,
        text: `${text} not written yet: catching up with the history: ${daysDone} of ${days} days`,
      };
    }
    case 'failed':
      return { ok: false, text: `${text} could not be written: ${update.problem}` };
    default:
      return update satisfies never;
  }
}
