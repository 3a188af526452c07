import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseResultsDir, shortenPath } from './results-dir.ts';

async function makeDir(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-results-dir-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  return dir;
}

test.for([
  [undefined, '/srv/awsiam/results'],
  ['', '/srv/awsiam/results'],
  [' ', '/srv/awsiam/results'],
  ['<<ERROR: secret x not found>>', '/srv/awsiam/results'],
  [' /var/lib/awsiam ', '/var/lib/awsiam'],
  ['out/put', '/srv/awsiam/out/put'],
] as const)('METRIST_RESULTS_DIR=%j means %s', ([value, dir]) => {
  expect(parseResultsDir({ METRIST_RESULTS_DIR: value }, '/srv/awsiam').dir).toBe(dir);
});

test('an existing directory and a path that does not exist yet are fine', async () => {
  const dir = await makeDir();
  for (const value of [dir, path.join(dir, 'a/b'), '', undefined]) {
    expect(parseResultsDir({ METRIST_RESULTS_DIR: value }, '/').problems).toEqual([]);
  }
});

test('a file is refused, and so is a path through one', async () => {
  const file = path.join(await makeDir(), 'file');
  await writeFile(file, '');
  for (const value of [file, path.join(file, 'below')]) {
    expect(parseResultsDir({ METRIST_RESULTS_DIR: value }, '/').problems).toEqual([
      `METRIST_RESULTS_DIR is "${value}": expected a directory, or a path where one can be made; a file is in the way`,
    ]);
  }
});

test('an unresolved value is refused', () => {
  expect(parseResultsDir({ METRIST_RESULTS_DIR: '<<ERROR: no such secret>>' }, '/').problems).toEqual([
    expect.stringContaining('METRIST_RESULTS_DIR could not be resolved'),
  ]);
});

test.for([
  ['/srv/awsiam/results/junit.xml', '/srv/awsiam', 'results/junit.xml'],
  ['/srv/awsiam/results/junit.xml', '/home/me', '/srv/awsiam/results/junit.xml'],
  ['/srv/awsiam', '/srv/awsiam', '/srv/awsiam'],
  ['/srv/awsiam-2/junit.xml', '/srv/awsiam', '/srv/awsiam-2/junit.xml'],
  ['/results/junit.xml', '/', '/results/junit.xml'],
] as const)('shows %s in the working directory %s as %s', ([file, workingDir, shown]) => {
  expect(shortenPath(file, workingDir)).toBe(shown);
});
