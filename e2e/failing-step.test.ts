import { expect, test } from 'vitest';
import { listEntities } from '../mocks/iam/seeding.ts';
import { operationOf, stepNames } from './harness/conformance.ts';
import { liveEnv, runVitest } from './harness/run.ts';
import { metristEnv, startIam, startMetrist } from './harness/servers.ts';

test.for(stepNames)('when %s fails, the later steps are blocked and nothing is left behind', async (name) => {
  const position = stepNames.indexOf(name);
  // Refused only once, so that teardown succeeds.
  const iam = await startIam(`${operationOf(name)}=AccessDenied:1`);
  const metrist = await startMetrist();
  const run = await runVitest({ env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url } });

  expect(run.code, run.everything).toBe(1);
  expect(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });

  expect(metrist.telemetry.map((body) => body['check_logical_name'])).toEqual(stepNames.slice(0, position));
  expect(metrist.errors).toEqual([
    expect.objectContaining({
      check_logical_name: name,
      blocked_steps: stepNames.slice(position + 1),
      message: expect.stringMatching(/^permission: AccessDenied \(HTTP 403\) at /),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/),
    }),
  ]);
  expect([...metrist.swallowed, ...metrist.problems]).toEqual([]);

  expect(run.junit).toMatchObject({ tests: 8, failures: 0, errors: 1, skipped: 7 - position });
  expect(run.junit?.cases.map(({ outcome }) => outcome)).toEqual(
    stepNames.map((_, index) => (index < position ? 'passed' : index === position ? 'error' : 'skipped')),
  );
  expect(run.junit?.cases[position]).toMatchObject({ name, verdict: 'permission' });
  expect(run.junit?.cases[position + 1]?.message ?? `${name} failed`).toBe(`${name} failed`);
  expect(run.stdout).toContain(`iam:${operationOf(name)} is not allowed`);
});

test('a failure of AWS is a failure in JUnit, with the request id', async () => {
  const iam = await startIam('CreateGroup=ServiceFailure');
  const run = await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.junit).toMatchObject({ failures: 1, errors: 0, skipped: 6 });
  const [, createGroup] = run.junit?.cases ?? [];
  expect(createGroup).toMatchObject({
    verdict: 'service',
    properties: { code: 'ServiceFailure', attempts: '3', httpStatus: '500' },
  });
  expect(run.stdout).toContain(createGroup?.properties['requestId'] ?? 'no request id');
  expect(run.stdout).toContain('3 attempts');
});
