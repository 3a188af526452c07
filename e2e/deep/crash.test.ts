import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { copyProject, liveEnv, makeResultsDir, runCommands, runMonitor, runVitest, secrets } from '../harness/run.ts';
import { metristEnv, startIam, startMetrist } from '../harness/servers.ts';

/** A copy of the project with this code inserted after the text that the pattern matches. */
async function withCode(file: string, place: RegExp, code: string): Promise<string> {
  const dir = await copyProject();
  const source = await readFile(path.join(dir, file), 'utf8');
  const broken = source.replace(place, (start) => `${start}      ${code}\n`);
  expect(broken).not.toBe(source);
  await writeFile(path.join(dir, file), broken);
  return dir;
}

/** A copy in which the code runs at the start of the step CreateGroup. */
async function withCodeInCreateGroup(code: string): Promise<string> {
  return await withCode(
    'suites/awsiam/steps.ts',
    /name: 'CreateGroup',[\s\S]*?async run\(session, context\) \{\n/,
    code,
  );
}

test.for(runCommands)(
  '%s: an unexpected exception in a step is reported as a fault of the monitor, and nothing is left behind',
  async (command) => {
    const iam = await startIam();
    const metrist = await startMetrist();
    const cwd = await withCodeInCreateGroup("throw new TypeError('a bug');");
    const run = await runMonitor(command, {
      cwd,
      env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url },
    });
    expect(run.code).toBe(1);
    expect(run.junit?.cases[1]).toMatchObject({ outcome: 'error', verdict: 'monitor' });
    expect(metrist.errors).toEqual([expect.objectContaining({ check_logical_name: 'CreateGroup' })]);
    expect(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
  },
);

const strayErrors = [
  ['a promise that nobody awaits', `void Promise.reject(new Error('stray ${secrets.secretAccessKey}'));`],
  ['a timer that throws', `setTimeout(() => { throw new Error('stray ${secrets.secretAccessKey}'); });`],
  [
    'an error that cannot be changed',
    `void Promise.reject(new DOMException('stray ${secrets.secretAccessKey}', 'TimeoutError'));
      void Promise.reject(Object.freeze(new AggregateError([new Error('${secrets.secretAccessKey}')], 'stray ${secrets.secretAccessKey}')));`,
  ],
] as const;

test.for(runCommands.flatMap((command) => strayErrors.map(([what, code]) => ({ command, what, code }))))(
  '$command: $what does not stop teardown, is reported, and shows no secret',
  async ({ command, code }) => {
    const iam = await startIam('DeleteGroup=AccessDenied:1');
    const cwd = await withCodeInCreateGroup(code);
    const run = await runMonitor(command, { cwd, env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
    expect(run.code, run.everything).toBe(1);
    expect(run.stdout).toContain('stray [redacted]');
    expect(run.everything).not.toContain(secrets.secretAccessKey);
    expect(run.junit?.cases.at(-1)).toMatchObject({ outcome: 'error', verdict: 'monitor' });
    expect(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
  },
);

test.for([
  ['rejection', `void Promise.reject(new DOMException('stray ${secrets.secretAccessKey}', 'TimeoutError'));`],
  ['exception', `setTimeout(() => { throw new Error('stray ${secrets.secretAccessKey}'); });`],
])('an unhandled %s in the reporting process does not end the run and shows no secret', async ([, code = '']) => {
  const iam = await startIam('AddUserToGroup=AccessDenied:1');
  const place = /onTestCaseResult\(test: TestCase\): void \{\n/;
  const cwd = await withCode('reporters/monitor-reporter.ts', place, `if (test.name === 'CreateUser') ${code}`);
  const run = await runVitest({ cwd, env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.code, run.everything).toBe(1);
  expect(run.stdout).toContain('✗ unhandled: stray [redacted]');
  expect(run.stderr).toContain('unhandled error; the run goes on: stray [redacted]');
  expect(run.everything).not.toContain(secrets.secretAccessKey);
  expect(run.junit?.cases.at(-1)).toMatchObject({ outcome: 'error', verdict: 'monitor' });
  expect(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
});

test('a worker that exits during a step is an error in every report', async () => {
  const iam = await startIam();
  const metrist = await startMetrist();
  const cwd = await withCodeInCreateGroup('process.exit(0);');
  const run = await runVitest({ cwd, env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.code, run.everything).toBe(1);
  expect(run.junit?.errors).toBeGreaterThan(0);
  expect(metrist.errors).toHaveLength(1);
});

test('awsiam run: a step that ends the process fails the run, and leaves no older report', async () => {
  const iam = await startIam();
  const cwd = await withCodeInCreateGroup('process.exit(0);');
  const METRIST_RESULTS_DIR = await makeResultsDir();
  await writeFile(path.join(METRIST_RESULTS_DIR, 'junit.xml'), '<testsuites name="old"/>');
  const env = { ...liveEnv, METRIST_RESULTS_DIR, AWS_ENDPOINT_URL_IAM: iam.url };
  const run = await runMonitor('awsiam run', { cwd, env });
  expect(run).toMatchObject({ code: 1, stderr: 'something ended this process before the command was done\n' });
  expect(await readdir(METRIST_RESULTS_DIR)).not.toContain('junit.xml');
});

test('awsiam run: what a step writes to the console is shown on stderr, and does not get into the JSON', async () => {
  const iam = await startIam();
  const cwd = await withCodeInCreateGroup(
    `console.log('a log with ${secrets.secretAccessKey}'); console.table([{ a: 1 }]);`,
  );
  const run = await runMonitor('awsiam run', {
    args: ['--json'],
    cwd,
    env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
  });
  expect(run.code, run.everything).toBe(0);
  expect(JSON.parse(run.stdout)).toMatchObject({ state: 'passed' });
  expect(run.stderr).toContain('a log with [redacted]\n');
  expect(run.stderr).toContain('(index)');
});

test.for([
  ['is shown on stderr', [], 'stderr'],
  ['is shown by another reporter', ['--reporter=verbose'], 'stdout'],
] as const)('what a step writes to the console %s, without secrets', async ([, args, stream]) => {
  const iam = await startIam();
  const cwd = await withCodeInCreateGroup(`console.log('a log with ${secrets.secretAccessKey}');`);
  const run = await runVitest({ args, cwd, env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.code, run.everything).toBe(0);
  expect(run.everything.split('a log with')).toHaveLength(2);
  expect(run[stream]).toContain('a log with [redacted]\n');
  expect(run.everything).not.toContain(secrets.secretAccessKey);
});

test('what a file of the monitor writes to the console while it loads is shown on stderr', async () => {
  const iam = await startIam();
  const cwd = await withCode('suites/awsiam/awsiam.suite.ts', /^/, "console.error('the suite loads');");
  const run = await runVitest({ cwd, env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.code, run.everything).toBe(0);
  expect(run.stderr).toContain('the suite loads\n');
});
