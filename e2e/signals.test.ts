import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChildProcess } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { listEntities } from '../mocks/iam/seeding.ts';
import type { IamCall } from '../mocks/iam/endpoint.ts';
import type { IamServer } from '../mocks/iam/server.ts';
import { steps } from '../suites/awsiam/steps.ts';
import { liveEnv, runVitest } from './harness/run-vitest.ts';
import { metristEnv, startIam, startMetrist } from './harness/start.ts';

const stepNames = steps.map(({ name }) => name);
const operations = steps.map(({ name }) => name.replace(/^(At|De)tachPolicy$/, '$1tachUserPolicy'));

/** Resolves when a request of the operation is there. */
async function arrival(iam: IamServer, operation: string): Promise<void> {
  for (;;) {
    const [call] = (await once(iam.events, 'call')) as [IamCall];
    if (call.operation === operation) return;
  }
}

const signalled = [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const;

test.for(signalled)('%s in the middle of a step ends the run in order, with code %d', async ([signal, code]) => {
  const iam = await startIam('AddUserToGroup=hang-after:1');
  const metrist = await startMetrist();
  const run = await runVitest({
    env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url },
    onStart: (child) => void arrival(iam, 'AddUserToGroup').then(() => child.kill(signal)),
  });
  expect(run.code, run.everything).toBe(code);
  expect(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
  // What was cut off is neither a success nor a failure; what passed before is true all the same.
  expect(metrist.telemetry.map((body) => body['check_logical_name'])).toEqual(['CreateUser', 'CreateGroup']);
  expect(metrist.errors).toEqual([]);
  expect(run.junit).toMatchObject({ tests: 8, failures: 0, errors: 0, skipped: 6 });
  expect(run.junit?.cases[2]?.message).toContain(signal);
  expect(run.stderr).toContain(`${signal}: stopping`);
});

test('signals that come again, and to the whole process group, do not keep teardown from its work', async () => {
  const iam = await startIam('AddUserToGroup=hang-after:1,DeleteGroup=slow:300');
  const again = (child: ChildProcess): void => {
    void arrival(iam, 'AddUserToGroup').then(() => child.kill('SIGINT'));
    void arrival(iam, 'DeleteGroup').then(() => {
      child.kill('SIGINT');
      child.kill('SIGTERM');
    });
  };
  const run = await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url }, onStart: again });
  expect(run.code, run.everything).toBe(130);
  expect(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
});

test('a signal before the first step stops the run before it calls IAM', async () => {
  const iam = await startIam();
  // A container's credentials endpoint that never answers: the run waits for it before its first step.
  const silent = http.createServer(() => {}).listen(0, '127.0.0.1');
  onTestFinished(() => silent.closeAllConnections());
  onTestFinished(() => void silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const run = await runVitest({
    env: {
      METRIST_AWS_REGION: 'us-east-1',
      METRIST_NAMESPACE: 'e2e',
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/credentials`,
      AWS_ENDPOINT_URL_IAM: iam.url,
    },
    onStart: (child) => void once(silent, 'request').then(() => child.kill('SIGTERM')),
  });
  expect(run.code, run.everything).toBe(143);
  expect(iam.calls).toEqual([]);
  expect(run.junit).toMatchObject({ tests: 8, failures: 0, errors: 0, skipped: 8 });
  expect(run.stdout).not.toContain('left behind');
});

test.for(stepNames.map((name, index) => [name, operations[index] ?? ''] as const))(
  'SIGTERM while %s is in flight leaves nothing behind, whether or not it was carried out',
  async ([name, operation]) => {
    const interrupt = async (fault: string): Promise<void> => {
      const iam = await startIam(`${operation}=${fault}:1`);
      const run = await runVitest({
        env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
        onStart: (child) => void arrival(iam, operation).then(() => child.kill('SIGTERM')),
      });
      expect(run.code, run.everything).toBe(143);
      expect(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
      expect(run.junit?.cases.find((each) => each.name === name)).toMatchObject({ outcome: 'skipped' });
    };
    await Promise.all([interrupt('hang'), interrupt('hang-after')]);
  },
);
