import os from 'node:os';
import path from 'node:path';
import { createMetristApi } from '../metrist/api.ts';
import { parseMetristConfig } from '../metrist/config.ts';
import type { RunMode } from '../runner/monitor-run.ts';
import type { Values } from '../runner/monitor.ts';
import type { RunReporter } from '../runner/run-reporter.ts';
import { JunitReporter } from './junit.ts';
import { MetristReporter } from './metrist.ts';

/** Where finished runs go, in this order: what is on disk is there before anything is sent. A new report is one line. */
export function createReporters(values: Values, mode: RunMode, userAgent: string): RunReporter[] {
  const resultsDir = values['METRIST_RESULTS_DIR'] || 'results';
  const { config: metrist } = parseMetristConfig(values);
  return [
    new JunitReporter({
      file: path.join(resultsDir, 'junit.xml'),
      hostname: os.hostname(),
      stepsFile: 'suites/awsiam/steps.ts',
    }),
    ...(mode === 'live' && metrist !== undefined
      ? [new MetristReporter({ api: createMetristApi({ ...metrist, userAgent }), instance: metrist.instance })]
      : []),
  ];
}
