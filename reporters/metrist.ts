import type { MetristApi } from '../metrist/delivery/api.ts';
import { deliver, type DeliverOptions, type DeliveryReport } from '../metrist/delivery/deliver.ts';
import { Outbox } from '../metrist/delivery/outbox.ts';
import { toMetristResults } from '../metrist/delivery/results.ts';
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
  /** Whether a run fails whose own results were not all delivered (`METRIST_REQUIRE_DELIVERY`). @default false */
  readonly required?: boolean;
  /**
   * For all that is delivered after a run.
   * @default 60_000
   */
  readonly deadlineMs?: number;
  /** Between attempts. @default the timers of Node */
  readonly wait?: DeliverOptions['wait'];
}

/** Delivers each run to Metrist, after what earlier runs could not deliver. An offline run is never posted. */
export class MetristReporter implements RunReporter {
  readonly what = 'Metrist';
  readonly #options: MetristReporterOptions;
  readonly #outbox: Outbox;

  constructor(options: MetristReporterOptions) {
    this.#options = options;
    this.#outbox = new Outbox({ dir: options.outboxDir, now: options.now });
  }

  async report(run: MonitorRun): Promise<ReportOutcome> {
    if (run.mode === 'offline') return { ok: true, text: 'Metrist offline: nothing posted' };
    const { api, instance, outboxDir, now, required = false, deadlineMs = 60_000, wait } = this.#options;
    try {
      const signal = AbortSignal.timeout(deadlineMs);
      const options = { api, outbox: this.#outbox, now, signal, ...(wait && { wait }) };
      const report = await deliver(toMetristResults(run, instance), options);
      const isMissed = required && report.missing > 0;
      return { ...renderDelivery(report, { instance, outboxDir }), ...(isMissed && { required }) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return {
        ok: false,
        text: `Metrist: results not delivered: ${oneLine(reason, 200)}`,
        ...(required && { required }),
      };
    }
  }
}

/**
 * The clause for the summary line.
 *
 * ```text
 * 8 results to Metrist (us-east-1)
 * Metrist: 8 results not delivered yet, kept in results/outbox: app.metrist.io refused the connection; check …
 * Metrist: 9 results delivered, 7 results not delivered because out of date
 * ```
 */
export function renderDelivery(
  report: DeliveryReport,
  { instance, outboxDir }: { readonly instance: string; readonly outboxDir: string },
): ReportOutcome {
  const { delivered, waiting, unconfirmed, dropped, refused, corrupt, lost, diskProblem, reason } = report;
  const place = oneLine(instance, 100);
  const asked = unconfirmed > 0 ? ` (${unconfirmed} sent without an answer: Metrist will be asked)` : '';
  const problems = [
    ...(lost > 0 ? [`${count(lost)} LOST, not delivered and not on disk`] : []),
    ...(waiting > 0 ? [`${count(waiting)} not delivered yet, kept in ${outboxDir}${asked}`] : []),
    ...(refused > 0 ? [`${count(refused)} not taken by Metrist`] : []),
    ...(dropped > 0 ? [`${count(dropped)} not delivered because out of date`] : []),
    ...(corrupt > 0 ? [`${corrupt} unreadable ${corrupt === 1 ? 'file' : 'files'} moved to ${outboxDir}/corrupt`] : []),
    ...(diskProblem === undefined ? [] : [`${outboxDir} could not be written (${oneLine(diskProblem, 150)})`]),
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
