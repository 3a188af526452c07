import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { HistorySettings } from '../history/history-settings.ts';
import { endOf } from '../history/looks.ts';
import { toRecord, type FrontEnd } from '../history/run-record.ts';
import { readTotals, Totals, type InstanceTotals } from '../history/totals.ts';
import { metricsOf, type MetricSource } from '../metrics/model.ts';
import { collectRemarks, loadExporters, sendOtlp, type OtlpOutcome } from '../metrics/otlp.ts';
import { toReadableSpans, toResource, toResourceMetrics, type MetricTimes } from '../metrics/otlp-data.ts';
import type { OtlpSettings, OtlpTarget, ParsedOtlpSettings } from '../metrics/otlp-settings.ts';
import { traceOf } from '../metrics/trace.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import type { Values } from '../runner/monitor.ts';
import { joinLines, messageOf, plural } from '../text/printable.ts';
import { countErrors } from './prometheus.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';

export interface OtlpReporterOptions {
  readonly otlp: ParsedOtlpSettings;
  /** Name of this host: `service.instance.id` of runs without `METRIST_INSTANCE_ID`. */
  readonly hostname: string;
  /** `awsiam/0.1.0` */
  readonly userAgent: string;
  /** The environment, for the proxy. */
  readonly values: Values;
  /** The service's name of each step's call, where it differs from the step's. */
  readonly operations: Readonly<Record<string, string>>;
  readonly frontEnd: FrontEnd;
  readonly history: HistorySettings;
  /** Absent if there is no history. */
  readonly resultsDir?: string | undefined;
}

/** Time for making and loading what is sent, besides the time for sending it. */
const graceMs = 3000;
const maxTextLength = 390;

/** Sends the metrics and the trace of each run to OpenTelemetry collectors, side by side. An offline run is never sent. */
export class OtlpReporter implements RunReporter {
  readonly what = 'OTLP';
  readonly timeoutMs: number;
  readonly isOnDisk: boolean;
  readonly #options: OtlpReporterOptions;

  constructor(options: OtlpReporterOptions) {
    const { metrics, traces } = options.otlp.settings ?? {};
    this.#options = options;
    // What is counted over all runs is there.
    this.isOnDisk = options.resultsDir !== undefined;
    this.timeoutMs = Math.max(metrics?.timeoutMs ?? 0, traces?.timeoutMs ?? 0) + graceMs;
  }

