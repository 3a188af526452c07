import { rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { listEntities, seedGroup, seedUser } from '../../mocks/iam/seeding.ts';
import { createIamState } from '../../mocks/iam/state.ts';
import { groupPath, userPath } from '../../suites/awsiam/names.ts';
import { steps, type StepName } from '../../suites/awsiam/steps.ts';
import { iamErrorXml, startHttpServer } from '../../suites/awsiam/testing/http-server.ts';
import { runName, seedStaleGroups, seedStaleUsers, staleMs } from '../../suites/awsiam/testing/stale.ts';
import { copyProject, liveEnv, onlyWaitLines, preload, runAwsiam, runVitest, secrets } from '../harness/run.ts';
import { operationOf } from '../harness/conformance.ts';
import { nowhere } from '../harness/loopback-only.ts';
import { arrival, startIam } from '../harness/servers.ts';

const nothing = { users: [], groups: [] };
const namespace = liveEnv.METRIST_NAMESPACE;
const envFor = ({ url }: { readonly url: string }) => ({ ...liveEnv, AWS_ENDPOINT_URL_IAM: url });

/** Variables that stop the clock of a process at this time. */
const clockAt = (fixedMs: number) => ({
  ...preload('fake-date.ts'),
  E2E_DATE_FIXED_MS: String(fixedMs),
});

describe('awsiam cleanup', () => {
  test('removes stale entities of its namespace and nothing else', async () => {
    const iam = await startIam();
    seedStaleUsers(iam.state, namespace, 2);
    seedStaleGroups(iam.state, namespace, 2);
    const createDate = new Date(Date.now() - staleMs);
    const member = { name: runName('testuser', namespace, 9), path: userPath, createDate, groups: ['people'] };
    seedUser(iam.state, { ...member, policies: ['arn:aws:iam::aws:policy/AWSDenyAll'] });
    seedUser(iam.state, { name: runName('testuser', 'e2e-eu'), path: userPath, createDate });
    seedGroup(iam.state, { name: runName('testgroup', namespace, 9), path: `${groupPath}sub/`, createDate });
    const run = await runAwsiam(['cleanup', '--pace', '0ms'], envFor(iam));
    expect(run).toMatchObject({ code: 0, stdout: '5 test entities of the namespace e2e removed\n', stderr: '' });
    expect(listEntities(iam.state)).toEqual({
      users: [runName('testuser', 'e2e-eu')],
      groups: ['people', runName('testgroup', namespace, 9)],
    });
  });

  test('only lists with --dry-run, and uses the age from --older-than', async () => {
    const iam = await startIam();
    const name = runName('testuser', namespace);
    seedUser(iam.state, { name, path: userPath, createDate: new Date(Date.now() - 600_000) });
    const clean = (...args: string[]) => runAwsiam(['cleanup', ...args], envFor(iam));
    expect(await clean()).toMatchObject({
      code: 0,
      stdout: '0 test entities of the namespace e2e removed, 1 kept (too young, or of unknown age)\n',
    });
    expect(await clean('--older-than', '5m', '--dry-run')).toMatchObject({
      code: 0,
      stdout: `user ${name}\n1 test entity of the namespace e2e would be removed\n`,
    });
    expect(listEntities(iam.state).users).toEqual([name]);
    const refused = await clean('--older-than', '0s');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('add --may-break-runs');
    expect(listEntities(iam.state).users).toEqual([name]);
    expect(await clean('--older-than', '5m', '--may-break-runs')).toMatchObject({ code: 0 });
    expect(listEntities(iam.state)).toEqual(nothing);
  });

  test('reads the .env of its checkout, wherever it is started', async () => {
    const iam = await startIam();
    seedStaleUsers(iam.state, 'from-file', 1);
    const checkout = await copyProject();
    await writeFile(path.join(checkout, '.env'), 'METRIST_NAMESPACE=from-file\nMETRIST_AWS_REGION=eu-west-1\n');
    const { METRIST_NAMESPACE: _, METRIST_AWS_REGION: __, ...keys } = envFor(iam);
    const run = await runAwsiam(['cleanup'], keys, { checkout });
    expect(run).toMatchObject({ code: 0, stdout: '1 test entity of the namespace from-file removed\n', stderr: '' });
    await rm(path.join(checkout, '.env'));
    const unset = await runAwsiam(['cleanup'], keys, { checkout });
    expect(unset.stderr).toContain(
      `Set the variables in the environment or in the file ${path.relative(os.tmpdir(), checkout)}/.env\n`,
    );
  });

  test('refuses an unknown or wrong option with code 2 and names it', async () => {
    const iam = await startIam();
    const runs = await Promise.all([
      runAwsiam(['cleanup', '--older-than', '2'], envFor(iam)),
      runAwsiam(['cleanup', '--dry'], envFor(iam)),
    ]);
    expect(runs).toMatchObject([
      { code: 2, stdout: '', stderr: expect.stringContaining('--older-than') as string },
      { code: 2, stdout: '', stderr: expect.stringContaining('--dry') as string },
    ]);
    expect(iam.calls).toEqual([]);
  });

  test('ends with code 1 without settings, and names the variables and the file', async () => {
    const run = await runAwsiam(['cleanup']);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    for (const words of ['METRIST_AWS_REGION', 'METRIST_NAMESPACE', '.env']) expect(run.stderr).toContain(words);
  });

  test('ends with code 1 and advice if it cannot reach IAM', async () => {
    const run = await runAwsiam(['cleanup'], { ...liveEnv, AWS_ENDPOINT_URL_IAM: nowhere() });
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/ECONNREFUSED.*Nobody listens at the endpoint/);
  });

  test('ends with code 143 after SIGTERM and says that it did not get to the end', async () => {
    const iam = await startIam('DeleteUser=slow:1:3,DeleteUser=hang');
    seedStaleUsers(iam.state, namespace, 10);
    const run = await runAwsiam(['cleanup', '--pace', '0ms'], envFor(iam), {
      onStart: (child) => iam.events.on('call', ({ fault }) => fault === 'hang' && child.kill('SIGTERM')),
    });
    expect(run.code, run.everything).toBe(143);
    expect(run.stderr).toContain('did not get to the end');
    expect(run.stdout).toBe('3 test entities of the namespace e2e removed, 7 not reached\n');
    expect(iam.state.users.size).toBe(7);
  });

  test('ends after SIGTERM even during a search for credentials that cannot be aborted', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const silent = await startHttpServer(() => resolve());
    const { METRIST_AWS_REGION, METRIST_NAMESPACE } = liveEnv;
    const env = {
      METRIST_AWS_REGION,
      METRIST_NAMESPACE,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${silent.url}/credentials`,
    };
    const run = await runAwsiam(['cleanup'], env, {
      onStart: (child) => void asked.then(() => child.kill('SIGTERM')),
    });
    expect(run).toMatchObject({ code: 143, stdout: '' });
  });

  test('shows no secret, even if an answer contains them', async () => {
    const planted = Object.values(secrets)
      .join(' ')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;');
    const leaky = await startHttpServer((_, response) => {
      response.writeHead(403).end(iamErrorXml('SignatureDoesNotMatch', planted));
    });
    const run = await runAwsiam(['cleanup'], {
      ...envFor(leaky),
      METRIST_AWS_SESSION_TOKEN: secrets.sessionToken,
      METRIST_API_TOKEN: secrets.apiToken,
    });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('[redacted]');
    for (const secret of Object.values(secrets)) expect(run.everything).not.toContain(secret);
  });

  test('removes 5,000 stale users and 300 stale groups in one run', async () => {
    const iam = await startIam();
    seedStaleUsers(iam.state, namespace, 5000);
    seedStaleGroups(iam.state, namespace, 300);
    const run = await runAwsiam(['cleanup', '--pace', '0ms'], envFor(iam));
    expect(run).toMatchObject({
      code: 0,
      stdout: '5300 test entities of the namespace e2e removed\n',
      stderr: onlyWaitLines,
    });
    expect(listEntities(iam.state)).toEqual(nothing);
    expect(iam.calls.length).toBe(5000 + 50 + 300 + 3);
  });
});

/** What remains if the process is killed after IAM has carried out the step's request, but before IAM answers. */
const leftAt = {
  CreateUser: ['user'],
  CreateGroup: ['user', 'group'],
  AddUserToGroup: ['user', 'group'],
  RemoveUserFromGroup: ['user', 'group'],
  DeleteGroup: ['user'],
  AttachPolicy: ['user'],
  DetachPolicy: ['user'],
  DeleteUser: [],
} as const satisfies Record<StepName, readonly string[]>;

describe('a run after one that was killed', () => {
  const pairs = steps.map(({ name }, index) => [name, index] as const).filter(([, index]) => index % 2 === 0);

  test.for(pairs)('sweeps what a kill during %s, or during the next step, left behind', async ([, index]) => {
    await Promise.all(steps.slice(index, index + 2).map(({ name }) => killAndSweep(name)));
  });

  // A board without a battery starts in 1970 until the network sets its clock.
  test('sweeps what a host with its clock at 1970 left behind, with a right clock or the same wrong one', async () => {
    await Promise.all([
      killAndSweep('DeleteGroup', clockAt(60_000)),
      killAndSweep('CreateGroup', clockAt(60_000), clockAt(60_000)),
    ]);
  });

  async function killAndSweep(
    step: StepName,
    killedEnv: Readonly<Record<string, string>> = {},
    laterEnv: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const operation = operationOf(step);
    // By the account's clock, the killed run takes place three hours ago.
    let behindMs = staleMs;
    const state = createIamState({ now: () => new Date(Date.now() - behindMs) });
    const iam = await startIam(`${operation}=hang-after:1`, { state });
    const killed = await runVitest({
      env: { ...envFor(iam), ...killedEnv },
      onStart: (child) => void arrival(iam, operation).then(() => child.kill('SIGKILL')),
    });
    expect(killed.signal, killed.everything).toBe('SIGKILL');
    const { users, groups } = listEntities(state);
    expect([...users.map(() => 'user'), ...groups.map(() => 'group')], step).toEqual(leftAt[step]);

    behindMs = 0;
    const later = await runVitest({ env: { ...envFor(iam), ...laterEnv } });
    expect(later.code, later.everything).toBe(0);
    expect(listEntities(state), later.everything).toEqual(nothing);
    const count = leftAt[step].length;
    if (count > 0) expect(later.stdout).toContain(`${count} old test ${count === 1 ? 'entity' : 'entities'} removed`);
  }

  test('leaves the entities of a run that was killed just now to a later sweep', async () => {
    const iam = await startIam('CreateGroup=hang-after:1');
    await runVitest({
      env: envFor(iam),
      onStart: (child) => void arrival(iam, 'CreateGroup').then(() => child.kill('SIGKILL')),
    });
    const left = listEntities(iam.state);
    const later = await runVitest({ env: envFor(iam) });
    expect(later.code, later.everything).toBe(0);
    expect(left).toMatchObject({ users: { length: 1 }, groups: { length: 1 } });
    expect(listEntities(iam.state)).toEqual(left);
  });
});

test('on a host with its clock at 1970, a run and a cleanup leave nothing behind and spare other runs', async () => {
  const iam = await startIam();
  const young = runName('testuser', namespace);
  seedUser(iam.state, { name: young, path: userPath, createDate: new Date(Date.now() - 600_000) });
  seedStaleGroups(iam.state, namespace, 1);
  const env = { ...envFor(iam), ...clockAt(0) };
  const cleanup = await runAwsiam(['cleanup'], env);
  expect(cleanup).toMatchObject({
    code: 0,
    stdout: '1 test entity of the namespace e2e removed, 1 kept (too young, or of unknown age)\n',
  });
  const failing = await startIam('AddUserToGroup=AccessDenied');
  const runs = await Promise.all([runVitest({ env }), runVitest({ env: { ...env, ...envFor(failing) } })]);
  for (const [index, run] of runs.entries()) expect(run.code, run.everything).toBe(index);
  expect(listEntities(iam.state)).toEqual({ users: [young], groups: [] });
  expect(listEntities(failing.state)).toEqual(nothing);
});

test('a sweep uses the clock of the service if the clock of its host is hours ahead', async () => {
  const iam = await startIam();
  const name = runName('testuser', namespace);
  seedUser(iam.state, { name, path: userPath, createDate: new Date(Date.now() - 600_000) });
  const env = { ...envFor(iam), ...clockAt(Date.now() + 3 * 3_600_000) };
  const [cleanup, run] = await Promise.all([runAwsiam(['cleanup'], env), runVitest({ env })]);
  expect(cleanup.code, cleanup.everything).toBe(0);
  expect(run.code, run.everything).toBe(0);
  expect(listEntities(iam.state).users).toEqual([name]);
});

test('three cleanups at the same time count each removed entity only once in total', async () => {
  const iam = await startIam();
  seedStaleUsers(iam.state, namespace, 20);
  seedStaleGroups(iam.state, namespace, 20);
  const runs = await Promise.all([1, 2, 3].map(() => runAwsiam(['cleanup', '--pace', '1ms'], envFor(iam))));
  for (const run of runs) expect(run.code, run.everything).toBe(0);
  const removed = runs.map(({ stdout }) => Number(/^(\d+) test entit/.exec(stdout)?.[1]));
  expect(removed.reduce((sum, count) => sum + count, 0)).toBe(40);
  expect(listEntities(iam.state)).toEqual(nothing);
});

describe('two runs of one namespace', () => {
  test('do not touch each other’s entities, even with the sweep', async () => {
    // The first run waits until the second is over.
    const iam = await startIam('AttachUserPolicy=hang:1');
    let stop = (): void => {};
    const first = runVitest({
      env: envFor(iam),
      onStart: (child) => {
        stop = () => child.kill('SIGTERM');
      },
    });
    await arrival(iam, 'AttachUserPolicy');
    const own = listEntities(iam.state);
    const callsBefore = iam.calls.length;

    const second = await runVitest({ env: envFor(iam) });
    expect(second.code, second.everything).toBe(0);
    expect(own.users).toHaveLength(1);
    expect(listEntities(iam.state)).toEqual(own);
    const calls = iam.calls.slice(callsBefore);
    expect(calls.map(({ operation }) => operation)).toContain('ListUsers');
    expect(calls.filter(({ params }) => params['UserName'] === own.users[0])).toEqual([]);

    stop();
    const interrupted = await first;
    expect(interrupted.code, interrupted.everything).toBe(143);
    expect(listEntities(iam.state)).toEqual(nothing);
  });

  test('that start in the same millisecond use different names and both pass', async () => {
    const iam = await startIam();
    const fixedMs = Date.now();
    const env = { ...envFor(iam), ...clockAt(fixedMs) };
    const runs = await Promise.all([runVitest({ env }), runVitest({ env })]);
    for (const run of runs) expect(run.code, run.everything).toBe(0);
    const created = iam.calls.filter(({ operation }) => operation.startsWith('Create')).map(({ params }) => params);
    const names = created.map(({ UserName, GroupName }) => UserName ?? GroupName);
    expect(names).toHaveLength(4);
    for (const name of names) expect(name).toContain(`-${namespace}-${fixedMs.toString(36)}-`);
    expect(new Set(names).size).toBe(4);
    expect(listEntities(iam.state)).toEqual(nothing);
  });
});
