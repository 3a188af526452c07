import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { replaceFile } from '../host/write-file.ts';
import { endOf } from '../history/looks.ts';
import { type Totals, type TotalsUpdate, updateTotals } from '../history/totals.ts';
import type { OverallState } from '../history/state.ts';
import { metricsOf } from '../metrics/model.ts';
import { type InstanceMetrics, renderPrometheus } from '../metrics/prometheus.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { plural } from '../text/printable.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';

interface PrometheusReporterOptions {
  /** Absolute. */
  readonly resultsDir: string;
  /** The path of `awsiam.prom` as messages show it. */
  readonly shownAs: string;
  /** Gets what the file is made of, for somebody who shows it elsewhere, too. */
  readonly onTotals?: (totals: KnownTotals) => void;
}

/** The totals after a run. */
export interface KnownTotals {
  readonly totals: Totals;
  /** How many errors wait for Metrist. Absent if that is not known. */
  readonly outboxErrors?: number;
}

/** How long an instance stays in the file after its last run, so that a renamed one does not alert for ever. */
const maxSilenceMs = 24 * 3_600_000;

/**
 * Updates `results/totals.json` after each live run, and from it `results/awsiam.prom` for the textfile collector of
 * node_exporter.
 */
export class PrometheusReporter implements RunReporter {
  readonly what: string;
  readonly isOnDisk = true;
  readonly #options: PrometheusReporterOptions;

  constructor(options: PrometheusReporterOptions) {
    this.#options = options;
    this.what = `metrics ${options.shownAs}`;
  }

  async report(run: MonitorRun, earlier: readonly ReportOutcome[]): Promise<ReportOutcome> {
    let state: OverallState | undefined;
    const update = await updateTotals({
      resultsDir: this.#options.resultsDir,
      run,
      undelivered: earlier.reduce((sum, outcome) => sum + (outcome.undelivered ?? 0), 0),
      whileLocked: async (totals) => {
        state = totals.find(run)?.state.read(endOf(run)).overall.state;
        await this.#write(totals, run);
      },
    });
    return { ...describeUpdate(update, this.what), ...(state !== undefined && { state }) };
  }

  async #write(totals: Totals, run: MonitorRun): Promise<void> {
    const { resultsDir, onTotals } = this.#options;
    const outboxErrors = await countErrors(path.join(resultsDir, 'outbox'));
    const known = { totals, ...(outboxErrors !== undefined && { outboxErrors }) };
    onTotals?.(known);
    // The user of node_exporter must be able to read it. The lock keeps others from writing a file of the same name.
    const file = path.join(resultsDir, 'awsiam.prom');
    const text = renderPrometheus(metricsOfTotals(known, { nowMs: endOf(run), ...run }));
    await replaceFile(file, text, { mode: 0o644, suffix: 'unfinished' });
  }
}

/** The metrics of the instance that asks, and of others whose last run is not too long ago. */
export function metricsOfTotals(
  { totals, outboxErrors }: KnownTotals,
  { nowMs, instance }: { readonly nowMs: number; readonly instance?: string },
): readonly InstanceMetrics[] {
  return totals
    .instances('live')
    .filter((each) => each.instance === instance || each.lastRun.endMs > nowMs - maxSilenceMs)
    .toSorted((a, b) => ((a.instance ?? '') < (b.instance ?? '') ? -1 : 1))
    .map((each) => {
      const isOwn = each.instance === instance;
      const metrics = metricsOf(each, { nowMs, ...(isOwn && outboxErrors !== undefined && { outboxErrors }) });
      return { metrics, ...(each.instance !== undefined && { instance: each.instance }) };
    });
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
