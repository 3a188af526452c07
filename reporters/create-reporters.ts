import path from 'node:path';
import type { HistorySettings } from '../history/history-settings.ts';
import type { FrontEnd } from '../history/run-record.ts';
import { shortenPath } from '../host/results-dir.ts';
import type { RunMode } from '../runner/monitor-run.ts';
import type { OtlpReporterOptions } from './otlp.ts';
import type { RunReporter } from './run-reporter.ts';

/** Gives a file or directory of the results directory, and its path as messages show it. */
export type InResults = (name: string) => { readonly path: string; readonly shownAs: string };

export interface CreateReportersOptions {
  /** An offline run has no metrics, and leaves the totals to the next reader of the history. */
  readonly mode: RunMode;
  readonly frontEnd: FrontEnd;
  /** Absolute. Absent if no file is to be written. */
  readonly resultsDir?: string;
  readonly history: HistorySettings;
  /** The service's name of each step's call, where it differs from the step's. */
  readonly operations: Readonly<Record<string, string>>;
  /** Makes the JUnit report, for vitest only. */
  readonly junit?: (inResults: InResults) => Promise<RunReporter>;
  /** Makes the report to Metrist, for vitest only: the Orchestrator posts the results itself. */
  readonly metrist?: (inResults: InResults) => Promise<RunReporter>;
  /** Makes the summary in Markdown, for vitest only. */
  readonly summary?: (inResults: InResults) => Promise<RunReporter>;
  /** Absent if no endpoint of OpenTelemetry is set. */
  readonly otlp?: Omit<OtlpReporterOptions, 'frontEnd' | 'history' | 'operations' | 'resultsDir'>;
}

/**
 * Creates the reporters that get each finished run, for every front end and in this order: what is written to disk, what is
 * sent to Metrist, what is derived from both. Loads only the code of the reports that are wanted. To add a report, add a line.
 */
export async function createReporters(options: CreateReportersOptions): Promise<RunReporter[]> {
  const { mode, frontEnd, resultsDir, history, operations, junit, metrist, otlp, summary } = options;
  const wanted: Promise<RunReporter>[] = [];
  const inResults = resultsDir === undefined ? undefined : pathsIn(resultsDir);
  if (resultsDir !== undefined && inResults !== undefined) {
    if (junit !== undefined) wanted.push(junit(inResults));
    wanted.push(
      import('./history.ts').then(({ HistoryReporter }) => {
        const { path: dir, shownAs } = inResults('runs');
        return new HistoryReporter({ dir, shownAs, settings: history, frontEnd });
      }),
    );
    if (metrist !== undefined) wanted.push(metrist(inResults));
    // What is derived from the files above: totals and Prometheus' textfile, report.html.
    if (mode === 'live') {
      const textfile = inResults('awsiam.prom').shownAs;
      wanted.push(
        loadDerived(`metrics ${textfile}`, async () => {
          const { PrometheusReporter } = await import('./prometheus.ts');
          return new PrometheusReporter({ resultsDir, shownAs: textfile });
        }),
      );
    }
    const { shownAs } = inResults('report.html');
    wanted.push(
      loadDerived(`report ${shownAs}`, async () => {
        const { ReportReporter } = await import('./report.ts');
        return new ReportReporter({ resultsDir, shownAs, operations });
      }),
    );
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
  if (summary !== undefined && inResults !== undefined) {
    wanted.push(loadDerived('summary', async () => await summary(inResults)));
  }
  return await Promise.all(wanted);
}

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
