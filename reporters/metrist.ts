import type { MetristApi, PostResult } from '../metrist/api.ts';
import { type MetristResult, toMetristResults } from '../metrist/results.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import type { ReportOutcome, RunReporter } from '../runner/run-reporter.ts';
import { formatDuration } from './duration.ts';
import { oneLine } from './text.ts';

export interface MetristReporterOptions {
  readonly api: MetristApi;
  /** Where the run took place, as Metrist shall show it (`METRIST_INSTANCE_ID`). */
  readonly instance: string;
  /**
   * For all the results of a run together.
   * @default 60_000
   */
  readonly deadlineMs?: number;
}

/** Posts each run to Metrist, one result after the other, each one once. An offline run is never posted. */
export class MetristReporter implements RunReporter {
  readonly #api: MetristApi;
  readonly #instance: string;
  readonly #deadlineMs: number;

  constructor({ api, instance, deadlineMs = 60_000 }: MetristReporterOptions) {
    this.#api = api;
    this.#instance = instance;
    this.#deadlineMs = deadlineMs;
  }

  async report(run: MonitorRun): Promise<ReportOutcome> {
    if (run.mode === 'offline') return { ok: true, text: 'Metrist offline: nothing posted' };
    try {
      const results = toMetristResults(run, this.#instance);
      return renderMetristOutcome(await this.#postAll(results), results.length, this.#instance);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { ok: false, text: `Metrist: results not delivered: ${oneLine(reason, 200)}` };
    }
  }

  /** What became of each result up to the end of the deadline, or up to an answer that the others would get as well. */
  async #postAll(results: readonly MetristResult[]): Promise<PostResult[]> {
    const signal = AbortSignal.timeout(this.#deadlineMs);
    const outcomes: PostResult[] = [];
    for (const result of results) {
      const outcome = await this.#post(result, signal);
      if (signal.aborted && outcome.state === 'unreachable') {
        return [...outcomes, { ...outcome, reason: `not done within ${formatDuration(this.#deadlineMs)}: gave up` }];
      }
      outcomes.push(outcome);
      if (outcome.state === 'rejected' && outcome.status === 403) break;
    }
    return outcomes;
  }

  #post(result: MetristResult, signal: AbortSignal): Promise<PostResult> {
    switch (result.kind) {
      case 'telemetry':
        return this.#api.postTelemetry(result.body, { signal });
      case 'error':
        return this.#api.postError(result.body, { signal });
      default:
        return result satisfies never;
    }
  }
}

/**
 * The clause for the summary line, with the reason of the first failure.
 *
 * ```text
 * 8 results to Metrist (us-east-1)
 * Metrist: 3 of 8 results not delivered: no answer from app.metrist.io within 10 s; check the network and METRIST_API_HOST
 * ```
 *
 * @param total how many results there were, also those that were never tried
 */
export function renderMetristOutcome(outcomes: readonly PostResult[], total: number, instance: string): ReportOutcome {
  const place = oneLine(instance, 100);
  if (total === 0) return { ok: true, text: `no result for Metrist (${place})` };
  const failure = outcomes.find((outcome) => outcome.state !== 'accepted');
  if (failure === undefined) return { ok: true, text: `${count(total)} to Metrist (${place})` };
  const delivered = outcomes.filter(({ state }) => state === 'accepted').length;
  const text = `Metrist: ${total - delivered} of ${count(total)} not delivered: ${oneLine(failure.reason, 250)}`;
  return { ok: false, text };
}

function count(results: number): string {
  return `${results} ${results === 1 ? 'result' : 'results'}`;
}
