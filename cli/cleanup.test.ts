import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createFaultPlan, type FaultPlan } from '../mocks/iam/fault-plan.ts';
import { listEntities, seedUser } from '../mocks/iam/seeding.ts';
import { startIamServer } from '../mocks/iam/server.ts';
import { userPath } from '../suites/awsiam/names.ts';
import { runName, seedStaleGroups, seedStaleUsers } from '../suites/awsiam/testing/stale.ts';
import { secretAccessKey, testValues } from '../suites/awsiam/testing/values.ts';
import { cleanUpAndPrint, type CleanupOptions } from './cleanup.ts';
import { testContext } from './testing/context.ts';

vi.mock(import('node:timers/promises'), { spy: true });

interface SetUp {
  readonly faults?: string | FaultPlan;
  readonly isTTY?: boolean;
  readonly values?: Readonly<Record<string, string>>;
}

/** The command with a mocked IAM, in the namespace prod. */
async function setUp({ faults = '', isTTY = false, values = {} }: SetUp = {}) {
  const plan = typeof faults === 'string' ? createFaultPlan(faults) : faults;
  const server = await startIamServer({ faults: plan });
  onTestFinished(() => server.close());
  const context = testContext(testValues({ AWS_ENDPOINT_URL_IAM: server.url, ...values }), { isTTY });
  return {
    ...server,
    context,
    clean: (options: Partial<CleanupOptions> = {}) =>
      cleanUpAndPrint({ ...usual, signal: new AbortController().signal, ...options }, context),
  };
}

const usual = {
  dryRun: false,
  mayBreakRuns: false,
  pace: 0,
  refuse: (why: string): never => {
    throw new Error(why);
  },
};

