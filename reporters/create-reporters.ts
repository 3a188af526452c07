import os from 'node:os';
import path from 'node:path';
import type { HistorySettings } from '../history/history-settings.ts';
import type { FrontEnd, RunRecord } from '../history/run-record.ts';
import { shortenPath } from '../host/results-dir.ts';
import type { SummarySettings } from '../host/summary-settings.ts';
import type { MetristConfig } from '../metrist/config.ts';
import { systemClock } from '../runner/clock.ts';
import type { RunMode } from '../runner/monitor-run.ts';
import type { Values } from '../runner/monitor.ts';
import type { OtlpReporterOptions } from './otlp.ts';
import type { KnownTotals } from './prometheus.ts';
import type { RunReporter } from './run-reporter.ts';

export interface CreateReportersOptions {
  /** An offline run has no metrics, and leaves the totals to the next reader of the history. */
  readonly mode: RunMode;
  readonly frontEnd: FrontEnd;
  /** Absolute. Absent if no file is to be written. */
  readonly resultsDir?: string;
  readonly history: HistorySettings;
  /** The service's name of each step's call, where it differs from the step's. */
  readonly operations: Readonly<Record<string, string>>;
  /** Where the JUnit report is wanted: the file that defines the steps, relative to the project. */
  readonly stepsFile?: string;
  /** Absent if nothing is to be sent to Metrist. The Orchestrator posts the results itself. */
  readonly metrist?: MetristDestination;
  /** @default no summary in Markdown */
  readonly summary?: SummarySettings;
  /** Whether `report.html` is kept up to date. @default true */
  readonly isPageWanted?: boolean;
  /** Runs that the disk has not taken yet. Kept by a process that goes on after this run. */
  readonly unwritten?: RunRecord[];
  /** Whether the disk is known not to answer. Then the results are sent from memory alone. */
  readonly isDiskHanging?: () => boolean;
  /** Gets the totals after the run. */
  readonly onTotals?: (totals: KnownTotals) => void;
  /** Absent if no endpoint of OpenTelemetry is set. */
  readonly otlp?: Omit<OtlpReporterOptions, 'frontEnd' | 'history' | 'operations' | 'resultsDir'>;
}

interface MetristDestination {
  readonly config: MetristConfig;
  /** `awsiam/0.1.0` */
  readonly userAgent: string;
  /** The environment, for the proxy. */
  readonly values: Values;
}

/**
 * Creates the reporters that get each finished run, for every front end and in this order: what is written to disk, what is
 * sent to Metrist, what is derived from both. Loads only the code of the reports that are wanted. To add a report, add a line.
 */
export async function createReporters(options: CreateReportersOptions): Promise<RunReporter[]> {
  const { mode, frontEnd, resultsDir, history, operations, stepsFile, metrist, otlp, summary } = options;
  const { isPageWanted = true, unwritten, isDiskHanging, onTotals } = options;
  const wanted: Promise<RunReporter>[] = [];
  const inResults = resultsDir === undefined ? undefined : pathsIn(resultsDir);
  if (resultsDir !== undefined && inResults !== undefined) {
    if (stepsFile !== undefined) wanted.push(createJunit(stepsFile, inResults));
    wanted.push(
      import('./history.ts').then(({ HistoryReporter }) => {
        const { path: dir, shownAs } = inResults('runs');
        return new HistoryReporter({ dir, shownAs, settings: history, frontEnd, ...(unwritten && { unwritten }) });
      }),
    );
    if (metrist !== undefined)
      wanted.push(createMetrist({ ...metrist, ...(isDiskHanging && { isDiskHanging }) }, inResults));
    // What is derived from the files above: totals and Prometheus' textfile, report.html.
    if (mode === 'live') {
      const textfile = inResults('awsiam.prom').shownAs;
      wanted.push(
        loadDerived(`metrics ${textfile}`, async () => {
          const { PrometheusReporter } = await import('./prometheus.ts');
          return new PrometheusReporter({ resultsDir, shownAs: textfile, ...(onTotals && { onTotals }) });
        }),
      );
    }
    if (isPageWanted) {
      const { shownAs } = inResults('report.html');
      wanted.push(
        loadDerived(`report ${shownAs}`, async () => {
          const { ReportReporter } = await import('./report.ts');
          return new ReportReporter({ resultsDir, shownAs, operations });
        }),
      );
    }
  }
  if (otlp !== undefined) {
    wanted.push(
      loadDerived('OTLP', async () => {
        const { OtlpReporter } = await import('./otlp.ts');
        return await new OtlpReporter({ ...otlp, frontEnd, history, operations, resultsDir }).load();
      }),
    );
  }
  // The last one, because it shows which of the others failed.
  const { isFileWanted = false, jobSummary } = summary ?? {};
  if (inResults !== undefined && (isFileWanted || jobSummary !== undefined)) {
    wanted.push(
      loadDerived('summary', async () => {
        const { SummaryReporter } = await import('./summary.ts');
        return new SummaryReporter({
          ...(isFileWanted && { file: inResults('summary.md') }),
          ...(jobSummary !== undefined && { jobSummary }),
        });
      }),
    );
  }
  return await Promise.all(wanted);
}

async function createJunit(stepsFile: string, inResults: InResults): Promise<RunReporter> {
  const { JunitReporter } = await import('./junit.ts');
  const { path: file, shownAs } = inResults('junit.xml');
  return new JunitReporter({ file, shownAs, hostname: os.hostname(), stepsFile });
}

async function createMetrist(
  { config, userAgent, values, isDiskHanging }: MetristDestination & Pick<CreateReportersOptions, 'isDiskHanging'>,
  inResults: InResults,
): Promise<RunReporter> {
  const [{ createMetristApi }, { fetchThroughProxy }, { MetristReporter }] = await Promise.all([
    import('../metrist/delivery/api.ts'),
    import('../metrist/request.ts'),
    import('./metrist.ts'),
  ]);
  const outbox = inResults('outbox');
  return new MetristReporter({
    api: createMetristApi({ ...config, userAgent, fetch: fetchThroughProxy(values, config.baseUrl) }),
    instance: config.instance,
    outboxDir: outbox.path,
    shownAs: { outboxDir: outbox.shownAs, historyDir: inResults('runs').shownAs },
    required: config.requireDelivery,
    ...(isDiskHanging && { isDiskHanging }),
    clock: systemClock,
  });
}

/** Gives a file or directory of the results directory, and its path as messages show it. */
type InResults = (name: string) => { readonly path: string; readonly shownAs: string };

function pathsIn(resultsDir: string): InResults {
  return (name) => {
    const file = path.join(resultsDir, name);
    return { path: file, shownAs: shortenPath(file, process.cwd()) };
  };
}

/**
 * Loads a report that is derived from others. If its code does not load, that costs this report only.
 *
 * @param what the report, for the message: `Prometheus results/awsiam.prom`
 */
export async function loadDerived(what: string, load: () => Promise<RunReporter>): Promise<RunReporter> {
  try {
    return await load();
  } catch (error) {
    const text = `${what} not written: its code could not be loaded: ${String(error)}`;
    return { what, report: () => Promise.resolve({ ok: false, text }) };
  }
}
