import { expect, test } from 'vitest';
import { createReporters } from './create-reporters.ts';
import { HistoryReporter } from './history.ts';
import { JunitReporter } from './junit.ts';
import { MetristReporter } from './metrist.ts';

const metrist = {
  token: 'k3v0secret',
  instance: 'us-east-1',
  baseUrl: 'https://metrist.example',
  requireDelivery: false,
};
const options = {
  resultsDir: '/srv/results',
  history: { intervalSecs: 120, historyDays: 90 },
  stepsFile: 'suites/awsiam/steps.ts',
  metrist,
  userAgent: 'awsiam/0.0.0',
  values: {},
};

test.for([
  [
    'with a config for Metrist: to disk first, then to Metrist',
    metrist,
    [JunitReporter, HistoryReporter, MetristReporter],
  ],
  ['without one: to disk alone', undefined, [JunitReporter, HistoryReporter]],
] as const)('%s', async ([, config, classes]) => {
  const reporters = await createReporters({ ...options, metrist: config });
  expect(reporters.map((reporter) => reporter.constructor)).toEqual(classes);
});

test.for(['http://', 'ftp//nonsense', '://'])('an invalid proxy (%s) costs no report', async (proxy) => {
  expect(await createReporters({ ...options, values: { HTTPS_PROXY: proxy } })).toHaveLength(3);
});
