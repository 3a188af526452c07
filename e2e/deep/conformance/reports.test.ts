import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { mountSmallDisk } from '../../../runner/testing/needs.ts';
import { runSteps, completeHandshake, operationOf, stepNames, test } from '../../harness/conformance.ts';
import { monitorCommand, type Orchestrator } from '../../harness/orchestrator.ts';
import { readRuns } from '../../harness/read-history.ts';
import { nowhere } from '../../harness/loopback-only.ts';
import { makeResultsDir } from '../../harness/run.ts';
import { arrival } from '../../harness/servers.ts';

/** Runs all steps, ends the run as the Orchestrator does, and waits for the end of the process. */
async function runToTheEnd(monitor: Orchestrator): Promise<void> {
  await completeHandshake(monitor);
  await runSteps(monitor, stepNames);
  monitor.send('Exit 1');
  expect(await monitor.ended).toEqual({ code: 0, signal: null, killed: false });
}

/** What the monitor warned about. */
const warningsOf = ({ messages }: Orchestrator): string[] =>
  messages
    .filter((message) => message.startsWith('Log Warning'))
    .map((message) => message.slice('Log Warning '.length));

/** Expects a warning about the history, and perhaps one for each other report, but no warning about anything else. */
function expectLost(monitor: Orchestrator, first: RegExp): void {
  const [warning, ...others] = warningsOf(monitor);
  expect(warning).toMatch(first);
  for (const other of others) expect(other).toMatch(/^(metrics|totals|report|summary) .*(not|gave up)/);
}

const stateNames = (passed: number, next?: string): string[] =>
  stepNames.map((_, index) => (index < passed ? 'passed' : index === passed && next !== undefined ? next : 'blocked'));

/** Everything that the Orchestrator gets in a good run: three messages of the handshake, and an answer to each step. */
const answersOfGoodRun = 3 + stepNames.length;

test.concurrent('without METRIST_RESULTS_DIR nothing is written to disk', async ({ scenario, onTestFinished }) => {
  const home = await makeResultsDir(onTestFinished);
  const [program = ''] = monitorCommand();
  const monitor = await scenario.start(await scenario.account(), { env: { HOME: home } });
  await runToTheEnd(monitor);
  expect(await readdir(home)).toEqual([]);
  // The monitor's working directory.
  expect(existsSync(path.join(path.dirname(program), 'results'))).toBe(false);
  expect(warningsOf(monitor)).toEqual([]);
});

test.concurrent('with an endpoint of OpenTelemetry alone, the run is reported there, and nothing is written to disk', async ({
  scenario,
}) => {
  const [program = ''] = monitorCommand();
  // Nobody listens there, so the only trace of the report is its warning.
  const monitor = await scenario.start(await scenario.account(), { env: { OTEL_EXPORTER_OTLP_ENDPOINT: nowhere() } });
  await runToTheEnd(monitor);
  expect(existsSync(path.join(path.dirname(program), 'results'))).toBe(false);
  expect(warningsOf(monitor)).toEqual([expect.stringMatching(/^OTLP.* not /)]);
  expect(monitor.answers).toHaveLength(answersOfGoodRun);
});

