import { expect, test } from 'vitest';
import { listEntities } from '../mocks/iam/seeding.ts';
import { createIamState } from '../mocks/iam/state.ts';
import { operationOf, stepNames } from './harness/conformance.ts';
import { liveEnv, onlyWaitLines, runVitest, secrets } from './harness/run.ts';
import { metristEnv, startIam, startMetrist } from './harness/servers.ts';

test('a live run makes the eight calls in order, posts eight results and leaves nothing behind', async () => {
  const iam = await startIam();
  const metrist = await startMetrist();
  const run = await runVitest({ env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url } });

  expect(run, run.everything).toMatchObject({ code: 0, stderr: onlyWaitLines });
  // After the steps the sweep looks for leftovers of earlier runs.
  expect(iam.calls.map(({ operation }) => operation)).toEqual([
    ...stepNames.map(operationOf),
    'ListGroups',
    'ListUsers',
  ]);
  expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });

  expect(metrist.errors).toEqual([]);
  expect([...metrist.swallowed, ...metrist.problems]).toEqual([]);
  expect(metrist.telemetry.map((body) => body['check_logical_name'])).toEqual(stepNames);
  // The values are the times of the steps, as in the JUnit report, which rounds them to milliseconds.
  for (const [index, { value, metadata }] of metrist.telemetry.entries()) {
    const junitCase = run.junit?.cases[index];
    expect(Math.round(Number(value))).toBe(Math.round((junitCase?.timeSecs ?? NaN) * 1000));
    expect(value).toBeGreaterThan(0);
    expect(metadata).toMatchObject({ 'metrist.source': 'monitor', httpStatus: 200, attempts: 1 });
  }
  expect(run.junit).toMatchObject({ tests: 8, failures: 0, errors: 0, skipped: 0 });
});

test('the output is one line per step and one line that says where the results went', async () => {
  const iam = await startIam();
  const metrist = await startMetrist();
  const run = await runVitest({ env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url } });

  const time = expect.stringMatching(/^\d+(\.\d+)? m?s$/);
  const lines = run.stdout.trimEnd().split('\n');
  expect(lines.slice(0, 8).map((line) => line.trim().split(/ {2,}|(?<=✓) /))).toEqual(
    stepNames.map((name) => ['✓', name, time]),
  );
  expect(lines.slice(8).join('')).toMatch(
    /awsiam live · 8 passed in .* · 8 results to Metrist \(e2e-1\) · report .*report\.html$/,
  );
  // No escape codes: the output is not a terminal.
  expect(run.stdout).not.toContain('\u001B');
});

test('a wait of more than two seconds is reported while it lasts', async () => {
  const iam = await startIam('AddUserToGroup=slow:3200:1');
  const run = await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.code, run.everything).toBe(0);
  expect(run.stderr).toMatch(/^ {2}… AddUserToGroup: waiting for the answer to AddUserToGroup \(\d+ s\)$/m);
});

test('the user agent of every request names awsiam and its version', async () => {
  const iam = await startIam();
  await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(new Set(iam.calls.map(({ userAgent }) => /awsiam\/\d+\.\d+\.\d+/.test(userAgent ?? '')))).toEqual(
    new Set([true]),
  );
});

test('the test policy is in the partition and account of the created user, unless ARNs of it and of a boundary are set', async () => {
  const china = await startIam('', { state: createIamState({ partition: 'aws-cn', accountId: '210987654321' }) });
  const run = await runVitest({
    env: { ...liveEnv, METRIST_AWS_REGION: 'cn-north-1', AWS_ENDPOINT_URL_IAM: china.url },
  });
  expect(run.code, run.everything).toBe(0);
  const attach = china.calls.find(({ operation }) => operation === 'AttachUserPolicy');
  expect(attach?.params['PolicyArn']).toBe(
    'arn:aws-cn:iam::210987654321:policy/AwsIamMonitorTestPolicies/e2e-cn-north-1-awsiam-testpolicy',
  );

  const given = await startIam();
  const arn = 'arn:aws:iam::aws:policy/AWSDenyAll';
  const arns = { METRIST_POLICY_ARN: arn, METRIST_PERMISSIONS_BOUNDARY_ARN: arn };
  await runVitest({ env: { ...liveEnv, ...arns, AWS_ENDPOINT_URL_IAM: given.url } });
  expect(given.calls.find(({ operation }) => operation === 'AttachUserPolicy')?.params['PolicyArn']).toBe(arn);
  expect(given.calls[0]?.params['PermissionsBoundary']).toBe(arn);
  expect(china.calls[0]?.params).not.toHaveProperty('PermissionsBoundary');
});

test('the Orchestrator’s names of the variables work too, and take precedence', async () => {
  const iam = await startIam();
  const run = await runVitest({
    env: {
      METRIST_AWSIAM_A_W_S_ACCESS_KEY_ID: secrets.accessKeyId,
      METRIST_AWSIAM_A_W_S_SECRET_ACCESS_KEY: secrets.secretAccessKey,
      METRIST_AWSIAM_A_W_S_REGION: 'eu-west-1',
      METRIST_AWSIAM_NAMESPACE: 'orchestrated',
      METRIST_NAMESPACE: 'loses',
      AWS_ENDPOINT_URL_IAM: iam.url,
    },
  });
  expect(run.code, run.everything).toBe(0);
  expect(iam.calls[0]?.params['UserName']).toMatch(/^testuser-orchestrated-/);
});