  /** Loads the exporters, so that the end of the run does not have to wait for them. */
  async load(): Promise<this> {
    await loadExporters(this.#options.otlp.settings ?? {});
    return this;
  }

  async report(run: MonitorRun, earlier: readonly ReportOutcome[]): Promise<ReportOutcome> {
    if (run.mode === 'offline') return { ok: true, text: 'OTLP offline: nothing sent' };
    const { settings, problems } = this.#options.otlp;
    if (settings === undefined) return { ok: false, text: fit(`OTLP not sent: ${problems.join('; ')}`) };
    try {
      return await this.#send(run, settings, earlier);
    } catch (error) {
      return { ok: false, text: fit(`OTLP not sent: ${messageOf(error)}`) };
    }
  }

  async #send(run: MonitorRun, settings: OtlpSettings, earlier: readonly ReportOutcome[]): Promise<ReportOutcome> {
    const { operations } = this.#options;
    const source = { version: run.version, instanceId: run.instance ?? this.#options.hostname };
    const resource = toResource(settings.resource, source);
    const { metrics, traces, parent } = settings;
    using collected = collectRemarks();
    const sendMetrics = async (target: OtlpTarget): Promise<SignalResult> => {
      const { points, times } = await this.#metricsOf(run, settings, earlier);
      const data = toResourceMetrics(points, times, resource, source);
      return { signal: 'metrics', target, outcome: await sendOtlp('metrics', data, target, this.#options) };
    };
    const sendTrace = async (target: OtlpTarget): Promise<SignalResult> => {
      const spans = traceOf(run, { parent, randomBytes, operations });
      const data = toReadableSpans(spans, resource, source, parent);
      return { signal: 'trace', target, outcome: await sendOtlp('traces', data, target, this.#options) };
    };
    const results = await Promise.all([
      ...(metrics === undefined ? [] : [sendMetrics(metrics)]),
      ...(traces === undefined ? [] : [sendTrace(traces)]),
    ]);
    return renderOtlp(results, collected.remarks);
  }

  /** What is counted: this run alone, or everything that the results directory has. The state always comes from there. */
  async #metricsOf(run: MonitorRun, { temporality }: OtlpSettings, earlier: readonly ReportOutcome[]) {
    const { history, frontEnd, resultsDir } = this.#options;
    const own = new Totals();
    own.add(toRecord(run, { intervalSecs: history.intervalSecs, frontEnd }));
    const [ofRun] = own.instances(run.mode);
    const known = resultsDir === undefined ? undefined : await knownTotals(resultsDir, run);
    const outboxErrors = resultsDir === undefined ? undefined : await countErrors(path.join(resultsDir, 'outbox'));
    const nowMs = endOf(run);
    const moment = { nowMs, ...(outboxErrors !== undefined && { outboxErrors }) };
    const times: MetricTimes = { temporality, startMs: Date.parse(run.startedAt), endMs: nowMs };
    if (ofRun === undefined) return { points: [], times };
    if (temporality === 'cumulative' && known !== undefined) {
      // 0 says that the start is not known: the history may no longer have it.
      return { points: metricsOf(known, moment), times: { ...times, startMs: 0 } };
    }
    const undelivered = earlier.reduce((sum, outcome) => sum + (outcome.undelivered ?? 0), 0);
    const { state: _, ...rest } = ofRun;
    const counters = { ...ofRun.counters, undelivered };
    const delta: MetricSource = { ...rest, counters, ...(known !== undefined && { state: known.state }) };
    return { points: metricsOf(delta, moment), times };
  }
}

async function knownTotals(resultsDir: string, run: MonitorRun): Promise<InstanceTotals | undefined> {
  const { totals } = await readTotals({ resultsDir });
  const known = totals.instances(run.mode).find(({ instance }) => instance === run.instance);
  // Without this run, the totals are of no use: its line could not be written.
  return known?.lastRun.startedAt === run.startedAt ? known : undefined;
}

interface SignalResult {
  readonly signal: 'metrics' | 'trace';
  readonly target: { readonly url: string };
  readonly outcome: OtlpOutcome;
}

/**
 * The clause for the summary line. Of a URL it shows only the origin, because the rest may hold a secret.
 *
 * ```text
 * OTLP http://collector:4318: metrics and trace sent
 * OTLP http://collector:4318: metrics and trace not sent: the collector refused the connection; check OTEL_EXPORTER_OTLP_ENDPOINT
 * OTLP: metrics sent to http://collector:4318; trace not sent to https://traces.example: the collector answered HTTP 401: …
 * ```
 */
export function renderOtlp(results: readonly SignalResult[], remarks: readonly string[] = []): ReportOutcome {
  const endings = new Map<string, { readonly signals: string[]; readonly ending: string }>();
  const origins = new Set(results.map(({ target }) => new URL(target.url).origin));
  const [only] = origins.size === 1 ? origins : [];
  for (const { signal, target, outcome } of results) {
    const place = only === undefined ? ` to ${new URL(target.url).origin}` : '';
    const ending = outcome.ok ? `sent${place}` : `not sent${place}: ${outcome.reason}`;
    const known = endings.get(ending) ?? { signals: [], ending };
    endings.set(ending, known);
    known.signals.push(signal);
  }
  const clauses = [...endings.values()].map(({ signals, ending }) => `${signals.join(' and ')} ${ending}`);
  const shownRemarks =
    remarks.length > 2 ? [...remarks.slice(0, 2), plural(remarks.length - 2, 'more remark')] : remarks;
  return {
    ok: results.every(({ outcome }) => outcome.ok) && remarks.length === 0,
    text: fit(`OTLP${only === undefined ? '' : ` ${only}`}: ${[...clauses, ...shownRemarks].join('; ')}`),
  };
}

function fit(text: string): string {
  return joinLines(text, maxTextLength);
}
