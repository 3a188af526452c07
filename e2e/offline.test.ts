import { expect, test } from 'vitest';
import { onlyWaitLines, runVitest, secrets } from './harness/run.ts';
import { metristEnv, startIam, startMetrist } from './harness/servers.ts';

test('an offline run needs no settings and passes all eight steps', async () => {
  const run = await runVitest({ args: ['--mode', 'offline'] });
  expect(run, run.everything).toMatchObject({ code: 0, stderr: onlyWaitLines });
  expect(run.junit).toMatchObject({ tests: 8, failures: 0, errors: 0, skipped: 0 });
  expect(run.stdout).toMatch(/awsiam offline · 8 passed/);
});

test('an offline run calls neither IAM nor Metrist, however it is configured', async () => {
  const iam = await startIam();
  const metrist = await startMetrist();
  const run = await runVitest({
    args: ['--mode', 'offline'],
    env: { ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url },
  });
  expect(run.code, run.everything).toBe(0);
  expect(iam.calls).toEqual([]);
  expect(metrist.requests).toEqual([]);
  expect(run.everything).not.toContain(secrets.apiToken);
});

test('failures can be tried out with the mock', async () => {
  const run = await runVitest({
    args: ['--mode', 'offline'],
    env: { AWSIAM_MOCK_FAULTS: 'CreateGroup=ServiceFailure:1,AttachUserPolicy=Throttling', AWSIAM_MOCK_LATENCY: '2-9' },
  });
  expect(run.code).toBe(1);
  const [, createGroup, , , , attachPolicy, detachPolicy] = run.junit?.cases ?? [];
  expect(createGroup).toMatchObject({ outcome: 'passed', properties: { attempts: '2' } });
  expect(attachPolicy).toMatchObject({ outcome: 'failure', verdict: 'throttled' });
  expect(detachPolicy).toMatchObject({ outcome: 'skipped', message: 'AttachPolicy failed' });
});

test('an unknown fault is a configuration error that lists the known ones', async () => {
  const run = await runVitest({
    args: ['--mode', 'offline'],
    env: { AWSIAM_MOCK_FAULTS: 'AttachPolicy=Throttling,CreateUser=Flood' },
  });
  expect(run.code).toBe(1);
  expect(run.junit?.cases[0]).toMatchObject({ verdict: 'configuration' });
  expect(run.everything).toContain('did you mean AttachUserPolicy');
  expect(run.everything).toContain('ServiceUnavailable');
});
