import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createFaultPlan } from '../mocks/iam/fault-plan.ts';
import { listEntities, seedUser } from '../mocks/iam/seeding.ts';
import { startIamServer } from '../mocks/iam/server.ts';
import type { IamCall } from '../mocks/iam/endpoint.ts';
import { userPath } from '../suites/awsiam/names.ts';
import { deadPort, startHttpServer } from '../suites/awsiam/testing/http-server.ts';
import { runName, seedStaleUsers } from '../suites/awsiam/testing/stale.ts';
import { accessKeyId, secretAccessKey, testValues } from '../suites/awsiam/testing/values.ts';
import { runProgram } from './program.ts';
import { testContext } from './testing/context.ts';

async function setUp(faults = '') {
  const server = await startIamServer({ faults: createFaultPlan(faults) });
  onTestFinished(() => server.close());
  const context = testContext(testValues({ AWS_ENDPOINT_URL_IAM: server.url }));
  return { ...server, context, run: (...args: string[]) => runProgram(args, context) };
}

describe('the awsiam command', () => {
  test('cleans up and returns 0', async () => {
    const { state, context, run } = await setUp();
    seedStaleUsers(state, 'prod', 2);
    expect(await run('cleanup', '--pace', '0ms')).toBe(0);
    expect(listEntities(state).users).toEqual([]);
    expect(context.written).toEqual({ output: '2 test entities of the namespace prod removed\n', errorOutput: '' });
  });

  test('passes its options on', async () => {
    const { state, calls, context, run } = await setUp();
    seedUser(state, { name: runName('testuser', 'prod'), path: userPath, createDate: new Date(Date.now() - 600_000) });
    expect(await run('cleanup', '--dry-run', '--older-than=5m')).toBe(0);
    expect(context.written.output).toContain('1 test entity of the namespace prod would be removed\n');
    expect(calls.map(({ operation }) => operation)).toEqual(['ListGroups', 'ListUsers']);
    expect(await run('cleanup', '--older-than', '3h', '--pace=0s')).toBe(0);
    expect(state.users.size).toBe(1);
    expect(await run('cleanup', '--older-than', '5m', '--may-break-runs', '--pace=0s')).toBe(0);
    expect(state.users.size).toBe(0);
  });

  const key = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  test.for([
    [['cleanup', '--older-than', key], "'--older-than <duration>' argument 'a text of 40 characters"],
    [['cleanup', `--older-than=${key}`], "'--older-than <duration>' argument 'a text of 40 characters"],
    [['cleanup', `--key=${key}`], "unknown option '--key=a text of 40 characters"],
    [[key], "unknown command 'a text of 40 characters"],
    [['drive', '--config', key], "'--config <Key=Value>' argument 'a text of 40 characters"],
    [['drive', '--config', `${key}=1`, '--config', `${key}=2`], 'a text of 40 characters'],
    [['register', '--run-group', `a,${key}`], "'--run-group <name>' argument 'a text of 42 characters"],
    [['register', '--interval', 'user:PW@host'], "'--interval <duration>' argument 'a text of 12 characters"],
    [['unregister', key], 'a text of 40 characters'],
  ] as const)('does not show a key on the command line %j', async ([args, shown]) => {
    const { context, run } = await setUp();
    expect(await run(...args)).toBe(2);
    expect(context.written.errorOutput).toContain(shown);
    expect(context.written.errorOutput).not.toMatch(/wJalrXUtnFEMI|EXAMPLEKEY|PW@/);
  });

  test.for([
    [['cleanup', '--older-than', 'long'], '--older-than'],
    [['cleanup', '--older-than', ''], '--older-than'],
    [['cleanup', '--older-than='], '--older-than'],
    [['cleanup', '--older-than=-1h'], '--older-than'],
    [['cleanup', '--older-than', '2'], '--older-than'],
    [['cleanup', '--older-than', '1h30'], '--older-than'],
    [['cleanup', '--older-than'], '--older-than'],
    [['cleanup', '--pace', '0'], '--pace'],
    [['cleanup', '--pace', 'NaN'], '--pace'],
    [['cleanup', '--pace', 'Infinitys'], '--pace'],
    [['cleanup', '--pace', `${'9'.repeat(101)}s`], '--pace'],
    [['cleanup', '--dryrun'], '--dryrun'],
    [['cleanup', 'everything'], 'cleanup'],
    [['clean'], 'clean'],
    [[], 'cleanup'],
  ] as const)('refuses the command line %j with code 2, names %s and sends no request', async ([args, named]) => {
    const { calls, context, run } = await setUp();
    expect(await run(...args)).toBe(2);
    expect(context.written.output).toBe('');
    expect(context.written.errorOutput).toContain(named);
    expect(calls).toEqual([]);
  });

  test('refuses --older-than with code 2 if a run in progress can be that old, and names the alternatives', async () => {
    const { state, calls, context, run } = await setUp();
    seedStaleUsers(state, 'prod', 1);
    expect(await run('cleanup', '--older-than', '0s')).toBe(2);
    expect(context.written.errorOutput).toMatch(/^error: --older-than is shorter than 125m.* add --may-break-runs\./);
    expect(context.written.output).toBe('');
    expect(calls).toEqual([]);
  });

  test('says what a duration looks like', async () => {
    const { context, run } = await setUp();
    await run('cleanup', '--older-than', '2');
    expect(context.written.errorOutput).toContain('Expected a duration such as 90s, 30m, 1h or 2d.');
  });

  test.for([
    ['--help', 'cleanup'],
    ['--version', 'awsiam 0.1.0 (from source)'],
    ['help', 'cleanup'],
  ] as const)('answers %s on the output with code 0', async ([option, words]) => {
    const { context, run } = await setUp();
    expect(await run(option)).toBe(0);
    expect(context.written.output).toContain(words);
    expect(context.written.errorOutput).toBe('');
  });

  test('lists every command in its help', async () => {
    const { context, run } = await setUp();
    await run('--help');
    for (const name of ['status', 'doctor', 'cleanup', 'config', 'register', 'configs', 'unregister', 'drive']) {
      expect(context.written.output).toMatch(new RegExp(`^ +${name} `, 'm'));
    }
  });

  test('warns about a misspelt setting before it does anything, but not when it only shows help', async () => {
    const warning = '! METRIST_INSTANCE has no effect: there is no such setting; did you mean METRIST_INSTANCE_ID?\n';
    const context = testContext({ METRIST_INSTANCE: 'here', METRIST_RUN_GROUPS: 'prod' });
    expect(await runProgram(['config', '--json'], context)).toBe(0);
    expect(context.written.errorOutput).toBe(warning);
    context.written.errorOutput = '';
    expect(await runProgram(['cleanup'], context)).toBe(1);
    expect(context.written.errorOutput).toContain(`${warning}configuration: `);
    context.written.errorOutput = '';
    expect(await runProgram(['--help'], context)).toBe(0);
    expect(context.written.errorOutput).toBe('');
  });

  test('deletes nothing if it does not understand a switch', async () => {
    const { state, calls, context } = await setUp();
    seedStaleUsers(state, 'prod', 2);
    const values = { ...context.values, METRIST_CLEANUP_ENABLED: 'disabled' };
    expect(await runProgram(['cleanup'], { ...context, values })).toBe(1);
    expect(context.written.errorOutput).toContain('METRIST_CLEANUP_ENABLED is "disabled": expected 1, true, yes or on');
    expect(calls).toEqual([]);
  });

  test('without configuration returns 1 and names the variables and the file', async () => {
    const context = testContext({});
    expect(await runProgram(['cleanup'], context)).toBe(1);
    expect(context.written.output).toBe('');
    for (const words of ['configuration: ', 'METRIST_AWS_REGION', 'METRIST_NAMESPACE', '.env']) {
      expect(context.written.errorOutput).toContain(words);
    }
  });

  test('returns 1 with advice if IAM cannot be reached', async () => {
    const url = `http://127.0.0.1:${await deadPort()}`;
    const context = testContext(testValues({ AWS_ENDPOINT_URL_IAM: url }));
    expect(await runProgram(['cleanup'], context)).toBe(1);
    expect(context.written.errorOutput).toMatch(/ECONNREFUSED.*Nobody listens at the endpoint/);
  });

  test('returns 1 if something could not be removed', async () => {
    const { state, run } = await setUp('DeleteUser=DeleteConflict');
    seedStaleUsers(state, 'prod', 1);
    expect(await run('cleanup', '--pace', '0ms')).toBe(1);
  });

  test.for([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('after %s returns %d and says that it did not finish', async ([signal, code]) => {
    const { state, events, context, run } = await setUp('DeleteUser=hang');
    seedStaleUsers(state, 'prod', 2);
    events.on('call', ({ operation }: IamCall) => operation === 'DeleteUser' && context.raise(signal));
    expect(await run('cleanup')).toBe(code);
    expect(context.written.errorOutput).toContain('did not get to the end');
    expect(context.written.output).toBe('0 test entities of the namespace prod removed, 2 not reached\n');
  });

  test('stops after a signal during the search for credentials', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const silent = await startHttpServer(() => resolve());
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${silent.url}/credentials`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { calls, context } = await setUp();
    const values = { ...context.values, METRIST_AWS_ACCESS_KEY_ID: '', METRIST_AWS_SECRET_ACCESS_KEY: '' };
    const running = runProgram(['cleanup'], { ...context, values });
    await asked;
    context.raise('SIGTERM');
    expect(await running).toBe(143);
    expect(calls).toEqual([]);
  });

  test('shows no secret, whatever it was given', async () => {
    const context = testContext(testValues({ METRIST_AWS_REGION: secretAccessKey, METRIST_NAMESPACE: accessKeyId }));
    expect(await runProgram(['cleanup', secretAccessKey], context)).toBe(2);
    expect(await runProgram(['cleanup'], context)).toBe(1);
    expect(JSON.stringify(context.written)).not.toContain(secretAccessKey);
  });
});
