import os from 'node:os';
import path from 'node:path';
import type { HistorySettings } from '../history/history-settings.ts';
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
  readonly history: HistorySettings;
  /** Absent if nothing is to be sent to Metrist. */
  readonly metrist: MetristConfig | undefined;
  /** `awsiam/0.1.0` */
  readonly userAgent: string;
  /** The environment, for the proxy. */
  readonly values: Values;
}

/** Creates the reporters that get each finished run, in this order: disk, then Metrist. To add a report, add a line here. */
export async function createReporters(options: CreateReportersOptions): Promise<RunReporter[]> {
  const { resultsDir, stepsFile, history, metrist, userAgent, values } = options;
  const inResults = (name: string): string => path.join(resultsDir, name);
  const shown = (name: string): string => shortenPath(inResults(name), process.cwd());
  const hostname = os.hostname();
  const onDisk = [
    new JunitReporter({ file: inResults('junit.xml'), shownAs: shown('junit.xml'), hostname, stepsFile }),
    new HistoryReporter({ dir: inResults('runs'), shownAs: shown('runs'), settings: history }),
  ];
  if (metrist === undefined) return onDisk;
  // Loaded only now, because most runs send nothing to Metrist.
  const [{ createMetristApi }, { fetchThroughProxy }, { MetristReporter }] = await Promise.all([
    import('../metrist/delivery/api.ts'),
    import('../metrist/request.ts'),
    import('./metrist.ts'),
  ]);
  const toMetrist = new MetristReporter({
    api: createMetristApi({ ...metrist, userAgent, fetch: fetchThroughProxy(values, metrist.baseUrl) }),
    instance: metrist.instance,
    outboxDir: inResults('outbox'),
    shownAs: { outboxDir: shown('outbox'), historyDir: shown('runs') },
    required: metrist.requireDelivery,
    clock: systemClock,
  });
  return [...onDisk, toMetrist];
}
