import os from 'node:os';
import path from 'node:path';
import { parseMetristConfig } from '../metrist/config.ts';
import { shortenPath } from '../host/results-dir.ts';
import { systemClock } from '../runner/clock.ts';
import type { RunMode } from '../runner/monitor-run.ts';
import type { Values } from '../runner/monitor.ts';
import type { RunReporter } from './run-reporter.ts';
import { HistoryReporter } from './history.ts';
import { JunitReporter } from './junit.ts';

export interface CreateReportersOptions {
  readonly mode: RunMode;
  /** `METRIST_RESULTS_DIR`, absolute. */
  readonly resultsDir: string;
  /** Where the steps are written down, relative to the project. */
  readonly stepsFile: string;
  /** `awsiam/0.1.0` */
  readonly userAgent: string;
}

/** Where finished runs go, in this order: what is on disk is there before anything is sent. A new report is one line. */
export async function createReporters(values: Values, options: CreateReportersOptions): Promise<RunReporter[]> {
  const { mode, stepsFile, userAgent } = options;
  const inResults = (name: string): string => path.join(options.resultsDir, name);
  const shown = (name: string): string => shortenPath(inResults(name), process.cwd());
  return [
    new JunitReporter({
      file: inResults('junit.xml'),
      shownAs: shown('junit.xml'),
      hostname: os.hostname(),
      stepsFile,
    }),
    new HistoryReporter({ dir: inResults('runs'), shownAs: shown('runs') }),
    ...(mode === 'live' ? await createMetristReporters(values, { inResults, shown, userAgent }) : []),
  ];
}

/** None without a token. Loaded for live runs alone: an offline run has nothing to say to Metrist. */
async function createMetristReporters(
  values: Values,
  {
    inResults,
    shown,
    userAgent,
  }: Record<'inResults' | 'shown', (name: string) => string> & Pick<CreateReportersOptions, 'userAgent'>,
): Promise<RunReporter[]> {
  const { config } = parseMetristConfig(values);
  if (config === undefined) return [];
  const [{ createMetristApi }, { fetchThroughProxy }, { MetristReporter }] = await Promise.all([
    import('../metrist/delivery/api.ts'),
    import('../metrist/request.ts'),
    import('./metrist.ts'),
  ]);
  return [
    new MetristReporter({
      api: createMetristApi({ ...config, userAgent, fetch: fetchThroughProxy(values, config.baseUrl) }),
      instance: config.instance,
      outboxDir: inResults('outbox'),
      shownAs: { outboxDir: shown('outbox'), historyDir: shown('runs') },
      required: config.requireDelivery,
      clock: systemClock,
    }),
  ];
}
