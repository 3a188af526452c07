import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createFaultPlan } from '../mocks/iam/faults.ts';
import { listEntities, seedUser } from '../mocks/iam/seeding.ts';
import { startIamServer } from '../mocks/iam/server.ts';
import { userPath } from '../suites/awsiam/names.ts';
import { runName, seedStaleGroups, seedStaleUsers } from '../suites/awsiam/testing/stale.ts';
import { secretAccessKey, testValues } from '../suites/awsiam/testing/values.ts';
import { cleanUp, type CleanupOptions } from './cleanup.ts';
import { testContext } from './testing/context.ts';

vi.mock(import('node:timers/promises'), { spy: true });

/** The command over a server, with the namespace prod. */
async function setUp({ faults = '', isTTY = false } = {}) {
  const server = await startIamServer({ faults: createFaultPlan(faults) });
  onTestFinished(() => server.close());
  const context = testContext(testValues({ AWS_ENDPOINT_URL_IAM: server.url }), { isTTY });
  return {
    ...server,
    context,
    clean: (options: Partial<CleanupOptions> = {}) =>
      cleanUp(
        { dryRun: false, olderThan: 3_600_000, pace: 0, signal: new AbortController().signal, ...options },
        context,
      ),
  };
}

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

  test('counts one in the singular, and what it kept', async () => {
    const { state, context, clean } = await setUp();
    seedStaleUsers(state, 'prod', 1);
    seedUser(state, { name: runName('testuser', 'prod', 9), path: userPath });
    expect(await clean()).toBe(true);
    expect(context.written.output).toBe('1 test entity of the namespace prod removed, 1 kept\n');
  });

  test('with nothing to do says so and is content', async () => {
    const { context, clean } = await setUp();
    expect(await clean()).toBe(true);
    expect(context.written).toEqual({ output: '0 test entities of the namespace prod removed\n', errorOutput: '' });
  });

  test('takes younger ones as well when told to', async () => {
    const { state, clean } = await setUp();
    seedUser(state, { name: runName('testuser', 'prod'), path: userPath, createDate: new Date(Date.now() - 600_000) });
    await clean({ olderThan: 1_200_000 });
    expect(state.users.size).toBe(1);
    await clean({ olderThan: 300_000 });
    expect(state.users.size).toBe(0);
  });

  test('goes at the pace that it is told', async () => {
    const { state, clean } = await setUp();
    seedStaleUsers(state, 'prod', 3);
    vi.mocked(wait).mockClear().mockResolvedValue(undefined);
    onTestFinished(() => vi.mocked(wait).mockRestore());
    expect(await clean({ pace: 70_000 })).toBe(true);
    expect(vi.mocked(wait).mock.calls.map(([ms]) => ms)).toEqual([70_000, 70_000]);
  });

  test('that only looks lists what would be removed, one a line and with no progress among it', async () => {
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

  test('shows progress on a terminal and takes it off before it ends', async () => {
    const { state, context, clean } = await setUp({ isTTY: true });
    const [name = ''] = seedStaleUsers(state, 'prod', 3);
    await clean();
    expect(context.written.errorOutput).toContain(`1 · ${name} removed`);
    expect(context.written.errorOutput.endsWith('\r\u001B[K')).toBe(true);
    expect(context.written.output).toBe('3 test entities of the namespace prod removed\n');
  });

  test('shows no progress where the output is no terminal', async () => {
    const { state, context, clean } = await setUp();
    seedStaleUsers(state, 'prod', 3);
    await clean();
    expect(context.written.errorOutput).toBe('');
  });

  test('is not content while something could not be removed, and names it', async () => {
    const { state, context, clean } = await setUp({ faults: 'DeleteUser=DeleteConflict:2' });
    const [stuck = ''] = seedStaleUsers(state, 'prod', 2);
    expect(await clean()).toBe(false);
    expect(context.written.errorOutput).toMatch(new RegExp(`^! user ${stuck} could not be removed: DeleteConflict`));
    expect(context.written.output).toBe('1 test entity of the namespace prod removed, 1 kept\n');
  });

  test('names the action that it may not do', async () => {
    const { context, clean } = await setUp({ faults: 'ListUsers=AccessDenied' });
    expect(await clean()).toBe(false);
    expect(context.written.errorOutput).toContain('iam:ListUsers is not allowed');
  });

  test('reports every problem of the configuration and calls nobody', async () => {
    const { calls, context } = await setUp();
    const values = { ...context.values, METRIST_NAMESPACE: 'a b', METRIST_AWS_REGION: '' };
    const { signal } = new AbortController();
    const options = { dryRun: false, olderThan: 0, pace: 0, signal };
    await expect(cleanUp(options, { ...context, values })).rejects.toMatchObject({
      code: 'ConfigError',
      problems: [expect.stringContaining('METRIST_AWS_REGION'), expect.stringContaining('METRIST_NAMESPACE')],
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
    const options = { dryRun: false, olderThan: 0, pace: 0, signal: new AbortController().signal };
    expect(await cleanUp(options, { ...context, values })).toBe(false);
    expect(context.written.errorOutput).toContain('you signed with [redacted]');
    expect(JSON.stringify(context.written)).not.toContain(secretAccessKey);
  });
});