test.concurrent('a good run is in the history, complete, with what the environment says about it', async ({
  scenario,
  onTestFinished,
}) => {
  const resultsDir = await makeResultsDir(onTestFinished);
  const monitor = await scenario.start(await scenario.account('CreateGroup=Throttling:1'), {
    env: { METRIST_RESULTS_DIR: resultsDir, METRIST_INSTANCE_ID: 'e2e-1', AWSIAM_INTERVAL_SECS: '300' },
  });
  await runToTheEnd(monitor);
  const [run, ...more] = await readRuns(resultsDir);
  expect(more).toEqual([]);
  expect(run).toMatchObject({
    frontEnd: 'orchestrator',
    mode: 'live',
    instance: 'e2e-1',
    namespace: 'e2e',
    region: 'us-east-1',
    account: '123456789012',
    intervalSecs: 300,
    state: 'passed',
    problems: [],
    leftovers: [],
    swept: 0,
    warnings: [],
  });
  expect(run?.steps.map(({ name, state }) => [name, state])).toEqual(stepNames.map((name) => [name, 'passed']));
  expect(run?.steps[1]).toMatchObject({ evidence: { attempts: 2 } });
  expect(run?.durationMs).toBeGreaterThan(0);
  // No JUnit document, and no outbox of results for Metrist.
  expect(await readdir(resultsDir)).not.toContain('junit.xml');
  expect(await readdir(resultsDir)).not.toContain('outbox');
  expect(monitor.answers).toHaveLength(answersOfGoodRun);
  expect(monitor.stderr).toBe('');
});

test.concurrent('a failed step is in the history although SIGTERM follows its Exit at once', async ({
  scenario,
  onTestFinished,
}) => {
  const resultsDir = await makeResultsDir(onTestFinished);
  const iam = await scenario.usedAccount('AddUserToGroup=ServiceFailure:3,DeleteUser=AccessDenied');
  const monitor = await scenario.start(iam, { env: { METRIST_RESULTS_DIR: resultsDir } });
  monitor.onMessage = (message) => {
    if (message.startsWith('Step Error')) monitor.giveUp({ cleanup: true });
  };
  await completeHandshake(monitor);
  await runSteps(monitor, stepNames.slice(0, 3));
  expect(await monitor.ended).toMatchObject({ killed: false });
  const [run, ...more] = await readRuns(resultsDir);
  expect(more).toEqual([]);
  expect(run?.state).toBe('failed');
  expect(run?.steps.map(({ state }) => state)).toEqual(stateNames(2, 'failed'));
  expect(run?.steps[2]).toMatchObject({
    error: { verdict: 'service', code: 'ServiceFailure' },
    evidence: { attempts: 3 },
  });
  expect(run?.steps[3]).toMatchObject({ reason: 'AddUserToGroup failed' });
  expect(run?.leftovers).toMatchObject([{ entity: expect.stringMatching(/^user testuser-e2e-/) as unknown }]);
  // Only the leftover is warned about.
  expect(warningsOf(monitor)).toEqual([expect.stringMatching(/^left behind: user/)]);
});

test.concurrent.for([
  ['SIGTERM', (monitor: Orchestrator) => monitor.signal('SIGTERM'), 'SIGTERM'],
  ['an early Exit and SIGTERM', (monitor: Orchestrator) => monitor.giveUp(), 'Exit'],
  ['the end of stdin', (monitor: Orchestrator) => monitor.closeInput(), 'the end of its input'],
] as const)(
  '%s in the middle of a step interrupts the step in the history',
  async ([, end, reason], { scenario, onTestFinished }) => {
    const resultsDir = await makeResultsDir(onTestFinished);
    const iam = await scenario.account(`${operationOf('CreateGroup')}=hang-after:1`);
    const monitor = await scenario.start(iam, { env: { METRIST_RESULTS_DIR: resultsDir } });
    await completeHandshake(monitor);
    await runSteps(monitor, ['CreateUser']);
    const running = arrival(iam, 'CreateGroup');
    monitor.send('Run Step CreateGroup');
    await running;
    end(monitor);
    expect(await monitor.ended).toMatchObject({ killed: false });
    const [run] = await readRuns(resultsDir);
    expect(run).toMatchObject({ state: 'interrupted', leftovers: [] });
    expect(run?.steps.map(({ state }) => state)).toEqual(stateNames(1, 'interrupted'));
    expect(run?.steps[1]).toMatchObject({ reason: `the run was interrupted by ${reason}` });
    expect(run?.steps[2]).toMatchObject({ reason: 'CreateGroup was interrupted' });
  },
);

