import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkResultsDir, readResultsDir } from './results-dir.ts';

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
  expect(readResultsDir({ METRIST_RESULTS_DIR: value }, '/srv/awsiam')).toBe(dir);
});

test('a directory, and a path where there is nothing yet, are fine', async () => {
  const dir = await makeDir();
  for (const value of [dir, path.join(dir, 'a/b'), '', undefined]) {
    expect(checkResultsDir({ METRIST_RESULTS_DIR: value }, '/')).toEqual([]);
  }
});

test('a file is refused, and so is a path through one', async () => {
  const file = path.join(await makeDir(), 'file');
  await writeFile(file, '');
  for (const value of [file, path.join(file, 'below')]) {
    expect(checkResultsDir({ METRIST_RESULTS_DIR: value }, '/')).toEqual([
      `METRIST_RESULTS_DIR is "${value}": expected a directory, or a path where one can be made; there is a file`,
    ]);
  }
});

test('what the Orchestrator could not resolve is refused', () => {
  expect(checkResultsDir({ METRIST_RESULTS_DIR: '<<ERROR: no such secret>>' }, '/')).toEqual([
    expect.stringContaining('METRIST_RESULTS_DIR could not be resolved'),
  ]);
});
