import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { testValues } from '../../suites/awsiam/testing/values.ts';
import { redact } from '../../text/redact.ts';
import { setUpRun } from './run-setup.ts';

const options = { mode: 'live', frontEnd: 'run', baseDir: '/srv/awsiam', envProblems: [] } as const;

test('lists the problems of all settings, because each of them fails the run', async () => {
  const { settings } = await setUpRun(
    testValues({
      METRIST_NAMESPACE: '',
      METRIST_RESULTS_DIR: '<<ERROR: no such secret>>',
      METRIST_API_TOKEN: 'a-token-without-an-instance',
      AWSIAM_INTERVAL_SECS: 'often',
      AWSIAM_SUMMARY: 'perhaps',
    }),
    { ...options, envProblems: ['the file .env could not be read'] },
  );
  for (const words of [
    'METRIST_NAMESPACE',
    '.env could not be read',
    'METRIST_RESULTS_DIR',
    'AWSIAM_INTERVAL_SECS',
    'AWSIAM_SUMMARY',
    'METRIST_INSTANCE_ID',
  ]) {
    expect(settings.problems.join('\n')).toContain(words);
  }
});

test('an offline run has defaults, and needs no settings of Metrist', async () => {
  const setup = await setUpRun({ METRIST_API_TOKEN: 'a-token-without-an-instance' }, { ...options, mode: 'offline' });
  expect(setup.settings).toMatchObject({ problems: [], config: { namespace: 'offline' } });
});

test('hides the secrets of the settings from then on', async () => {
  await setUpRun(testValues({ METRIST_API_TOKEN: 'token-of-run-setup-test' }), options);
  expect(redact.text('it is token-of-run-setup-test')).toBe('it is [redacted]');
});

test('takes the interval from its caller, else from the settings', async () => {
  const values = testValues({ AWSIAM_INTERVAL_SECS: '300' });
  expect(await setUpRun(values, options)).toMatchObject({ intervalSecs: 300, resultsDir: '/srv/awsiam/results' });
  expect(await setUpRun(values, { ...options, intervalSecs: 7 })).toMatchObject({ intervalSecs: 7 });
});

test('if the code of a report does not load, no older report remains', async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-run-setup-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(path.join(dir, 'junit.xml'), '<testsuites name="old"/>');
  const setup = await setUpRun(testValues({ METRIST_RESULTS_DIR: dir }), options);
  const broken = {
    get mode(): 'live' {
      throw new Error('it does not load');
    },
  };
  await expect(setup.createReporters(broken)).rejects.toThrow('it does not load');
  expect(await readdir(dir)).toEqual([]);
});
