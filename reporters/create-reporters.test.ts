import { describe, expect, test } from 'vitest';
import { createReporters, loadDerived } from './create-reporters.ts';
import { passedRun } from './testing/runs.ts';

const metrist = {
  token: 'k3v0secret',
  instance: 'us-east-1',
  baseUrl: 'https://metrist.example',
  requireDelivery: false,
};
const history = { intervalSecs: 120, historyDays: 90 };
const operations = {};
const resultsDir = '/srv/results';
const stepsFile = 'suites/awsiam/steps.ts';
const destination = { config: metrist, userAgent: 'awsiam/0.0.0', values: {} };

describe('createReporters', () => {
  test.for([
    [
      'vitest with a config for Metrist',
      { mode: 'live', frontEnd: 'vitest', resultsDir, history, operations, stepsFile, metrist: destination },
      [
        'JUnit /srv/results/junit.xml',
        'history /srv/results/runs',
        'Metrist',
        'metrics /srv/results/awsiam.prom',
        'report /srv/results/report.html',
      ],
    ],
    [
      'vitest without one',
      {
        mode: 'live',
        frontEnd: 'vitest',
        resultsDir,
        history,
        operations,
        stepsFile,
      },
      [
        'JUnit /srv/results/junit.xml',
        'history /srv/results/runs',
        'metrics /srv/results/awsiam.prom',
        'report /srv/results/report.html',
      ],
    ],
    [
      'vitest with a summary',
      {
        mode: 'live',
        frontEnd: 'vitest',
        resultsDir,
        history,
        operations,
        stepsFile,
        summary: { isFileWanted: true, jobSummary: '/job.md' },
      },
      [
        'JUnit /srv/results/junit.xml',
        'history /srv/results/runs',
        'metrics /srv/results/awsiam.prom',
        'report /srv/results/report.html',
        'summary /srv/results/summary.md',
      ],
    ],
    [
      'an offline run, which has no metrics',
      {
        mode: 'offline',
        frontEnd: 'vitest',
        resultsDir,
        history,
        operations,
        stepsFile,
      },
      ['JUnit /srv/results/junit.xml', 'history /srv/results/runs', 'report /srv/results/report.html'],
    ],
    [
      'the Orchestrator with a results directory',
      { mode: 'live', frontEnd: 'orchestrator', resultsDir, history, operations },
      ['history /srv/results/runs', 'metrics /srv/results/awsiam.prom', 'report /srv/results/report.html'],
    ],
    ['the Orchestrator without one', { mode: 'live', frontEnd: 'orchestrator', history, operations }, []],
  ] as const)('for %s: what is on disk, then Metrist, then what is derived', async ([, options, expected]) => {
    expect((await createReporters(options)).map(({ what }) => what)).toEqual(expected);
  });

  test.for(['http://', 'ftp//nonsense', '://'])('an invalid proxy (%s) costs no report', async (proxy) => {
    const reports = { stepsFile, metrist: { ...destination, values: { HTTPS_PROXY: proxy } } };
    expect(
      await createReporters({ mode: 'live', frontEnd: 'vitest', resultsDir, history, operations, ...reports }),
    ).toHaveLength(5);
  });

  test('a derived report whose code does not load says so when it is its turn', async () => {
    const broken = await loadDerived('report results/report.html', () => Promise.reject(new Error('no such file')));
    expect(await broken.report(passedRun, [])).toEqual({
      ok: false,
      text: 'report results/report.html not written: its code could not be loaded: Error: no such file',
    });
  });
});
