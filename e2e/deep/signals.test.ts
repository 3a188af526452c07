import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { operationOf, stepNames } from '../harness/conformance.ts';
import { liveEnv, preload, runMonitor, runVitest } from '../harness/run.ts';
import { arrival, metristEnv, startIam, startMetrist, startSilentServer } from '../harness/servers.ts';

const inFlight = [
  ['vitest run', 'is carried out without an answer', 'hang-after'],
  ['vitest run', 'is not carried out', 'hang'],
  // Teardown looks for what is not carried out for four seconds, which is the same code for both commands.
  ['awsiam run', 'is carried out without an answer', 'hang-after'],
] as const;

const inFlightAtSteps = inFlight.flatMap(([command, what, fault]) =>
  stepNames.map((step) => ({ command, step, what, fault })),
);

test.concurrent.for(inFlightAtSteps)(
  '$command: SIGTERM while the request of $step $what leaves nothing behind',
  async ({ command, step, fault }, { expect: check, onTestFinished }) => {
    const operation = operationOf(step);
    const iam = await startIam(`${operation}=${fault}:1`, { onTestFinished });
    const run = await runMonitor(command, {
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

/** Stages of a run after its steps, by the request at which they begin. */
const laterStages = [
  ['teardown', 'AddUserToGroup=AccessDenied:1,DeleteGroup=slow:300', 'DeleteGroup', 'SIGINT', 130],
  ['the sweep', 'ListUsers=hang:1', 'ListUsers', 'SIGHUP', 129],
] as const;

test.concurrent.for(laterStages)(
  'awsiam run: a signal during %s still ends the run in order',
  async ([, faults, operation, signal, code], { expect: check, onTestFinished }) => {
    const iam = await startIam(faults, { onTestFinished });
    const run = await runMonitor('awsiam run', {
      env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
      onStart: (child) => void arrival(iam, operation).then(() => child.kill(signal)),
      onTestFinished,
    });
    check(run.code, run.everything).toBe(code);
    check(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
    check(run.junit).toMatchObject({ tests: 8 });
  },
);

test.concurrent('awsiam run: a signal during the reports lets them come to their end', async (context) => {
  const { expect: check, onTestFinished } = context;
  const iam = await startIam('', { onTestFinished });
  const { silent, url } = await startSilentServer({ onTestFinished });
  const run = await runMonitor('awsiam run', {
    env: {
      ...liveEnv,
      ...metristEnv({ url }),
      AWS_ENDPOINT_URL_IAM: iam.url,
    },
    onStart: (child) =>
      silent.on('request', (_, response: ServerResponse) => {
        child.kill('SIGTERM');
        response.writeHead(403).end();
      }),
    onTestFinished,
  });
  check(run.code, run.everything).toBe(143);
  check(run.junit).toMatchObject({ tests: 8, failures: 0, errors: 0, skipped: 0 });
  check(run.stdout).toMatch(/! Metrist: .*not delivered/);
  check(run.stdout).toContain('awsiam live · 8 passed');
});

test.concurrent('awsiam run: a pause of the process interrupts the step, and posts nothing for it', async (context) => {
  const { expect: check, onTestFinished } = context;
  const iam = await startIam('CreateGroup=slow:1000:1', { onTestFinished });
  const metrist = await startMetrist({ onTestFinished });
  const pause = async ({ pid }: ChildProcess): Promise<void> => {
    await arrival(iam, 'CreateGroup');
    process.kill(Number(pid), 'SIGSTOP');
    // A pause counts from five seconds, and is noticed up to a second late.
    await delay(7500);
    process.kill(Number(pid), 'SIGCONT');
  };
  const run = await runMonitor('awsiam run', {
    env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url },
    onStart: (child) => void pause(child),
    onTestFinished,
  });
  check(run.code, run.everything).toBe(1);
  check(run.stdout).toMatch(/! CreateGroup .*the run was interrupted by a \d+ s pause of this process/);
  check(metrist.telemetry.map((body) => body['check_logical_name'])).toEqual(['CreateUser']);
  check(metrist.errors).toEqual([]);
  check(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
});
