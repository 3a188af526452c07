import { expect, test } from 'vitest';
import { createReporters } from './create-reporters.ts';
import { HistoryReporter } from './history.ts';
import { JunitReporter } from './junit.ts';
import { MetristReporter } from './metrist.ts';

const metrist = { METRIST_API_TOKEN: 'k3v0secret', METRIST_INSTANCE_ID: 'us-east-1' };

test.for([
  [
    'live with a token: to disk first, then to Metrist',
    metrist,
    'live',
    [JunitReporter, HistoryReporter, MetristReporter],
  ],
  ['live without a token: to disk alone', {}, 'live', [JunitReporter, HistoryReporter]],
  [
    'live with settings of Metrist that are wrong: to disk alone',
    { METRIST_API_TOKEN: 'k3v0secret' },
    'live',
    [JunitReporter, HistoryReporter],
  ],
  ['offline with a token: to disk alone', metrist, 'offline', [JunitReporter, HistoryReporter]],
] as const)('%s', async ([, values, mode, classes]) => {
  const options = { mode, resultsDir: '/srv/results', stepsFile: 'suites/awsiam/steps.ts', userAgent: 'awsiam/0.0.0' };
  expect((await createReporters(values, options)).map((reporter) => reporter.constructor)).toEqual(classes);
});

test.for(['http://', 'ftp//nonsense', '://'])('a proxy that cannot be meant (%s) costs no report', async (proxy) => {
  const options = {
    mode: 'live',
    resultsDir: '/srv/results',
    stepsFile: 'suites/awsiam/steps.ts',
    userAgent: 'awsiam/0.0.0',
  } as const;
  expect(await createReporters({ ...metrist, HTTPS_PROXY: proxy }, options)).toHaveLength(3);
});
