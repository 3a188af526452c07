import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { seedStaleUsers } from '../../suites/awsiam/testing/stale.ts';
import { copyProject, runAwsiam, liveEnv, projectDir, runVitest, secrets } from '../harness/run.ts';
import { metristEnv, startIam, startMetrist } from '../harness/servers.ts';

test('without settings the first step fails, names every missing variable, says what to do, and AWS is not called', async () => {
  const iam = await startIam();
  const run = await runVitest({ env: { AWS_ENDPOINT_URL_IAM: iam.url }, cwd: await copyProject() });
  expect(run.code).toBe(1);
  expect(iam.calls).toEqual([]);
  for (const words of [
    'METRIST_AWS_ACCESS_KEY_ID',
    'METRIST_AWS_SECRET_ACCESS_KEY',
    'METRIST_AWS_REGION',
    'METRIST_NAMESPACE',
    '.env',
    'npx vitest run --mode offline',
  ]) {
    expect(run.stdout).toContain(words);
  }
  expect(run.junit).toMatchObject({ tests: 8, errors: 1, skipped: 7 });
  expect(run.junit?.cases[0]).toMatchObject({ name: 'CreateUser', outcome: 'error', verdict: 'configuration' });
});

test('a wrong setting is reported to Metrist as an error of the first step, because without it Metrist would show IAM as up', async () => {
  const metrist = await startMetrist();
  await runVitest({ env: { ...liveEnv, ...metristEnv(metrist), METRIST_AWS_REGION: 'us-east' } });
  expect(metrist.telemetry).toEqual([]);
  expect(metrist.errors).toEqual([
    expect.objectContaining({ check_logical_name: 'CreateUser', message: expect.stringMatching(/^configuration: /) }),
  ]);
  expect(metrist.errors[0]?.['blocked_steps']).toHaveLength(7);
});

test('a token without an instance is listed together with the other problems', async () => {
  const run = await runVitest({
    env: { ...liveEnv, METRIST_NAMESPACE: 'a b', METRIST_API_TOKEN: secrets.apiToken },
  });
  expect(run.stdout).toContain('METRIST_INSTANCE_ID');
  expect(run.stdout).toContain('METRIST_NAMESPACE');
  expect(run.everything).not.toContain(secrets.apiToken);
});

test('the file .env is read, and a variable of the environment takes precedence unless it is empty', async () => {
  const iam = await startIam();
  const dir = await copyProject();
  const lines = Object.entries(liveEnv).map(([name, value]) => `${name}="${value}"`);
  await writeFile(path.join(dir, '.env'), lines.join('\n'));
  const env = { METRIST_AWS_REGION: '', METRIST_NAMESPACE: 'wins', AWS_ENDPOINT_URL_IAM: iam.url };
  const run = await runVitest({ cwd: dir, env });
  expect(run.code, run.everything).toBe(0);
  expect(iam.calls[0]?.params['UserName']).toMatch(/^testuser-wins-/);

  const command = await runAwsiam(['cleanup', '--dry-run'], { ...env, METRIST_NAMESPACE: ' ' }, { checkout: dir });
  expect(command.code, command.everything).toBe(0);
  expect(command.stdout).toContain('of the namespace e2e would be removed');
});

test('a switch with an unknown value is refused, and nothing is deleted unless cleanup is on', async () => {
  const runs = await Promise.all(
    ['off', 'disabled'].map(async (value) => {
      const iam = await startIam();
      seedStaleUsers(iam.state, 'e2e', 2);
      const env = { ...liveEnv, METRIST_CLEANUP_ENABLED: value, AWS_ENDPOINT_URL_IAM: iam.url };
      return { iam, run: await runVitest({ env }) };
    }),
  );
  for (const { iam, run } of runs) expect(listEntities(iam.state).users, run.everything).toHaveLength(2);
  const [off, disabled] = runs;
  expect(off?.run.code, off?.run.everything).toBe(0);
  expect(disabled?.run.code).toBe(1);
  expect(disabled?.run.stdout).toContain('METRIST_CLEANUP_ENABLED is "disabled": expected 1, true, yes or on');
  expect(disabled?.iam.calls).toEqual([]);
});

