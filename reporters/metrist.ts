import type { MetristApi } from '../metrist/delivery/api.ts';
import {
  deliver,
  type DeliveryReport,
  type DeliverOptions,
  type HeldResults,
  holdError,
  maxWaiting,
} from '../metrist/delivery/deliver.ts';
import { Outbox } from '../metrist/delivery/outbox.ts';
import { toMetristResults } from '../metrist/delivery/results.ts';
import type { Clock } from '../runner/clock.ts';
import { abortAfter } from '../runner/deadline.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { formatLimit } from '../text/duration.ts';
import { messageOf, plural, oneLine } from '../text/printable.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';

export interface MetristReporterOptions {
  readonly api: MetristApi;
  /** Where the run took place (`METRIST_INSTANCE_ID`). Metrist shows it. */
  readonly instance: string;
  /** The directory where errors wait until Metrist has accepted them: `results/outbox`. */
  readonly outboxDir: string;
  /** The paths as messages show them: the outbox, and the history, where every result can be found later. */
  readonly shownAs: { readonly outboxDir: string; readonly historyDir: string };
  readonly clock: Clock;
  /** Whether a run fails when its own results were not all delivered (`METRIST_REQUIRE_DELIVERY`). @default false */
  readonly required?: boolean;
  /** Time limit for everything that is delivered after a run. @default 60_000 */
  readonly deadlineMs?: number;
  /** Whether the disk is known not to answer. Then it is not asked. @default it is asked, and may say so */
  readonly isDiskHanging?: () => boolean;
  /** Waits between two attempts. @default the timers of Node */
  readonly wait?: DeliverOptions['wait'];
}

const defaultDeadlineMs = 60_000;
/** How long the report waits until the outbox has the run's error, after the time that `prepare` had for it. */
const diskTimeoutMs = 1000;
/** How long writing to the disk may take after the delivery deadline. */
const writeTimeoutMs = 15_000;

/** Delivers each run to Metrist, after the errors that earlier runs could not deliver. An offline run is never posted. */
export class MetristReporter implements RunReporter {
  readonly what = 'Metrist';
  readonly timeoutMs: number;
  readonly required: boolean;
  readonly #options: MetristReporterOptions;
  readonly #outbox: Outbox;
  #held: Promise<HeldResults> | undefined;

  constructor(options: MetristReporterOptions) {
    this.#options = options;
    this.timeoutMs = (options.deadlineMs ?? defaultDeadlineMs) + writeTimeoutMs;
    this.required = options.required ?? false;
    this.#outbox = new Outbox({ dir: options.outboxDir, now: () => options.clock.now() });
  }

  /** Puts the run's error into the outbox. */
  async prepare(run: MonitorRun): Promise<void> {
    if (run.mode === 'offline' || this.#options.isDiskHanging?.() === true) return;
    this.#held = holdError(toMetristResults(run, this.#options.instance), this.#outbox);
    await this.#held;
  }

  async report(run: MonitorRun): Promise<ReportOutcome> {
    if (run.mode === 'offline') return { ok: true, text: 'Metrist offline: nothing posted' };
    const { api, clock, instance, shownAs, deadlineMs = defaultDeadlineMs, wait } = this.#options;
    const { required } = this;
    try {
      const held = await this.#heldInTime(run);
      using deadline = abortAfter(deadlineMs, `it took longer than ${formatLimit(deadlineMs)}`);
      const elapsedMs = (): number => clock.elapsedMs();
      const report = await deliver(held, {
        api,
        outbox: this.#outbox,
        elapsedMs,
        signal: deadline.signal,
        ...(wait && { wait }),
      });
      const isMissed = required && report.missing > 0;
      const outcome = renderDelivery(report, { instance, ...shownAs });
      return { ...outcome, undelivered: report.missing, ...(isMissed && { required }) };
    } catch (error) {
      const text = `Metrist: results not delivered: ${oneLine(messageOf(error), 200)}`;
      const undelivered = toMetristResults(run, instance).length;
      return { ok: false, text, undelivered, ...(required && { required }) };
    }
  }

  /** Returns the results from memory if the disk does not answer, because the network may be fine. */
  async #heldInTime(run: MonitorRun): Promise<HeldResults> {
    const results = toMetristResults(run, this.#options.instance);
    const hangs = { results, diskProblem: 'the disk does not answer', isDiskHanging: true };
    if (this.#options.isDiskHanging?.() === true) return hangs;
    const { promise: timeUp, resolve } = Promise.withResolvers<HeldResults>();
    const timer = setTimeout(() => resolve(hangs), diskTimeoutMs);
    try {
      return await Promise.race([this.#held ?? holdError(results, this.#outbox), timeUp]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * The clause for the summary line.
 *
 * ```text
 * 8 results to Metrist (us-east-1)
 * Metrist: 8 of 8 results not delivered (kept in results/runs): app.metrist.io refused the connection; check …
 * Metrist: 2 of 2 results not delivered (kept in results/runs), 1 error waits in results/outbox: HTTP 500 from …
 * ```
 */
export function renderDelivery(
  report: DeliveryReport,
  { instance, outboxDir, historyDir }: MetristReporterOptions['shownAs'] & Pick<MetristReporterOptions, 'instance'>,
): ReportOutcome {
  const { own, missing, lost, delivered, waiting, unconfirmed, refused, dropped, corrupt, foreign } = report;
  const { diskProblem, reason } = report;
  const place = oneLine(instance, 100);
  const asked = unconfirmed > 0 ? ` (${unconfirmed} sent without an answer: Metrist will be asked)` : '';
  const problems = [
    missing > 0 && `${missing} of ${plural(own, 'result')} not delivered (kept in ${historyDir})`,
    lost > 0 && `${plural(lost, 'error')} LOST: not delivered, and not in ${outboxDir} either`,
    waiting > 0 && `${plural(waiting, 'error')} ${waiting === 1 ? 'waits' : 'wait'} in ${outboxDir}${asked}`,
    refused > 0 && `${plural(refused, 'result')} not taken by Metrist`,
    dropped > 0 &&
      `${plural(dropped, 'error')} dropped because more than ${maxWaiting.toLocaleString('en')} were waiting`,
    foreign > 0 && `${plural(foreign, 'file')} in ${outboxDir} not sent: this user may not read or move them`,
    corrupt > 0 && `${plural(corrupt, 'unreadable file')} moved to ${outboxDir}/corrupt`,
    diskProblem !== undefined && `${outboxDir} could not be used (${oneLine(diskProblem, 150)})`,
  ].filter((problem) => problem !== false);
  if (problems.length === 0) {
    const count = delivered === 0 ? 'no result for' : `${plural(delivered, 'result')} to`;
    return { ok: true, text: `${count} Metrist (${place})` };
  }
  // When results are missing, their number says how many were delivered.
  const facts = [...(delivered > 0 && missing === 0 ? [`${plural(delivered, 'result')} delivered`] : []), ...problems];
  return { ok: false, text: `Metrist: ${facts.join(', ')}${reason === undefined ? '' : `: ${oneLine(reason, 250)}`}` };
}
