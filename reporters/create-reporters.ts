import os from 'node:os';
import path from 'node:path';
import { shortenPath } from '../host/results-dir.ts';
import type { MetristConfig } from '../metrist/config.ts';
import { systemClock } from '../runner/clock.ts';
import type { Values } from '../runner/monitor.ts';
import { HistoryReporter } from './history.ts';
import { JunitReporter } from './junit.ts';
import type { RunReporter } from './run-reporter.ts';

interface CreateReportersOptions {
  /** Absolute. */
  readonly resultsDir: string;
  /** The file that defines the steps, relative to the project. */
  readonly stepsFile: string;
  /** Absent if nothing is to be sent to Metrist. */
  readonly metrist: MetristConfig | undefined;
  /** `awsiam/0.1.0` */
  readonly userAgent: string;
  /** The environment, for the proxy. */
  readonly values: Values;
}

/** Where finished runs go. The disk comes before Metrist. To add a report, add a line here. */
export async function createReporters(options: CreateReportersOptions): Promise<RunReporter[]> {
  const { resultsDir, stepsFile, metrist } = options;
  const inResults = (name: string): string => path.join(resultsDir, name);
  const shown = (name: string): string => shortenPath(inResults(name), process.cwd());
  return [
    new JunitReporter({
      file: inResults('junit.xml'),
      shownAs: shown('junit.xml'),
      hostname: os.hostname(),
      stepsFile,
    }),
    new HistoryReporter({ dir: inResults('runs'), shownAs: shown('runs') }),
    ...(metrist === undefined ? [] : [await createMetristReporter(metrist, options, { inResults, shown })]),
  ];
}

/** Loads its code only when it is called: most runs send nothing to Metrist. */
async function createMetristReporter(
  config: MetristConfig,
  { userAgent, values }: CreateReportersOptions,
  { inResults, shown }: Record<'inResults' | 'shown', (name: string) => string>,
): Promise<RunReporter> {
  const [{ createMetristApi }, { fetchThroughProxy }, { MetristReporter }] = await Promise.all([
    import('../metrist/delivery/api.ts'),
    import('../metrist/request.ts'),
    import('./metrist.ts'),
  ]);
  return new MetristReporter({
    api: createMetristApi({ ...config, userAgent, fetch: fetchThroughProxy(values, config.baseUrl) }),
    instance: config.instance,
    outboxDir: inResults('outbox'),
    shownAs: { outboxDir: shown('outbox'), historyDir: shown('runs') },
    required: config.requireDelivery,
    clock: systemClock,
  });
}
