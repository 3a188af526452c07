import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, type TestContext } from 'vitest';
import { HistoryReader } from '../../history/read-history.ts';
import { type RunRecord } from '../../history/run-record.ts';
import { readTotals } from '../../history/totals.ts';
import type { MetristStandIn } from '../../metrist/testing/stand-in.ts';
import type { IamCall } from '../../mocks/iam/endpoint.ts';
import { createFaultPlan, type FaultPlan } from '../../mocks/iam/fault-plan.ts';
import { listEntities } from '../../mocks/iam/seeding.ts';
import type { IamServer } from '../../mocks/iam/server.ts';
import { createRandom } from '../../mocks/iam/state.ts';
import type { StepResult } from '../../runner/step-result.ts';
import { operationOf, stepNames } from '../harness/conformance.ts';
import type { FastWatch, Snapshot } from '../harness/fast-watch.ts';
import { startIamProxy } from '../harness/iam-proxy.ts';
import { fromSource } from '../harness/orchestrator.ts';
import { cleanEnv, liveEnv, makeResultsDir, onlyWaitLines, projectDir, runProgram, secrets } from '../harness/run.ts';
import { arrival, metristEnv, startIam, startMetrist } from '../harness/servers.ts';
import { RunningWatch } from '../harness/watch.ts';

type Cleanup = Pick<TestContext, 'onTestFinished'>;

const nothing = { users: [], groups: [] };
const dayMs = 24 * 3_600_000;
const hourMs = 3_600_000;

/** Tests of this file run beside each other, and each is far slower on a busy machine. */
const timeout = 600_000;

/** The runs of a history, as often as they stand there, in the order in which they made their users. */
async function runsOf(resultsDir: string, { calls }: IamServer): Promise<RunRecord[]> {
  const history = new HistoryReader({ dir: path.join(resultsDir, 'runs') });
  const order = new Map(
    calls
      .filter(({ operation }) => operation === 'CreateUser')
      .map(({ params }, index) => [params['UserName'], index] as const),
  );
  const runs: RunRecord[] = [];
  for await (const run of history) runs.push(run);
  expect([history.skipped, history.problems]).toEqual([0, []]);
  return runs.toSorted((a, b) => (order.get(a.testUser) ?? Infinity) - (order.get(b.testUser) ?? Infinity));
}

/** The users that runs made, each once. */
function usersOf({ calls }: IamServer): string[] {
  return [
    ...new Set(
      calls.filter(({ operation }) => operation === 'CreateUser').map(({ params }) => params['UserName'] ?? ''),
    ),
  ];
}

function countOf(steps: readonly StepResult[], state: StepResult['state']): number {
  return steps.filter((step) => step.state === state).length;
}

function sumOf(runs: readonly RunRecord[], count: (run: RunRecord) => number): number {
  return runs.reduce((sum, run) => sum + count(run), 0);
}

/** What was posted is what the records say, each result once. */
function checkPosted({ telemetry, errors, problems, swallowed }: MetristStandIn, runs: readonly RunRecord[]): void {
  expect([problems, swallowed]).toEqual([[], []]);
  for (const name of stepNames) {
    const posted = (rows: readonly Readonly<Record<string, unknown>>[]): number =>
      rows.filter((row) => row['check_logical_name'] === name).length;
    const recorded = (state: StepResult['state']): number =>
      sumOf(runs, ({ steps }) =>
        countOf(
          steps.filter((step) => step.name === name),
          state,
        ),
      );
    expect({ name, telemetry: posted(telemetry), errors: posted(errors) }).toEqual({
      name,
      telemetry: recorded('passed'),
      errors: recorded('failed'),
    });
  }
}

/** The totals count each record once. */
async function checkTotals(resultsDir: string, runs: readonly RunRecord[]): Promise<void> {
  const { totals, problems } = await readTotals({ resultsDir });
  expect(problems).toEqual([]);
  const byState = (state: RunRecord['state']): number => runs.filter((run) => run.state === state).length;
  const { failedTheirs = 0, failedOurs = 0, ...others } = totals.find({ mode: 'live' })?.counters.runs ?? {};
  expect({ ...others, failed: failedTheirs + failedOurs }).toEqual({
    passed: byState('passed'),
    failed: byState('failed'),
    interrupted: byState('interrupted'),
  });
}

