import os from 'node:os';
import path from 'node:path';
import { createMetristApi } from '../metrist/delivery/api.ts';
import { parseMetristConfig } from '../metrist/config.ts';
import { fetchThroughProxy } from '../metrist/proxy.ts';
import type { RunMode } from '../runner/monitor-run.ts';
import type { Values } from '../runner/monitor.ts';
import type { RunReporter } from '../runner/run-reporter.ts';
import { HistoryReporter } from './history.ts';
import { JunitReporter } from './junit.ts';
import { MetristReporter } from './metrist.ts';

export interface CreateReportersOptions {
  readonly mode: RunMode;
  /** Where the steps are written down, relative to the project. */
  readonly stepsFile: string;
  /** `awsiam/0.1.0` */
  readonly userAgent: string;
}

/** Where finished runs go, in this order: what is on disk is there before anything is sent. A new report is one line. */
export function createReporters(values: Values, { mode, stepsFile, userAgent }: CreateReportersOptions): RunReporter[] {
  const resultsDir = values['METRIST_RESULTS_DIR'] || 'results';
  const { config: metrist } = parseMetristConfig(values);
  const inResults = (name: string): string => path.join(resultsDir, name);
  return [
    new JunitReporter({ file: inResults('junit.xml'), hostname: os.hostname(), stepsFile }),
    new HistoryReporter({ dir: inResults('runs') }),
    ...(mode === 'live' && metrist !== undefined
      ? [
          new MetristReporter({
            api: createMetristApi({ ...metrist, userAgent, fetch: fetchThroughProxy(values, metrist.baseUrl) }),
            instance: metrist.instance,
            outboxDir: inResults('outbox'),
            required: metrist.requireDelivery,
            now: () => new Date(),
          }),
        ]
      : []),
  ];
}
