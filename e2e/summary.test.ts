import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { liveEnv, makeResultsDir, runVitest } from './harness/run.ts';
import { startIam } from './harness/servers.ts';

test('an offline run in a GitHub job says in the first line of its summary that it is a rehearsal', async () => {
  const jobSummary = path.join(await makeResultsDir(), 'job.md');
  const run = await runVitest({ args: ['--mode', 'offline'], env: { GITHUB_STEP_SUMMARY: jobSummary } });
  expect(run.code, run.everything).toBe(0);
  const text = await readFile(jobSummary, 'utf8');
  expect(text).toMatch(/^## Rehearsal, offline over the mock: ✓ .*all 8 steps passed in /);
  expect(text).not.toContain('On our side');
});

test('a live run that fails sums up whose side it is on, on request also in a file', async () => {
  const iam = await startIam('CreateGroup=ServiceFailure:3');
  const jobSummary = path.join(await makeResultsDir(), 'job.md');
  const env = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, GITHUB_STEP_SUMMARY: jobSummary, AWSIAM_SUMMARY: 'true' };
  const run = await runVitest({ env });
  expect(run.code).toBe(1);
  const text = await readFile(jobSummary, 'utf8');
  expect(text).toMatch(/^## ✗ IAM failed at CreateGroup: service \(IAM's side\)\n/);
  expect(text).toContain('**What to do:**');
  expect(await readFile(path.join(run.resultsDir, 'summary.md'), 'utf8')).toBe(text);
});

test('a summary that cannot be written costs one clear line', async () => {
  const run = await runVitest({ args: ['--mode', 'offline'], env: { GITHUB_STEP_SUMMARY: '/proc/none/job.md' } });
  expect(run.code, run.everything).toBe(0);
  expect(run.stdout).toMatch(/ {2}! summary of the GitHub job could not be written: ENOENT/);
});

test('a wrong AWSIAM_SUMMARY fails the first step, and AWS is not called', async () => {
  const iam = await startIam();
  const run = await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, AWSIAM_SUMMARY: 'summary.md' } });
  expect(run.code).toBe(1);
  expect(run.everything).toContain('AWSIAM_SUMMARY is "summary.md": expected 1, true');
  expect(iam.calls).toEqual([]);
});