/** No file is left that is not a result, such as one that was not finished. */
async function checkFiles(resultsDir: string): Promise<void> {
  const files = (await readdir(resultsDir, { recursive: true })).filter((name) => !/^(outbox|runs)($|\/)/.test(name));
  expect(files.filter((name) => !/^([\w.-]*\.lock|awsiam\.prom|junit\.xml|totals\.json)$/.test(name))).toEqual([]);
  expect((await readdir(path.join(resultsDir, 'runs'))).filter((name) => !/^[\d-]+\.ndjson$/.test(name))).toEqual([]);
}

describe.concurrent('awsiam watch', () => {
  test(
    '2,000 runs with random faults, and a stop in the middle: nothing is lost, left behind or held',
    { timeout },
    async ({ onTestFinished }) => {
      const iam = await startIam('', { faults: randomFaults(12), latency: randomLatency(13), onTestFinished });
      const metrist = await startMetrist({ onTestFinished });
      const resultsDir = await makeResultsDir(onTestFinished);
      const env = {
        ...cleanEnv(),
        ...liveEnv,
        ...metristEnv(metrist),
        AWS_ENDPOINT_URL_IAM: iam.url,
        METRIST_RESULTS_DIR: resultsDir,
      };

      const stopped = runFast({ runs: 1000, snapshotsAt: [] }, env, { onTestFinished });
      await atCall(iam, ({ operation }) => operation === 'AddUserToGroup' && usersOf(iam).length >= 40);
      stopped.child.kill('SIGTERM');
      expect(await stopped.ended).toMatchObject({ code: 0 });
      const before = usersOf(iam).length;
      expect(listEntities(iam.state)).toEqual(nothing);

      const { ended } = runFast({ runs: 2000, snapshotsAt: [50, 100, 2000] }, env, { onTestFinished });
      const { snapshots, stderr, code } = await ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: onlyWaitLines });

      expect(listEntities(iam.state)).toEqual(nothing);
      const runs = await runsOf(resultsDir, iam);
      expect(runs.map(({ testUser }) => testUser)).toEqual(usersOf(iam));
      expect(runs).toHaveLength(before + 2000);
      expect(runs.filter(({ state }) => state === 'interrupted').length).toBe(1);
      expect(runs.filter(({ state }) => state === 'failed').length).toBeGreaterThan(20);
      expect(runs.flatMap(({ leftovers }) => leftovers)).toEqual([]);
      checkPosted(metrist, runs);
      await checkTotals(resultsDir, runs);
      await checkFiles(resultsDir);
      expect(await readdir(path.join(resultsDir, 'outbox')).catch(() => [])).toEqual([]);

      const [early, warm, late] = snapshots;
      if (early === undefined || warm === undefined || late === undefined) throw new Error('a snapshot is missing');
      const growth = late.heapBytes / warm.heapBytes - 1;
      console.log(
        `heap of a watch: ${(warm.heapBytes / 1e6).toFixed(2)} MB after 100 runs, ${(late.heapBytes / 1e6).toFixed(2)} MB after 2,000 (${(growth * 100).toFixed(1)} %)`,
      );
      expect(growth).toBeLessThan(0.05);
      expect({ ...late, run: 0, heapBytes: 0, residentBytes: 0 }).toEqual({
        ...early,
        run: 0,
        heapBytes: 0,
        residentBytes: 0,
      });
    },
  );

  test.for([
    ['the date of this host and of the service', true],
    ['the date of this host alone', false],
  ] as const)('an hour forwards and back: %s', { timeout }, async ([, both], { onTestFinished }) => {
    // Half an hour before midnight, so that the hour leads to another day.
    const now = Date.now();
    const todayMs = now - (now % dayMs);
    const baseMs = both ? todayMs + dayMs - hourMs / 2 - now : 0;
    const steps = [baseMs, baseMs + hourMs, baseMs];
    let aheadMs = baseMs;
    const iam = await startIam('', { onTestFinished });
    const proxy = await startIamProxy(iam, {
      onTestFinished,
      ...(both && { now: () => new Date(Date.now() + aheadMs) }),
    });
    const resultsDir = await makeResultsDir(onTestFinished);
    const settings = { ...liveEnv, AWS_ENDPOINT_URL_IAM: proxy.url, METRIST_RESULTS_DIR: resultsDir };
    const watch = new RunningWatch({
      command: fromSource,
      args: ['--every', '1s', '--listen', '127.0.0.1:0'],
      env: { ...settings, ...steppedDate(steps) },
      onTestFinished,
    });
    const beganMs = performance.now();
    await watch.runs(3);
    for (const step of steps.slice(1)) {
      watch.child.kill('SIGUSR2');
      await watch.until(({ stderr }) => stderr.includes(`the date is ${step} ms ahead`));
      aheadMs = step;
      // The run of that moment is over, and another one.
      await watch.runs(watch.runLines.length + 2);
      const url = await urlOf(watch);
      expect(await (await fetch(`${url}metrics`)).text()).toContain('awsiam_state{state="up"} 1\n');
      expect((await fetch(`${url}healthz`)).status).toBe(200);
      await watch.runs(watch.runLines.length + 1);
    }
    const { code, everything } = await watch.stop();
    const elapsedMs = performance.now() - beganMs;
    expect(code, everything).toBe(143);
    expect(watch.stateLines).toEqual([]);
    expect(listEntities(iam.state)).toEqual(nothing);

    const runs = await runsOf(resultsDir, iam);
    expect(runs.map(({ testUser }) => testUser)).toEqual(usersOf(iam));
    expect(runs.filter(({ state }) => state === 'failed')).toEqual([]);
    // Beats follow the monotonic clock: no burst after the hour forwards, no hour of silence after the hour back.
    expect(runs.length).toBeLessThanOrEqual(elapsedMs / 1000 + 2);
    const days = runs.map(({ startedAt }) => startedAt.slice(0, 10));
    const changes = days.filter((day, index) => day !== days[index - 1]);
    const [today = '', tomorrow = ''] = [todayMs, todayMs + dayMs].map((ms) => new Date(ms).toISOString().slice(0, 10));
    if (both) {
      expect(changes).toEqual([today, tomorrow, today]);
      expect((await readdir(path.join(resultsDir, 'runs'))).toSorted()).toEqual([
        `${today}.ndjson`,
        `${tomorrow}.ndjson`,
      ]);
    }
    for (const day of new Set(days)) {
      const lines = (await readFile(path.join(resultsDir, 'runs', `${day}.ndjson`), 'utf8')).trimEnd().split('\n');
      expect(lines).toHaveLength(days.filter((each) => each === day).length);
    }
    const warned = runs.filter(({ warnings }) =>
      warnings.some((text) => text.includes("this host's clock is 60 min ahead")),
    );
    if (!both) expect(warned.length).toBeGreaterThan(0);
    await checkTotals(resultsDir, runs);
    const status = await runProgram(fromSource[0], [fromSource[1], 'status'], {
      env: { ...settings, ...steppedDate([baseMs]) },
    });
    expect(status, status.everything).toMatchObject({ code: 0, stdout: expect.stringContaining('awsiam: up since') });
  });

  test(
    'a process that stands still between runs skips beats, has no burst afterwards and counts what it skipped',
    { timeout },
    async ({ onTestFinished }) => {
      const iam = await startIam('', { onTestFinished });
      const resultsDir = await makeResultsDir(onTestFinished);
      const watch = new RunningWatch({
        args: ['--every', '1s', '--listen', '127.0.0.1:0'],
        env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir },
        onTestFinished,
      });
      await watch.runs(1);
      const url = await urlOf(watch);
      const pausedMs = await pauseFor(watch, 4000);
      const resumedMs = performance.now();
      await watch.until(({ stdout }) => stdout.includes('skipped before it'));
      await watch.runs(watch.runLines.length + 2);
      const sinceMs = performance.now() - resumedMs;
      const metrics = await (await fetch(`${url}metrics`)).text();
      await watch.stop('SIGINT');
      const runs = await runsOf(resultsDir, iam);
      const skipped = sumOf(runs, ({ skippedBeats = 0 }) => skippedBeats);
      expect(skipped).toBeGreaterThanOrEqual(Math.floor(pausedMs / 1000) - 1);
      // In the lines of the runs, the summary and the metrics, which may be older than the last run.
      const shown = [...watch.stdout.matchAll(/(\d+) beats? skipped before it/g)].map(([, count]) => Number(count));
      expect(shown).toEqual(runs.flatMap(({ skippedBeats = 0 }) => (skippedBeats > 0 ? [skippedBeats] : [])));
      expect(watch.stdout).toMatch(
        new RegExp(String.raw`^awsiam watch · \d+ runs in .* · ${skipped} beats skipped$`, 'm'),
      );
      expect(Number(/^awsiam_skipped_beats_total (\d+)/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(shown[0] ?? NaN);
      const afterwards = iam.calls.filter(
        ({ operation, atMs }) => operation === 'CreateUser' && atMs > performance.timeOrigin + resumedMs,
      );
      // No burst: half an interval between two runs, and an interval from the second one on.
      expect(afterwards.length).toBeLessThanOrEqual(sinceMs / 1000 + 3);
      expect(runs.filter(({ state }) => state === 'failed')).toEqual([]);
      expect(listEntities(iam.state)).toEqual(nothing);
    },
  );

  test(
    'a run in which the process stood still is interrupted, and is no failure of IAM',
    { timeout },
    async ({ onTestFinished }) => {
      const iam = await startIam('AddUserToGroup=hang-after:1', { onTestFinished });
      const metrist = await startMetrist({ onTestFinished });
      const resultsDir = await makeResultsDir(onTestFinished);
      const watch = new RunningWatch({
        env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir },
        onTestFinished,
      });
      await arrival(iam, 'AddUserToGroup');
      // A pause counts from five seconds.
      await pauseFor(watch, 6500);
      await watch.runs(3);
      await watch.stop();
      const runs = await runsOf(resultsDir, iam);
      expect(runs[0]).toMatchObject({ state: 'interrupted', leftovers: [] });
      expect(JSON.stringify(runs[0]?.steps)).toMatch(/the run was interrupted by a \d+ s pause of this process/);
      expect(runs[1]).toMatchObject({ state: 'passed', skippedBeats: expect.any(Number) });
      expect(runs[1]?.skippedBeats).toBeGreaterThanOrEqual(5);
      expect(metrist.errors).toEqual([]);
      // Nobody had looked for more than three intervals.
      expect(watch.stateLines).toEqual(['There is no fresh data', 'IAM is up (before: no fresh data)']);
      expect(listEntities(iam.state)).toEqual(nothing);
    },
  );

  const moments: readonly Moment[] = [
    ...stepNames.map((step): Moment => ({
      moment: step,
      faults: `${operationOf(step)}=hang-after:1`,
      at: (iam) => arrival(iam, operationOf(step)),
      state: 'interrupted',
    })),
    {
      moment: 'teardown',
      faults: 'AddUserToGroup=AccessDenied:1,DeleteGroup=slow:500:1',
      at: (iam) => arrival(iam, 'DeleteGroup'),
      state: 'failed',
    },
    { moment: 'the sweep', faults: 'ListUsers=hang:1', at: (iam) => arrival(iam, 'ListUsers'), state: 'passed' },
    {
      moment: 'the reports',
      at: async (_, metrist) => await until(() => metrist.requests.length > 0),
      isMetristSlow: true,
      state: 'passed',
    },
    { moment: 'the wait for the next run', at: async (_, __, watch) => await watch.runs(1), state: 'passed' },
    {
      moment: 'the wait for the first run',
      args: ['--jitter', '1d'],
      at: async (_, __, watch) => await watch.until(({ stdout }) => stdout.includes('every')),
    },
  ];

  test.for(
    moments.map((moment, index) => ({
      ...moment,
      signal: index % 2 === 0 ? ('SIGTERM' as const) : ('SIGINT' as const),
    })),
  )(
    '$signal during $moment ends the watch in order',
    { timeout },
    async ({ faults, at, isMetristSlow, state, args = [], signal }, { onTestFinished }) => {
      const iam = await startIam(faults, { onTestFinished });
      const metrist = await startMetrist({ onTestFinished });
      if (isMetristSlow === true) metrist.behave([{ kind: 'slow', delayMs: 500 }]);
      const resultsDir = await makeResultsDir(onTestFinished);
      const watch = new RunningWatch({
        args: ['--every', '1h', '--no-listen', ...args],
        env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir },
        onTestFinished,
      });
      await at(iam, metrist, watch);
      const { code, everything } = await watch.stop(signal);
      expect(code, everything).toBe(signal === 'SIGTERM' ? 143 : 130);
      expect(listEntities(iam.state), everything).toEqual(nothing);
      expect(watch.stderr).toContain(`${signal}: stopping`);
      expect(watch.stdout).toMatch(state === undefined ? /^awsiam watch · 0 runs in/m : /^awsiam watch · 1 run in/m);
      if (state === undefined) return;
      const runs = await runsOf(resultsDir, iam);
      expect(runs).toMatchObject([{ state, leftovers: [] }]);
      expect(watch.runLines).toHaveLength(1);
      checkPosted(metrist, runs);
      await checkTotals(resultsDir, runs);
      await checkFiles(resultsDir);
    },
  );

  test(
    'after a second signal the watch says what it is waiting for; a third ends it and names what it leaves behind',
    { timeout },
    async ({ onTestFinished }) => {
      const iam = await startIam(
        'AddUserToGroup=hang-after:1,RemoveUserFromGroup=hang,DeleteGroup=hang,DeleteUser=hang',
        { onTestFinished },
      );
      const watch = new RunningWatch({
        env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: await makeResultsDir(onTestFinished) },
        onTestFinished,
      });
      await arrival(iam, 'AddUserToGroup');
      const removal = arrival(iam, 'RemoveUserFromGroup');
      for (const answer of ['SIGINT: stopping', 'SIGINT: still stopping: removing group', 'for the third time']) {
        watch.child.kill('SIGINT');
        await watch.until(({ stderr }) => stderr.includes(answer));
        await removal;
        // Signals within half a second count as one.
        await delay(600);
      }
      const { code, signal, stderr } = await watch.ended;
      expect({ code, signal }).toEqual({ code: null, signal: 'SIGINT' });
      const { users, groups } = listEntities(iam.state);
      expect([users.length, groups.length]).toEqual([1, 1]);
      expect(stderr).toContain(`left behind: user ${users[0]}`);
      expect(stderr).toContain(`left behind: group ${groups[0]}`);
    },
  );

  test(
    'after a SIGKILL in a run and one in its reports, the next watch goes on and removes what was left',
    { timeout },
    async ({ onTestFinished }) => {
      const iam = await startIam('AddUserToGroup=hang-after:1', { onTestFinished });
      const metrist = await startMetrist({ onTestFinished });
      const resultsDir = await makeResultsDir(onTestFinished);
      const start = (): RunningWatch =>
        new RunningWatch({
          env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir },
          onTestFinished,
        });
      const first = start();
      await arrival(iam, 'AddUserToGroup');
      await first.stop('SIGKILL');
      const killedUser = usersOf(iam)[0];
      expect(listEntities(iam.state).users).toEqual([killedUser]);
      for (const { entity } of [...iam.state.users.values(), ...iam.state.groups.values()]) {
        entity.CreateDate = new Date(Date.now() - 3 * hourMs);
      }

      metrist.behave([{ kind: 'hang' }]);
      const second = start();
      await until(() => metrist.requests.length > 0);
      await second.stop('SIGKILL');
      // The sweep comes before the reports.
      expect(listEntities(iam.state)).toEqual(nothing);
      metrist.behave([]);

      const third = start();
      await third.runs(2);
      expect((await third.stop()).code).toBe(143);
      const runs = await runsOf(resultsDir, iam);
      expect(runs.map(({ testUser }) => testUser)).toEqual(usersOf(iam).filter((user) => user !== killedUser));
      expect(sumOf(runs, ({ swept = 0 }) => swept)).toBe(2);
      await checkTotals(resultsDir, runs);
      await checkFiles(resultsDir);
      expect(listEntities(iam.state)).toEqual(nothing);
    },
  );

  test('the next run uses new keys, from .env and from ~/.aws/credentials', { timeout }, async ({ onTestFinished }) => {
    const iam = await startIam('', { onTestFinished });
    const proxy = await startIamProxy(iam, { onTestFinished });
    const [home, resultsDir] = [await makeResultsDir(onTestFinished), await makeResultsDir(onTestFinished)];
    mkdirSync(path.join(home, '.aws'));
    const keyIds = ['AKIAE2EROTATED0FIRST', 'AKIAE2EROTATED0SECON', 'AKIAE2EROTATED0THIRD', 'AKIAE2EROTATED0FOURT'];
    const common = 'METRIST_AWS_REGION=us-east-1\nMETRIST_NAMESPACE=e2e\n';
    const { secretAccessKey } = secrets;
    const writeEnv = (keyId?: string): void =>
      writeFileSync(
        path.join(home, '.env'),
        keyId === undefined
          ? common
          : `${common}METRIST_AWS_ACCESS_KEY_ID=${keyId}\nMETRIST_AWS_SECRET_ACCESS_KEY='${secretAccessKey}'\n`,
      );
    const credentialsFile = path.join(home, '.aws/credentials');
    const writeProfile = (keyId = ''): void =>
      writeFileSync(
        credentialsFile,
        `[default]\naws_access_key_id = ${keyId}\naws_secret_access_key = ${secretAccessKey}\n`,
      );
    /** What changes during a run, for the next one. */
    const changes = [
      () => writeEnv(keyIds[1]),
      () => {
        writeProfile(keyIds[2]);
        writeEnv();
      },
      () => writeProfile(keyIds[3]),
      () => rmSync(credentialsFile),
    ];
    writeEnv(keyIds[0]);
    iam.events.on('call', ({ operation }: IamCall) => {
      if (operation === 'DeleteUser') changes.shift()?.();
    });
    const watch = new RunningWatch({
      command: [path.join(projectDir, 'dist/awsiam')],
      env: { HOME: home, AWS_ENDPOINT_URL_IAM: proxy.url, METRIST_RESULTS_DIR: resultsDir },
      cwd: home,
      onTestFinished,
    });
    await watch.until(({ runLines }) => runLines.length === 5);
    writeProfile(keyIds[0]);
    await watch.until(({ runLines }) => runLines.slice(5).some((line) => line.includes('✓')));
    const { everything } = await watch.stop();
    expect(everything).not.toContain(secretAccessKey);
    const perRun: string[][] = [];
    for (const { operation, accessKeyId } of proxy.requests) {
      if (operation === 'CreateUser') perRun.push([]);
      perRun.at(-1)?.push(accessKeyId);
    }
    expect(perRun.slice(0, 5).map((ids) => [...new Set(ids)])).toEqual([...keyIds, keyIds[0]].map((id) => [id]));
    const runs = await runsOf(resultsDir, iam);
    expect(runs.filter(({ state }) => state === 'failed').map(({ steps: [step] }) => step)).toEqual([
      expect.objectContaining({ error: expect.objectContaining({ verdict: 'credentials' }) }),
    ]);
    expect(listEntities(iam.state)).toEqual(nothing);
  });

  test('an endpoint that disappears for ten runs is down, then up again', { timeout }, async ({ onTestFinished }) => {
    const iam = await startIam('', { onTestFinished: ignore });
    const metrist = await startMetrist({ onTestFinished });
    const resultsDir = await makeResultsDir(onTestFinished);
    const watch = new RunningWatch({
      env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir },
      onTestFinished,
    });
    await watch.runs(1);
    // The last requests of a run are those of its sweep.
    await Promise.all(
      ['ListUsers', 'ListGroups'].map((operation) => atCall(iam, (call) => call.operation === operation, 'settled')),
    );
    await iam.close();
    const failures = (): number => watch.runLines.filter((line) => line.includes('✗')).length;
    await watch.until(() => failures() >= 10);
    const again = await startIam('', { state: iam.state, port: iam.port, onTestFinished });
    await watch.until(({ stateLines }) => stateLines.some((line) => line.includes('IAM is up')));
    const { code, everything } = await watch.stop();
    expect(code, everything).toBe(143);
    expect(watch.stateLines).toEqual([
      'IAM is down (before: up)',
      'IAM has issues (before: down)',
      'IAM is up (before: issues)',
    ]);
    const runs = await runsOf(resultsDir, iam);
    const failed = runs.filter(({ state }) => state === 'failed');
    expect(failed.length).toBeGreaterThanOrEqual(10);
    expect(new Set(failed.map(({ steps: [step] }) => step?.state === 'failed' && step.error.verdict))).toEqual(
      new Set(['network']),
    );
    expect(listEntities(again.state)).toEqual(nothing);
    checkPosted(metrist, runs);
    await checkTotals(resultsDir, runs);
  });
});