test('a wrong METRIST_REQUIRE_DELIVERY fails the first step, in Metrist too', async () => {
  const [iam, metrist] = [await startIam(), await startMetrist()];
  const env = { ...liveEnv, ...metristEnv(metrist), METRIST_REQUIRE_DELIVERY: 'always', AWS_ENDPOINT_URL_IAM: iam.url };
  const run = await runVitest({ env });
  expect(run.code).toBe(1);
  expect(metrist.errors).toEqual([
    expect.objectContaining({ message: expect.stringContaining('METRIST_REQUIRE_DELIVERY is "always"') }),
  ]);
  expect(iam.calls).toEqual([]);
});

test('a results directory that is a file fails the first step in both modes, and AWS is not called', async () => {
  const iam = await startIam();
  const file = path.join(projectDir, 'package.json');
  const env = { ...liveEnv, METRIST_RESULTS_DIR: file, AWS_ENDPOINT_URL_IAM: iam.url };
  const runs = await Promise.all([runVitest({ env }), runVitest({ env, args: ['--mode', 'offline'] })]);
  for (const run of runs) {
    expect(run.code, run.everything).toBe(1);
    expect(run.stdout.replaceAll(/\s+/g, ' ')).toContain(`METRIST_RESULTS_DIR is "${file}": expected a directory`);
  }
  expect(iam.calls).toEqual([]);
});

test('a warning about a misspelt setting shows the nearest name but not the value', async () => {
  const { METRIST_NAMESPACE: namespace, ...others } = liveEnv;
  const env = { ...others, METRIST_NAMSPACE: `${namespace}-hunter2`, METRIST_STEP_TIMEOUT: '30' };
  const { code, stdout, everything } = await runVitest({ env });
  expect(code).toBe(1);
  expect(stdout).toContain('METRIST_NAMESPACE is not set');
  expect(stdout).toMatch(/^ {2}! METRIST_NAMSPACE has no effect: .* did you mean METRIST_NAMESPACE\?$/m);
  expect(stdout).toMatch(/^ {2}! METRIST_STEP_TIMEOUT has no effect: .* did you mean METRIST_STEP_TIMEOUT_SECS\?$/m);
  expect(everything).not.toContain('hunter2');
});

test('AWS_DEFAULT_REGION alone is enough to set the region', async () => {
  const iam = await startIam();
  const { METRIST_AWS_REGION: region, ...others } = liveEnv;
  const run = await runVitest({ env: { ...others, AWS_DEFAULT_REGION: region, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.code, run.everything).toBe(0);
});

test('a suite that fails to load is an error of the first step in every report', async () => {
  const metrist = await startMetrist();
  const dir = await copyProject();
  await writeFile(path.join(dir, 'suites/awsiam/awsiam.suite.ts'), "throw new Error('the suite is broken');\n");
  const run = await runVitest({ cwd: dir, env: { ...liveEnv, ...metristEnv(metrist) } });
  expect(run.code).toBe(1);
  expect(run.stdout).toContain('the suite is broken');
  expect(run.junit?.cases[0]).toMatchObject({ name: 'CreateUser', outcome: 'error', verdict: 'monitor' });
  expect(metrist.errors).toHaveLength(1);
  expect(metrist.telemetry).toEqual([]);
});

test('an unknown mode is refused, and nothing starts', async () => {
  const iam = await startIam();
  const run = await runVitest({ args: ['--mode', 'offlin'], env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.code).toBe(1);
  expect(run.stdout).toContain('unknown mode "offlin"');
  expect(iam.calls).toEqual([]);
});

test('a run with every step filtered out fails', async () => {
  const run = await runVitest({ args: ['--mode', 'offline', '-t', 'NoSuchStep'] });
  expect(run.code).toBe(1);
  expect(run.stdout).toContain('no step ran');
});

test('steps cannot be shuffled, repeated or run without the earlier ones', async () => {
  const shuffled = await runVitest({ args: ['--mode', 'offline', '--sequence.shuffle', '--retry', '3'] });
  expect(shuffled.code, shuffled.everything).toBe(0);
  const alone = await runVitest({ args: ['--mode', 'offline', '-t', 'AttachPolicy'] });
  expect(alone.junit?.cases.slice(0, 8).map(({ outcome }) => outcome)).toEqual(
    Array.from({ length: 8 }, () => 'skipped'),
  );
  expect(alone.code).toBe(1);
});