test.concurrent('SIGTERM between two steps interrupts the next one in the history, as with vitest', async ({
  scenario,
  onTestFinished,
}) => {
  const resultsDir = await makeResultsDir(onTestFinished);
  const iam = await scenario.account();
  const monitor = await scenario.start(iam, { env: { METRIST_RESULTS_DIR: resultsDir } });
  await completeHandshake(monitor);
  await runSteps(monitor, stepNames.slice(0, 2));
  monitor.signal('SIGTERM');
  expect(await monitor.ended).toEqual({ code: 143, signal: null, killed: false });
  const [run] = await readRuns(resultsDir);
  expect(run?.state).toBe('interrupted');
  expect(run?.steps.map(({ state }) => state)).toEqual(stateNames(2, 'interrupted'));
  // It was not carried out.
  expect(iam.calls.map(({ operation }) => operation)).not.toContain('AddUserToGroup');
});

test.concurrent('a run that was asked for no step is in no report', async ({ scenario, onTestFinished }) => {
  const resultsDir = await makeResultsDir(onTestFinished);
  const monitor = await scenario.start(await scenario.account(), { env: { METRIST_RESULTS_DIR: resultsDir } });
  await completeHandshake(monitor);
  monitor.send('Exit 0');
  await monitor.ended;
  expect(await readdir(resultsDir)).toEqual([]);
});

test.concurrent('two monitors at once write two whole lines', async ({ scenario, onTestFinished }) => {
  const resultsDir = await makeResultsDir(onTestFinished);
  const start = async () =>
    await scenario.start(await scenario.account(), { env: { METRIST_RESULTS_DIR: resultsDir } });
  await Promise.all([runToTheEnd(await start()), runToTheEnd(await start())]);
  expect(await readRuns(resultsDir)).toHaveLength(2);
});

test.concurrent('wrong settings of the reports are warnings: the steps run, and the defaults are used', async ({
  scenario,
  onTestFinished,
}) => {
  const resultsDir = await makeResultsDir(onTestFinished);
  const monitor = await scenario.start(await scenario.account(), {
    env: {
      METRIST_RESULTS_DIR: resultsDir,
      AWSIAM_INTERVAL_SECS: 'often',
      AWSIAM_HISTORY_DAYS: '0',
      METRIST_INSTANCE_ID: '???',
    },
  });
  await runToTheEnd(monitor);
  const expected = [
    expect.stringMatching(/^AWSIAM_INTERVAL_SECS is "often": expected .*; the default is used$/),
    expect.stringMatching(/^AWSIAM_HISTORY_DAYS is "0": expected .*; the default is used$/),
    expect.stringMatching(/^METRIST_INSTANCE_ID is "\?\?\?": expected .*; it is left out of the reports$/),
  ];
  expect(warningsOf(monitor)).toEqual(expected);
  const [run] = await readRuns(resultsDir);
  expect(run).toMatchObject({ state: 'passed', intervalSecs: 120, warnings: expected });
  expect(run).not.toHaveProperty('instance');
});

/** Directories that take no file, with the only warning that they cause. */
const badDirs = [
  [
    'a file in its place',
    async (dir: string) => {
      await writeFile(path.join(dir, 'file'), '');
      return path.join(dir, 'file');
    },
    /^METRIST_RESULTS_DIR is ".*": expected a directory.*; no file is written$/,
  ],
  [
    'a directory that cannot be made',
    () => Promise.resolve('/proc/results'),
    /^history \/proc\/results\/runs.* could not be written: /,
  ],
  [
    'a value that the Orchestrator could not find',
    () => Promise.resolve('<<ERROR: no such secret>>'),
    /^METRIST_RESULTS_DIR could not be resolved .*; no file is written$/,
  ],
] as const;