/** The test itself closes the server. */
const ignore = (): void => {};

/** When a signal comes, and what becomes of the run of that moment. */
interface Moment {
  readonly moment: string;
  readonly faults?: string;
  readonly isMetristSlow?: true;
  readonly args?: readonly string[];
  readonly at: (iam: IamServer, metrist: MetristStandIn, watch: RunningWatch) => Promise<void>;
  /** Absent if there is no run. */
  readonly state?: RunRecord['state'];
}

/** Faults of a bad service, the same ones each time. None of them takes long, and most of them are retried. */
function randomFaults(seed: number): FaultPlan {
  const random = createRandom(seed);
  const names = [
    'AccessDenied',
    'AccessDenied',
    'AccessDenied',
    'ServiceFailure',
    'Throttling',
    'reset-before',
    'reset-after',
    'truncated',
    'slow:30',
    'NoSuchEntity',
  ];
  return {
    next(operation, input) {
      if (random() > 0.005) return undefined;
      const name = names[Math.floor(random() * names.length)] ?? '';
      // After a creation without an answer, teardown looks for the entity for twenty seconds.
      if (operation.startsWith('Create') && /^(reset|truncated)/.test(name)) return undefined;
      return createFaultPlan(`${operation}=${name}:1`).next(operation, input);
    },
  };
}

