import type { MetristApi } from '../metrist/api.ts';
import { deliver, type DeliveryReport } from '../metrist/deliver.ts';
import { Outbox } from '../metrist/outbox.ts';
import { toMetristResults } from '../metrist/results.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import type { ReportOutcome, RunReporter } from '../runner/run-reporter.ts';
import { oneLine } from './text.ts';

export interface MetristReporterOptions {
  readonly api: MetristApi;
  /** Where the run took place, as Metrist shall show it (`METRIST_INSTANCE_ID`). */
  readonly instance: string;
  /** Where results wait until Metrist took them: `results/outbox`. */
  readonly outboxDir: string;
  readonly now: () => Date;
  /** Whether a run fails whose results were not delivered (`METRIST_REQUIRE_DELIVERY`). @default false */
  readonly required?: boolean;
  /**
   * For all that is delivered after a run.
   * @default 60_000
   */
  readonly deadlineMs?: number;
}

/** Delivers each run to Metrist, after what earlier runs could not deliver. An offline run is never posted. */
export class MetristReporter implements RunReporter {
  readonly #options: MetristReporterOptions;
  readonly #outbox: Outbox;

  constructor(options: MetristReporterOptions) {
    this.#options = options;
    this.#outbox = new Outbox({ dir: options.outboxDir, now: options.now });
  }

  async report(run: MonitorRun): Promise<ReportOutcome> {
    if (run.mode === 'offline') return { ok: true, text: 'Metrist offline: nothing posted' };
    const { api, instance, outboxDir, now, required = false, deadlineMs = 60_000 } = this.#options;
    const signal = AbortSignal.timeout(deadlineMs);
    const report = await deliver(toMetristResults(run, instance), { api, outbox: this.#outbox, now, signal });
    return { ...renderDelivery(report, { instance, outboxDir }), required };
  }
}

/**
 * The clause for the summary line.
 *
 * ```text
 * 8 results to Metrist (us-east-1)
 * Metrist: 8 results wait in results/outbox: app.metrist.io refused the connection; check the port in METRIST_API_HOST
 * Metrist: 12 results delivered, 3 results dropped as too old
 * ```
 */
export function renderDelivery(
  report: DeliveryReport,
  { instance, outboxDir }: { readonly instance: string; readonly outboxDir: string },
): ReportOutcome {
  const { delivered, waiting, unconfirmed, dropped, refused, corrupt, lost, diskProblem, reason } = report;
  const place = oneLine(instance, 100);
  const problems = [
    ...(waiting > 0 ? [`${count(waiting)} wait in ${outboxDir}`] : []),
    ...(unconfirmed > 0 ? [`of ${unconfirmed} it is asked later whether Metrist has them`] : []),
    ...(lost > 0 ? [`${count(lost)} LOST`] : []),
    ...(refused > 0 ? [`${count(refused)} refused`] : []),
    ...(dropped > 0 ? [`${count(dropped)} dropped as too old`] : []),
    ...(corrupt > 0 ? [`${corrupt} unreadable files set aside in ${outboxDir}/corrupt`] : []),
    ...(diskProblem === undefined ? [] : [`${outboxDir} could not be written (${diskProblem})`]),
  ];
  if (problems.length === 0) {
    return {
      ok: true,
      text: delivered === 0 ? `no result for Metrist (${place})` : `${count(delivered)} to Metrist (${place})`,
    };
  }
  const facts = [...(delivered > 0 ? [`${count(delivered)} delivered`] : []), ...problems].join(', ');
  return { ok: false, text: `Metrist: ${facts}${reason === undefined ? '' : `: ${oneLine(reason, 250)}`}` };
}

function count(results: number): string {
  return `${results} ${results === 1 ? 'result' : 'results'}`;
}
