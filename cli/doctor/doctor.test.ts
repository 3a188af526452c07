import { describe, expect, onTestFinished, test } from 'vitest';
import { startHttpServer } from '../../suites/awsiam/testing/http-server.ts';
import { runProgram } from '../program.ts';
import { testContext } from '../testing/context.ts';
import type { CheckGroup, DoctorContext } from './check-group.ts';
import { createDoctorContext } from './context.ts';
import { checkGroup } from './doctor.ts';
import { groupNames, ok, type Finding } from './finding.ts';
import { goodSettings } from './testing/examine.ts';

/** A server that takes requests and never answers. `asked` resolves at the first. */
async function startSilentServer() {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const { url } = await startHttpServer(() => resolve());
  return { url, asked };
}

describe('awsiam doctor', () => {
  test('prints a finding for each check, in groups, and a summary', async () => {
    const context = testContext(goodSettings);
    expect(await runProgram(['doctor', '--only', 'settings', '--only', 'network', '--offline'], context)).toBe(0);
    expect(context.written.output).toMatch(
      /^settings\n {2}✓ METRIST_AWS_ACCESS_KEY_ID = \*\*\*\*MPLE \(from the environment\)\n/,
    );
    expect(context.written.output).toMatch(
      /\n\nnetwork\n {2}- network: not checked, because --offline was given\n\n\d+ ok, 0 warnings, 0 failures, 1 skipped; groups left out: host,/,
    );
    expect(context.written.errorOutput).toBe('');
  });

  test('returns 1 if there is a failure', async () => {
    const context = testContext({ ...goodSettings, METRIST_NAMESPACE: '' });
    expect(await runProgram(['doctor', '--only', 'settings'], context)).toBe(1);
    expect(context.written.output).toContain('✗ METRIST_NAMESPACE is not set');
    expect(context.written.output).toContain('      Set it in the environment or in .env.\n');
    expect(context.written.output).toContain(', 0 warnings, 1 failure (settings), 0 skipped');
  });

  test('--only shows a failure of a group that it leaves out, if it keeps others from being checked, once', async () => {
    const context = testContext({ ...goodSettings, METRIST_NAMESPACE: '' });
    expect(await runProgram(['doctor', '--only', 'permissions', '--only', 'quotas'], context)).toBe(1);
    expect(context.written.output.match(/✗ METRIST_NAMESPACE is not set/g)).toHaveLength(1);
    expect(context.written.output).toContain(' 1 failure (permissions), 2 skipped');
    const json = testContext({ ...goodSettings, METRIST_NAMESPACE: '' });
    expect(await runProgram(['doctor', '--json', '--only', 'settings', '--only', 'quotas'], json)).toBe(1);
    expect(json.written.output).toContain('"failures": 1');
    expect(json.written.output).not.toContain('"cause"');
  });

  test('--only credentials fails if IAM cannot be reached, so that nobody can be asked', async () => {
    const context = testContext({ ...goodSettings, AWS_ENDPOINT_URL: 'http://127.0.0.1:9' });
    expect(await runProgram(['doctor', '--only', 'credentials'], context)).toBe(1);
    expect(context.written.output).toMatch(
      /✗ ECONNREFUSED.*\n[^]*- the owner of the credentials: not checked, because /,
    );
  });

  test('refuses a group that does not exist, and names all that do', async () => {
    const context = testContext(goodSettings);
    expect(await runProgram(['doctor', '--only', 'permission'], context)).toBe(2);
    for (const name of groupNames) expect(context.written.errorOutput).toContain(name);
  });

  test('reports that .env cannot be read, and goes on', async () => {
    const problem = 'the file /x/.env could not be read: permission denied; make it readable';
    const context = { ...testContext(goodSettings), envProblems: [problem] };
    expect(await runProgram(['doctor', '--only', 'settings'], context)).toBe(1);
    expect(context.written.output).toContain(
      '✗ the file /x/.env could not be read: permission denied\n      make it readable',
    );
    expect(context.written.output).toContain('METRIST_NAMESPACE = dev');
  });

  test('says what it waits for after two seconds, and gives up at the time limit', async () => {
    const { url } = await startSilentServer();
    const context = testContext({ ...goodSettings, AWS_ENDPOINT_URL: url });
    expect(await runProgram(['doctor', '--only', 'network', '--time-limit', '2100ms'], context)).toBe(1);
    expect(context.written.errorOutput).toMatch(/^ {2}… a request to IAM at http:\S+ \(2 s\)\n$/);
    expect(context.written.output).toContain('no answer within 2.1 s');
  });

  test('ends after a signal, and names what it did not check', async () => {
    const { url, asked } = await startSilentServer();
    const context = testContext({ ...goodSettings, AWS_ENDPOINT_URL: url });
    const ended = runProgram(['doctor', '--only', 'network', '--only', 'credentials'], context);
    await asked;
    context.raise('SIGINT');
    expect(await ended).toBe(130);
    expect(context.written.output).toContain('- the rest of network: not checked, because it was interrupted');
    expect(context.written.output).toContain('- credentials: not checked, because it was interrupted');
    expect(context.written.output).not.toContain('✗');
  });
});

describe('a group that throws', () => {
  test('is a failure, and what it found before stays', async () => {
    const running = { ...testContext(goodSettings), signal: new AbortController().signal, onFailure: () => {} };
    const context = await createDoctorContext(running, { isOffline: true, timeLimitMs: 1000 });
    onTestFinished(async () => await context[Symbol.asyncDispose]());
    const group: CheckGroup = {
      name: 'host',
      title: 'this host',
      needsNetwork: false,
      *check() {
        yield ok('fine');
        throw new TypeError('a fault of the doctor');
      },
    };
    expect(await findingsOf(group, context)).toEqual([
      ok('fine'),
      { state: 'failure', what: 'TypeError at host: a fault of the doctor', fix: expect.stringContaining('report it') },
    ]);
  });
});

async function findingsOf(group: CheckGroup, context: DoctorContext): Promise<Finding[]> {
  return await Array.fromAsync(checkGroup(group, context));
}