/** Mostly none. */
function randomLatency(seed: number): () => number {
  const random = createRandom(seed);
  return () => (random() < 0.9 ? 0 : random() * 5);
}

function runFast(watch: FastWatch, env: Readonly<Record<string, string>>, { onTestFinished }: Cleanup) {
  const child = fork(path.join(import.meta.dirname, '../harness/fast-watch.ts'), [JSON.stringify(watch)], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    cwd: os.tmpdir(),
    env,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const snapshots: Snapshot[] = [];
  const written = { stdout: '', stderr: '' };
  child.on('message', (snapshot) => snapshots.push(snapshot as Snapshot));
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => (written[name] += text));
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, snapshots, ...written }));
  return { child, ended };
}

/** Resolves at the next call of this kind. */
async function atCall(
  iam: IamServer,
  isIt: (call: IamCall) => boolean,
  event: 'call' | 'settled' = 'call',
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listener = (call: IamCall): void => {
    if (!isIt(call)) return;
    iam.events.off(event, listener);
    resolve();
  };
  iam.events.on(event, listener);
  await promise;
}

/** For what has no event. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(5);
}

function steppedDate(aheadMs: readonly number[]): Readonly<Record<string, string>> {
  const file = pathToFileURL(path.join(import.meta.dirname, '../harness/stepped-date.ts')).href;
  return { NODE_OPTIONS: `--import=${file}`, E2E_DATE_AHEAD_MS: aheadMs.join(',') };
}

async function urlOf(watch: RunningWatch): Promise<string> {
  await watch.until(({ stdout }) => /http:\S+/.test(stdout));
  return /http:\S+/.exec(watch.stdout)?.[0] ?? '';
}

/** Stops the whole process for at least this time. @returns for how long it stood still */
async function pauseFor({ child }: RunningWatch, ms: number): Promise<number> {
  const sinceMs = performance.now();
  child.kill('SIGSTOP');
  await delay(ms);
  child.kill('SIGCONT');
  return performance.now() - sinceMs;
}