test.concurrent.for(badDirs)(
  '%s costs the reports and a warning for each',
  async ([, makeDir, warning], { scenario, onTestFinished }) => {
    const dir = await makeDir(await makeResultsDir(onTestFinished));
    const monitor = await scenario.start(await scenario.account(), { env: { METRIST_RESULTS_DIR: dir } });
    await runToTheEnd(monitor);
    expectLost(monitor, warning);
    expect(monitor.answers).toHaveLength(answersOfGoodRun);
  },
);

test('a full disk costs the reports and a warning for each', async ({ scenario, skip }) => {
  const resultsDir = await makeResultsDir();
  await mkdir(path.join(resultsDir, 'runs'));
  await mountSmallDisk({ skip }, path.join(resultsDir, 'runs'), '4k');
  await writeFile(path.join(resultsDir, 'runs', 'full'), Buffer.alloc(4096));
  const monitor = await scenario.start(await scenario.account(), { env: { METRIST_RESULTS_DIR: resultsDir } });
  await runToTheEnd(monitor);
  expectLost(monitor, /^history .* could not be written: ENOSPC/);
});

test('if nobody reads stdout any more, what could not be reported is on stderr', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account(), { env: { METRIST_RESULTS_DIR: '/proc/results' } });
  await completeHandshake(monitor);
  await runSteps(monitor, stepNames);
  monitor.closeOutput();
  monitor.send('Exit 0');
  await monitor.ended;
  expect(monitor.stderr).toMatch(/^warning: history \/proc\/results\/runs.* could not be written/);
});

/** Makes a history whose next write never ends: a pipe that is full and that nobody reads. */
async function makeHangingHistory(resultsDir: string): Promise<Disposable> {
  const runsDir = path.join(resultsDir, 'runs');
  await mkdir(runsDir);
  const dayMs = 86_400_000;
  // The run may start after midnight.
  const handles = [Date.now(), Date.now() + dayMs].map((ms) => {
    const file = path.join(runsDir, `${new Date(ms).toISOString().slice(0, 10)}.ndjson`);
    execFileSync('mkfifo', [file]);
    const handle = openSync(file, 'r+');
    writeSync(handle, Buffer.alloc(65_536));
    return handle;
  });
  return { [Symbol.dispose]: () => handles.forEach((handle) => closeSync(handle)) };
}

test.concurrent('a disk that does not answer holds the end up only until the Orchestrator would kill the process', async ({
  scenario,
  onTestFinished,
}) => {
  const resultsDir = await makeResultsDir(onTestFinished);
  using _ = await makeHangingHistory(resultsDir);
  const iam = await scenario.account('AddUserToGroup=ServiceFailure:3');
  const monitor = await scenario.start(iam, { env: { METRIST_RESULTS_DIR: resultsDir } });
  monitor.onMessage = (message) => {
    if (message.startsWith('Step Error')) monitor.giveUp();
  };
  await completeHandshake(monitor);
  const answers = await runSteps(monitor, stepNames.slice(0, 3));
  expect(answers.map(({ kind }) => kind)).toEqual(['Time', 'Time', 'Error']);
  // The process kills itself, because Node would first wait for the disk.
  expect(await monitor.ended).toEqual({ code: null, signal: 'SIGKILL', killed: false });
  expectLost(monitor, /^history .*: gave up, because the run had to end$/);
});

test.concurrent('after the last step, a disk that does not answer is given up after ten seconds', async ({
  scenario,
  onTestFinished,
}) => {
  const resultsDir = await makeResultsDir(onTestFinished);
  using _ = await makeHangingHistory(resultsDir);
  const monitor = await scenario.start(await scenario.account(), { env: { METRIST_RESULTS_DIR: resultsDir } });
  await completeHandshake(monitor);
  await runSteps(monitor, stepNames);
  monitor.send('Exit 0');
  expect(await monitor.ended).toEqual({ code: null, signal: 'SIGKILL', killed: false });
  expectLost(monitor, /^history .*: gave up/);
  expect(monitor.answers).toHaveLength(answersOfGoodRun);
});