describe('awsiam cleanup', () => {
  test('removes stale users and groups of the namespace and says how many', async () => {
    const { state, context, clean } = await setUp();
    seedStaleUsers(state, 'prod', 3);
    seedStaleUsers(state, 'prod-eu', 1);
    seedStaleGroups(state, 'prod', 2);
    expect(await clean()).toBe(true);
    expect(listEntities(state)).toEqual({ users: [runName('testuser', 'prod-eu')], groups: [] });
    expect(context.written).toEqual({
      output: '5 test entities of the namespace prod removed\n',
      errorOutput: '',
    });
  });

  test('uses the singular for one entity, and counts what it kept', async () => {
    const { state, context, clean } = await setUp();
    seedStaleUsers(state, 'prod', 1);
    seedUser(state, { name: runName('testuser', 'prod', 9), path: userPath });
    expect(await clean()).toBe(true);
    expect(context.written.output).toBe(
      '1 test entity of the namespace prod removed, 1 kept (too young, or of unknown age)\n',
    );
  });

  test('says so if there is nothing to do, and succeeds', async () => {
    const { context, clean } = await setUp();
    expect(await clean()).toBe(true);
    expect(context.written).toEqual({ output: '0 test entities of the namespace prod removed\n', errorOutput: '' });
  });

  test.for([
    [{}, 125],
    [{ METRIST_STEP_TIMEOUT_SECS: '600' }, 85],
    [{ METRIST_STEP_TIMEOUT_SECS: '30' }, 60],
  ] as const)('with %o keeps what is younger than %d minutes, and refuses a shorter time', async (row) => {
    const [values, minutes] = row;
    const { state, calls, context, clean } = await setUp({ values });
    const [old, young] = [runName('testuser', 'prod', 1), runName('testuser', 'prod', 2)];
    const ago = (ms: number) => new Date(Date.now() - ms);
    seedUser(state, { name: old, path: userPath, createDate: ago(minutes * 60_000 + 30_000) });
    seedUser(state, { name: young, path: userPath, createDate: ago(minutes * 60_000 - 30_000) });
    await expect(clean({ olderThan: minutes * 60_000 - 1 })).rejects.toThrow(
      `--older-than is shorter than ${minutes}m, the longest that a run with these settings can last`,
    );
    await expect(clean({ olderThan: 0 })).rejects.toThrow('--may-break-runs');
    expect(calls).toEqual([]);
    expect(await clean()).toBe(true);
    expect(listEntities(state).users).toEqual([young]);
    expect(context.written.output).toBe(
      '1 test entity of the namespace prod removed, 1 kept (too young, or of unknown age)\n',
    );
  });

  test('also removes younger entities with --may-break-runs', async () => {
    const { state, clean } = await setUp();
    seedUser(state, { name: runName('testuser', 'prod'), path: userPath, createDate: new Date(Date.now() - 600_000) });
    await clean({ mayBreakRuns: true });
    await clean({ mayBreakRuns: true, olderThan: 1_200_000 });
    expect(state.users.size).toBe(1);
    await clean({ mayBreakRuns: true, olderThan: 300_000 });
    expect(state.users.size).toBe(0);
  });

  test('keeps to the given pace', async () => {
    const { state, clean } = await setUp();
    seedStaleUsers(state, 'prod', 3);
    vi.mocked(wait).mockClear().mockResolvedValue(undefined);
    onTestFinished(() => vi.mocked(wait).mockRestore());
    expect(await clean({ pace: 70_000 })).toBe(true);
    expect(vi.mocked(wait).mock.calls.map(([ms]) => ms)).toEqual([70_000, 70_000]);
  });

  test('in a dry run lists what would be removed, one per line and without progress', async () => {
    const { state, calls, context, clean } = await setUp({ isTTY: true });
    seedStaleUsers(state, 'prod', 2);
    seedStaleGroups(state, 'prod', 1);
    expect(await clean({ dryRun: true })).toBe(true);
    expect(listEntities(state)).toMatchObject({ users: { length: 2 }, groups: { length: 1 } });
    expect(context.written).toEqual({
      output: [
        `group ${runName('testgroup', 'prod', 0)}`,
        `user ${runName('testuser', 'prod', 0)}`,
        `user ${runName('testuser', 'prod', 1)}`,
        '3 test entities of the namespace prod would be removed\n',
      ].join('\n'),
      errorOutput: '',
    });
    expect(calls.map(({ operation }) => operation)).toEqual(['ListGroups', 'ListUsers']);
  });

  test('shows progress on a terminal and removes it before it ends', async () => {
    const { state, context, clean } = await setUp({ isTTY: true });
    seedStaleUsers(state, 'prod', 3);
    await clean();
    expect(context.written.errorOutput).toMatch(/1 · testuser-prod-\w+-\w+ removed/);
    expect(context.written.errorOutput.endsWith('\r\u001B[K')).toBe(true);
    expect(context.written.output).toBe('3 test entities of the namespace prod removed\n');
  });

  test('says that it is still working if IAM takes more than two seconds to answer', async () => {
    const { context, clean } = await setUp({ faults: 'ListGroups=slow:2300:1' });
    expect(await clean()).toBe(true);
    expect(context.written.output).toBe('0 test entities of the namespace prod removed\n');
    expect(context.written.errorOutput).toMatch(
      /^ {2}… looking for old test users and groups of the namespace prod \(\d s\)\n$/,
    );
  });

  test('is silent if the output is not a terminal and there is little to do', async () => {
    const { state, context, clean } = await setUp();
    seedStaleUsers(state, 'prod', 3);
    await clean();
    expect(context.written.errorOutput).toBe('');
  });

  test('fails if an entity could not be removed, names it and removes the others', async () => {
    const stuck = runName('testuser', 'prod', 0);
    const faults: FaultPlan = {
      next: (operation, { UserName } = {}) =>
        operation === 'DeleteUser' && UserName === stuck ? { kind: 'error', name: 'LimitExceeded' } : undefined,
    };
    const { state, context, clean } = await setUp({ faults });
    seedStaleUsers(state, 'prod', 3);
    expect(await clean()).toBe(false);
    expect(context.written.errorOutput).toMatch(new RegExp(`^! user ${stuck} could not be removed: LimitExceeded`));
    expect(context.written.output).toBe('2 test entities of the namespace prod removed, 1 could not be removed\n');
  });

  test('counts separately what somebody else removed first', async () => {
    const { state, context, clean } = await setUp({ faults: 'DeleteUser=NoSuchEntity:2' });
    seedStaleUsers(state, 'prod', 3);
    expect(await clean()).toBe(true);
    expect(context.written.output).toBe('1 test entity of the namespace prod removed, 2 already gone\n');
  });

  test('says what it did not reach before it was stopped', async () => {
    const { state, context, events, clean } = await setUp({ faults: 'DeleteGroup=slow:1:2,DeleteGroup=hang' });
    seedStaleGroups(state, 'prod', 6);
    seedStaleUsers(state, 'prod', 30);
    const stop = new AbortController();
    events.on('call', ({ fault }) => fault === 'hang' && stop.abort());
    expect(await clean({ signal: stop.signal })).toBe(false);
    expect(context.written.output).toBe(
      '2 test entities of the namespace prod removed, 4 not reached, not all users were looked at\n',
    );
  });

  test('names the action that is not allowed', async () => {
    const { context, clean } = await setUp({ faults: 'ListUsers=AccessDenied' });
    expect(await clean()).toBe(false);
    expect(context.written.errorOutput).toContain('iam:ListUsers is not allowed');
  });

  test('reports every problem of the configuration and sends no request', async () => {
    const { calls, context } = await setUp();
    const values = { ...context.values, METRIST_NAMESPACE: 'a b', METRIST_AWS_REGION: '' };
    const { signal } = new AbortController();
    const options = { ...usual, signal };
    await expect(cleanUpAndPrint(options, { ...context, values })).rejects.toMatchObject({
      code: 'ConfigError',
      message: expect.stringMatching(/METRIST_AWS_REGION[^]*METRIST_NAMESPACE/),
    });
    expect(calls).toEqual([]);
  });

  test('shows no secret that an answer holds', async () => {
    const { context } = await setUp();
    const { startHttpServer, iamErrorXml } = await import('../suites/awsiam/testing/http-server.ts');
    const leaky = await startHttpServer((_, response) => {
      response.writeHead(403).end(iamErrorXml('SignatureDoesNotMatch', `you signed with ${secretAccessKey}`));
    });
    const values = { ...context.values, AWS_ENDPOINT_URL_IAM: leaky.url };
    const options = { ...usual, signal: new AbortController().signal };
    expect(await cleanUpAndPrint(options, { ...context, values })).toBe(false);
    expect(context.written.errorOutput).toContain('you signed with [redacted]');
    expect(JSON.stringify(context.written)).not.toContain(secretAccessKey);
  });
});
