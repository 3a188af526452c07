import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type MonitorScript, writeMonitor } from '../../metrist/protocol/drive/testing/write-monitor.ts';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { steps } from '../../suites/awsiam/steps.ts';
import { copyProject, type Ended, runAwsiam, liveEnv, secrets } from '../harness/run.ts';
import { arrival, metristEnv, startIam, startMetrist } from '../harness/servers.ts';

const stepNames: readonly string[] = steps.map(({ name }) => name);
const nothing = { users: [], groups: [] };

const parseLines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { kind: string; body: Record<string, unknown> });

/** Drives a monitor with this script through the steps A and B. */
async function drive(script: MonitorScript, ...args: readonly string[]): Promise<Ended> {
  return await runAwsiam(['drive', '--step', 'A', '--step', 'B', ...args, '--', await writeMonitor(script)]);
}

describe('awsiam drive, with this monitor', () => {
  test('runs the eight steps and posts nothing', async () => {
    const [iam, metrist] = [await startIam(), await startMetrist()];
    const env = { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url };
    const run = await runAwsiam(['drive'], env);
    expect(run.code, run.everything).toBe(0);
    const lines = run.stdout.split('\n');
    expect(lines.slice(0, 8)).toEqual(
      stepNames.map((name) => expect.stringMatching(new RegExp(`^  ✓ ${name} +\\S+ m?s · `)) as unknown),
    );
    expect(lines[9]).toMatch(/^ {2}awsiam driven · 8 passed in .* · Started after .* · exit code 0$/);
    expect(metrist.requests).toEqual([]);
    expect(listEntities(iam.state)).toEqual(nothing);
  });

  test('prints what would be posted about a failing step', async () => {
    const iam = await startIam('AddUserToGroup=AccessDenied');
    const run = await runAwsiam(['drive', '--json', '--instance', 'here'], {
      ...liveEnv,
      AWS_ENDPOINT_URL_IAM: iam.url,
    });
    expect(run.code, run.everything).toBe(1);
    const results = parseLines(run.stdout);
    expect(results.map(({ kind, body }) => [kind, body['instance_name'], body['check_logical_name']])).toEqual([
      ['telemetry', 'here', 'CreateUser'],
      ['telemetry', 'here', 'CreateGroup'],
      ['error', 'here', 'AddUserToGroup'],
    ]);
    expect(results[2]?.body).toMatchObject({
      message: expect.stringContaining('permission: AccessDenied') as unknown,
      blocked_steps: stepNames.slice(3),
      metadata: { 'metrist.source': 'monitor' },
    });
    expect(listEntities(iam.state)).toEqual(nothing);
  });

  test('takes its configuration from --config, and does not show its secrets', async () => {
    const iam = await startIam();
    const settings = {
      AWSAccessKeyId: secrets.accessKeyId,
      AWSSecretAccessKey: secrets.secretAccessKey,
      AWSRegion: 'us-east-1',
      Namespace: 'driven',
    };
    const config = Object.entries(settings).flatMap(([key, value]) => ['--config', `${key}=${value}`]);
    const run = await runAwsiam(['drive', ...config], { AWS_ENDPOINT_URL_IAM: iam.url });
    expect(run.code, run.everything).toBe(0);
    expect(iam.calls.length).toBeGreaterThanOrEqual(8);
    expect(run.everything).not.toContain(secrets.secretAccessKey);
  });

  test('gives the monitor nothing from .env, like the Orchestrator, and says what to do', async () => {
    const iam = await startIam();
    const checkout = await copyProject();
    const { METRIST_NAMESPACE: namespace, ...others } = liveEnv;
    await writeFile(path.join(checkout, '.env'), `METRIST_NAMESPACE=${namespace}\nMETRIST_INSTANCE_ID=here\n`);
    const env = { ...others, METRIST_NAMESPACE: '', AWS_ENDPOINT_URL_IAM: iam.url };
    const run = await runAwsiam(['drive', '--json'], env, { checkout });
    expect(run.code).toBe(1);
    expect(parseLines(run.stdout)).toMatchObject([
      {
        kind: 'error',
        body: { instance_name: 'here', message: expect.stringContaining('METRIST_NAMESPACE is not set') as unknown },
      },
    ]);
    expect(run.stderr).toMatch(
      /! the monitor got nothing from the file \.env, .*: METRIST_NAMESPACE, .* use --config\n/,
    );
    expect(iam.calls).toEqual([]);

    const good = await runAwsiam(['drive', '--config', `Namespace=${namespace}`], env, { checkout });
    expect(good.code, good.everything).toBe(0);
    expect(good.everything).not.toContain('.env');
  });

  test.for([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s in the middle of a step stops the monitor cleanly', async ([signal, code]) => {
    const iam = await startIam('AddUserToGroup=hang-after:1');
    const run = await runAwsiam(
      ['drive'],
      { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
      {
        onStart: (child) => void arrival(iam, 'AddUserToGroup').then(() => child.kill(signal)),
      },
    );
    expect(run.code, run.everything).toBe(code);
    expect(run.stdout).toContain('! stopping: the monitor has 5 s to remove what this run made');
    expect(run.stdout).toContain('awsiam driven · interrupted: 1 lost, 5 not run, 2 passed');
    expect(listEntities(iam.state), run.everything).toEqual(nothing);
  });
});

describe('awsiam drive, with a monitor that', () => {
  test('follows the protocol, passes', async () => {
    const run = await drive({}, '--config', 'Key=Value');
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain('2 passed in');
  });

  test.for<readonly [string, MonitorScript, string]>([
    ['sends an unsupported version', { start: `send('Started 2.0');` }, 'speaks only 1.0 and 1.1'],
    [
      'logs too early',
      { start: `send('Log Info hello'); send('Started 1.1');` },
      'to stdout, which is not Started as one message|instead of Started',
    ],
    ['writes a line break', { start: `raw(frame('Started 1.1') + '\\n');` }, 'which is not Started as one message'],
    [
      'does not wait for Version',
      { start: `raw(frame('Started 1.1') + frame('Ready'));` },
      'which is not Started as one message',
    ],
    ['ends before it starts', { start: `process.exit(1);` }, 'ended before it sent Started'],
    ['ends before it is ready', { version: `process.exit(1);` }, 'ended before it sent Ready'],
    ['ends before it is configured', { config: `process.exit(1);` }, 'ended before it was asked for all steps'],
    ['throws in a step', { step: `throw new Error('boom');` }, 'ended while A ran'],
    ['prints to stdout', { step: `console.log('hello'); send('Step OK');` }, 'which is not a message'],
    ['prints a date to stdout', { step: `raw('2026-11-22 hello\\n'); send('Step OK');` }, 'reads nothing more'],
    [
      'prints a number to stdout',
      { step: `raw('3 tests passed\\n'); send('Step OK');` },
      'the protocol has no such message',
    ],
    ['prints a larger number to stdout', { step: `raw('500 items\\n'); send('Step OK');` }, 'whose end never arrived'],
    [
      'counts characters',
      { step: `const text = 'Step Error größer'; raw(text.length + ' ' + text);` },
      'in bytes of UTF-8|not valid UTF-8',
    ],
    ['has no number for a time', { step: `send('Step Time NaN');` }, "the Orchestrator's handler crashes"],
    ['answers twice', { step: `raw(frame('Step OK') + frame('Step OK'));` }, 'while no step ran'],
    [
      'answers before it is asked',
      { config: `raw(frame('Configured') + frame('Step Error no'));` },
      'while no step ran',
    ],
    [
      'is configured twice',
      { config: `send('Configured');`, step: `if (step === 'A') send('Configured'); else send('Step OK');` },
      'sent Configured a second time',
    ],
    ['sends an unknown message', { step: `send('Step Ok');` }, 'the protocol has no such message'],
    ['sends Exit too early', { step: `send('Exit');` }, 'before all steps were run'],
  ])('%s, reports the problem', async ([, script, problem]) => {
    const run = await drive(script, '--timeout', '500ms');
    expect(run.code, run.everything).toBe(1);
    expect(run.stdout, run.everything).toMatch(new RegExp(`^  ! the monitor .*(?:${problem})`, 'm'));
  });

  test('hangs, fails with a timeout', async () => {
    const run = await drive({ step: '' }, '--timeout', '0.1', '--json');
    expect(run.code, run.everything).toBe(1);
    expect(parseLines(run.stdout)).toMatchObject([
      {
        kind: 'error',
        body: {
          message: 'Timeout: check did not complete within 0.1 seconds - METRIST_MONITOR_ERROR',
          blocked_steps: ['B'],
        },
      },
    ]);
  });

  test('does not end on SIGTERM, is killed', async () => {
    const run = await drive({
      start: `process.on('SIGTERM', () => {}); send('Started 1.1');`,
      step: `send('Step Error no');`,
      exit: '',
    });
    expect(run.code, run.everything).toBe(1);
    expect(run.stdout).toContain('did not end within 5 s of SIGTERM');
    expect(run.stdout).toContain('ended by SIGKILL');
  });

  test('writes to its temporary directory, leaves nothing there', async () => {
    const tmpDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-drive-'));
    onTestFinished(() => rm(tmpDir, { recursive: true }));
    const monitor = await writeMonitor({
      step: `writeFileSync(process.env.TMPDIR + '/left', ''); console.error(process.cwd()); send('Step OK');`,
    });
    const run = await runAwsiam(['drive', '--step', 'A', '--', monitor], { TMPDIR: tmpDir });
    expect(run.code, run.everything).toBe(0);
    expect(run.stderr).toContain(`stderr │ ${path.dirname(monitor)}\n`);
    expect((await readdir(tmpDir)).filter((name) => name.startsWith('orchtmp-'))).toEqual([]);
  });

  test('still runs when nobody reads the output any more, is not left behind', async () => {
    const monitor = await writeMonitor({
      start: `process.on('SIGTERM', () => {}); process.stdin.on('end', () => {}); setInterval(() => {}, 60_000); send('Started 1.1');`,
      step: `if (step === 'A') { console.error('pid', process.pid, '!'); send('Step OK'); } else setTimeout(() => send('Step OK'), 50);`,
    });
    const tmpDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-drive-'));
    onTestFinished(() => rm(tmpDir, { recursive: true }));
    let stderr = '';
    const { promise: ended, resolve } = Promise.withResolvers<unknown>();
    // runAwsiam() fails because the output is not read to its end.
    await runAwsiam(
      ['drive', '--step', 'A', '--step', 'B', '--', monitor],
      { TMPDIR: tmpDir },
      {
        onStart: (child) => {
          child.once('exit', resolve);
          child.stdout?.once('data', () => child.stdout?.destroy());
          child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()));
        },
      },
    ).catch(() => {});
    await ended;
    const pid = Number(/pid (\d+) /.exec(stderr)?.[1]);
    expect(pid).toBeGreaterThan(0);
    expect((await readdir(tmpDir)).filter((name) => name.startsWith('orchtmp-'))).toEqual([]);
    await expect.poll(() => hasEnded(pid), { timeout: 30_000 }).toBe(true);
  });
});

test.for([
  [['drive', '--', '/nowhere/monitor'], 2, '--step'],
  [['drive', '--timeout', 'soon'], 2, '--timeout'],
  [['drive', '--step', 'A', '--', '/nowhere/monitor'], 1, 'could not start /nowhere/monitor'],
] as const)('%j ends with code %d and names the problem', async ([args, code, named]) => {
  const run = await runAwsiam(args);
  expect(run).toMatchObject({ code, stdout: '' });
  expect(run.stderr).toContain(named);
});

/** A zombie process counts as ended: its parent may be slow to notice. */
async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
}
