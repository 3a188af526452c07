import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { listEntities } from '../mocks/iam/seeding.ts';
import { createIamState } from '../mocks/iam/state.ts';
import { mountSmallDisk } from '../runner/testing/needs.ts';
import { stepNames } from './harness/conformance.ts';
import { readRuns } from './harness/read-history.ts';
import { liveEnv, makeResultsDir, runVitest } from './harness/run.ts';
import { startIam } from './harness/servers.ts';

test('two live runs at once write two whole lines, with account, region, namespace and interval, and remove old files', async () => {
  const iam = await startIam('', { state: createIamState({ accountId: '210987654321' }) });
  const resultsDir = await makeResultsDir();
  const runsDir = path.join(resultsDir, 'runs');
  await mkdir(runsDir);
  for (const name of ['2020-01-01.ndjson', '2020-01-01.txt']) await writeFile(path.join(runsDir, name), '');
  const env = {
    ...liveEnv,
    AWS_ENDPOINT_URL_IAM: iam.url,
    METRIST_RESULTS_DIR: resultsDir,
    METRIST_INSTANCE_ID: 'e2e-1',
    AWSIAM_INTERVAL_SECS: '300',
    AWSIAM_HISTORY_DAYS: '30',
  };
  const ended = await Promise.all([runVitest({ env }), runVitest({ env })]);
  for (const run of ended) expect(run.code, run.everything).toBe(0);

  const runs = await readRuns(resultsDir);
  expect(runs).toHaveLength(2);
  for (const run of runs) {
    expect(run).toMatchObject({
      schema: 1,
      frontEnd: 'vitest',
      mode: 'live',
      instance: 'e2e-1',
      namespace: 'e2e',
      region: 'us-east-1',
      account: '210987654321',
      endpoint: '127.0.0.1',
      testUser: expect.stringMatching(/^testuser-e2e-/) as unknown,
      intervalSecs: 300,
      state: 'passed',
      swept: 0,
    });
    expect(run.sweptRemaining).toBeGreaterThanOrEqual(0);
    expect(run.steps.map(({ name, state }) => [name, state])).toEqual(stepNames.map((name) => [name, 'passed']));
  }
  const names = await readdir(runsDir);
  expect(names).toContain('2020-01-01.txt');
  expect(names).not.toContain('2020-01-01.ndjson');
});

test('a step that sends several requests records each of them, and any other step none', async () => {
  const iam = await startIam('CreateGroup=Throttling:2,AddUserToGroup=NoSuchEntity:2,DeleteGroup=reset-after:1');
  const run = await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.code, run.everything).toBe(0);
  const [record] = await readRuns(run.resultsDir);
  const known = record?.steps.flatMap((step) =>
    'evidence' in step && step.evidence.tries !== undefined
      ? [{ ...step, ...step.evidence, tries: step.evidence.tries }]
      : [],
  );
  expect(known?.map(({ name, tries }) => [name, tries.map(({ code, wait }) => [code, wait])])).toEqual([
    [
      'CreateGroup',
      [
        ['Throttling', 'retry'],
        ['Throttling', 'retry'],
        [undefined, undefined],
      ],
    ],
    [
      'AddUserToGroup',
      [
        ['NoSuchEntity', 'propagation'],
        ['NoSuchEntity', 'propagation'],
        [undefined, undefined],
      ],
    ],
    [
      'DeleteGroup',
      [
        ['ECONNRESET', 'retry'],
        ['NoSuchEntity', undefined],
      ],
    ],
  ]);
  for (const step of known ?? []) {
    expect(step.tries).toHaveLength(step.attempts ?? 0);
    const statuses = iam.calls.filter(({ operation }) => operation === step.name).map(({ status }) => status);
    expect(step.tries.map(({ httpStatus }) => httpStatus)).toEqual(statuses.slice(0, step.tries.length));
    const last = step.tries.at(-1);
    expect(last).toMatchObject({
      requestId: step.requestId,
      httpStatus: step.httpStatus,
      durationMs: step.lastAttemptMs,
    });
    // They follow one another within the step.
    let endMs = 0;
    for (const { offsetMs, durationMs } of step.tries) {
      expect(offsetMs).toBeGreaterThanOrEqual(endMs);
      endMs = offsetMs + durationMs;
    }
    expect(endMs).toBeLessThanOrEqual(step.durationMs + 0.01);
    const ids = step.tries.flatMap(({ requestId }) => requestId ?? []);
    expect(new Set(ids).size).toBe(ids.length);
  }
});

test('a run that made nothing records where it would have worked', async () => {
  const iam = await startIam('CreateUser=AccessDenied:1');
  const run = await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.code).toBe(1);
  const [record] = await readRuns(run.resultsDir);
  expect(record).toMatchObject({ state: 'failed', namespace: 'e2e', region: 'us-east-1' });
  expect(record).not.toHaveProperty('account');
});

test('a full disk costs the line and nothing else', async (context) => {
  const iam = await startIam();
  const resultsDir = await makeResultsDir();
  const runsDir = path.join(resultsDir, 'runs');
  await mkdir(runsDir);
  await mountSmallDisk(context, runsDir, '4k');
  await writeFile(path.join(runsDir, 'full'), Buffer.alloc(4096));
  const run = await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir } });
  expect(run.code, run.everything).toBe(0);
  expect(run.stdout).toMatch(/! history .* could not be written: ENOSPC/);
  expect(await readFile(path.join(resultsDir, 'junit.xml'), 'utf8')).toContain('tests="8"');
  expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
});

test('wrong settings of the history fail the first step, and AWS is not called', async () => {
  const iam = await startIam();
  const run = await runVitest({
    env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, AWSIAM_HISTORY_DAYS: '0', AWSIAM_INTERVAL_SECS: 'often' },
  });
  expect(run.code).toBe(1);
  expect(run.everything).toContain('AWSIAM_HISTORY_DAYS is "0": expected a whole number of days');
  expect(run.everything).toContain('AWSIAM_INTERVAL_SECS is "often": expected seconds');
  expect(iam.calls).toEqual([]);
});
