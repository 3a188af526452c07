import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { operationOf, stepNames } from '../harness/conformance.ts';
import { liveEnv, preload, runVitest } from '../harness/run.ts';
import { arrival, metristEnv, startIam, startMetrist } from '../harness/servers.ts';

const inFlight = stepNames.flatMap((step) =>
  [
    ['is carried out without an answer', 'hang-after'],
    ['is not carried out', 'hang'],
  ].map(([what = '', fault = '']) => ({ step, what, fault })),
);

test.concurrent.for(inFlight)(
  'SIGTERM while the request of $step $what leaves nothing behind',
  async ({ step, fault }, { expect: check, onTestFinished }) => {
    const operation = operationOf(step);
    const iam = await startIam(`${operation}=${fault}:1`, { onTestFinished });
    const run = await runVitest({
      env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
      onStart: (child) => void arrival(iam, operation).then(() => child.kill('SIGTERM')),
      onTestFinished,
    });
    check(run.code, run.everything).toBe(143);
    check(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
    check(run.junit?.cases.find(({ name }) => name === step)).toMatchObject({ outcome: 'skipped' });
  },
);

test('a process that was paused while its worker started posts nothing, and says why', async () => {
  const [iam, metrist] = [await startIam(), await startMetrist()];
  const resume = async ({ pid }: ChildProcess): Promise<void> => {
    while (!/\) T/.test(await readFile(`/proc/${pid}/stat`, 'utf8'))) await delay(50);
    await delay(6500);
    process.kill(Number(pid), 'SIGCONT');
  };
  const run = await runVitest({
    env: {
      ...liveEnv,
      ...metristEnv(metrist),
      ...preload('stop-at-worker-start.ts'),
      AWS_ENDPOINT_URL_IAM: iam.url,
    },
    onStart: (child) => void resume(child),
  });
  expect(run.code, run.everything).toBe(1);
  expect(run.junit).toMatchObject({ tests: 8, failures: 0, errors: 0, skipped: 8 });
  expect(run.stdout).toMatch(/the run was interrupted by a \d+ s pause of this process/);
  expect([metrist.telemetry, metrist.errors, iam.calls]).toEqual([[], [], []]);
});
