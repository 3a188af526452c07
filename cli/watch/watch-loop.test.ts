import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { HistoryReader } from '../../history/read-history.ts';
import type { RunRecord } from '../../history/run-record.ts';
import { createFaultPlan, type FaultPlan } from '../../mocks/iam/fault-plan.ts';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { type IamServer, startIamServer } from '../../mocks/iam/server.ts';
import { systemClock } from '../../runner/clock.ts';
import type { MonitorRun } from '../../runner/monitor-run.ts';
import { secretAccessKey, testValues } from '../../suites/awsiam/testing/values.ts';
import { testContext } from '../testing/context.ts';
import { WatchLoop } from './watch-loop.ts';

const everyMs = 60_000;

interface SetUp {
  /** One for each beat: how many were skipped before it. */
  readonly beats?: readonly number[];
  /** Called with the number of the beat, from 0, before it. */
  readonly beforeBeat?: (index: number, watch: Watch) => unknown;
  readonly faults?: string | FaultPlan;
  readonly values?: Readonly<Record<string, string>>;
  readonly nextMs?: number;
  readonly mayRun?: (index: number) => boolean;
}

type Watch = Awaited<ReturnType<typeof setUp>>;

/** A watch over a mock of IAM, whose beats come at once and which ends after the last one. */
async function setUp({ beats = [0], beforeBeat, faults = '', values: more, nextMs, mayRun = () => true }: SetUp = {}) {
  const plan = typeof faults === 'string' ? createFaultPlan(faults) : faults;
  const iam = await startIamServer({ faults: plan });
  onTestFinished(() => iam.close());
  const resultsDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-watch-'));
  onTestFinished(() => rm(resultsDir, { recursive: true, force: true }));
  const values: Record<string, string | undefined> = testValues({
    AWS_ENDPOINT_URL_IAM: iam.url,
    METRIST_RESULTS_DIR: resultsDir,
    ...more,
  });
  const envFile: { added: Readonly<Record<string, string>>; problems: readonly string[] } = { added: {}, problems: [] };
  const listeners: ((error: unknown) => void)[] = [];
  const context = {
    ...testContext(values),
    loadEnvFile: () => {
      Object.assign(values, envFile.added);
      return Promise.resolve(envFile.problems);
    },
    onUnhandled: (listener: (error: unknown) => void) => {
      listeners.push(listener);
      return { [Symbol.dispose]: () => void listeners.splice(listeners.indexOf(listener), 1) };
    },
  };
  const runs: MonitorRun[] = [];
  let index = -1;
  const stop = new AbortController();
  const loop = new WatchLoop(
    {
      beat: {
        nextMs: nextMs ?? systemClock.elapsedMs(),
        next: async () => {
          index += 1;
          await beforeBeat?.(index, watch);
          const skipped = stop.signal.aborted ? undefined : beats[index];
          return skipped === undefined ? undefined : { skipped };
        },
      },
      everyMs,
      output: context.output,
      errorOutput: context.errorOutput,
      terminal: { color: false, columns: 10_000 },
      onBeat: (setup) => Promise.resolve(mayRun(index) ? setup : undefined),
      onRun: (run) => runs.push(run),
    },
    context,
  );
  const watch = {
    loop,
    iam,
    runs,
    resultsDir,
    envFile,
    stop,
    written: context.written,
    /** An error of the process that nobody handles. */
    throwUnhandled: (error: unknown) => listeners.at(-1)?.(error),
    run: async (): Promise<RunRecord[]> => {
      await loop.watch(stop.signal);
      expect(listeners).toEqual([]);
      return await readRuns(resultsDir);
    },
  };
  return watch;
}

async function readRuns(resultsDir: string): Promise<RunRecord[]> {
  const runs: RunRecord[] = [];
  for await (const run of new HistoryReader({ dir: path.join(resultsDir, 'runs') })) runs.push(run);
  return runs;
}

const line = (pattern: string): RegExp => new RegExp(`^\\S+ \\S+Z ${pattern}$`, 'm');

/** Resolves at the next request of an operation. */
async function arrival({ events }: IamServer, operation: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  events.on('call', (call) => call.operation === operation && resolve());
  await promise;
}

/** From now on, more time has passed by the monotonic clock. */
function letPass(ms: number): void {
  const now = systemClock.elapsedMs();
  vi.spyOn(systemClock, 'elapsedMs').mockImplementation(() => now + ms);
  onTestFinished(() => void vi.restoreAllMocks());
}

describe('the runs of a watch', () => {
  test('are one line each, in the history with the interval and the front end, and leave nothing behind', async () => {
    const { run, iam, written } = await setUp({ beats: [0, 0, 0] });
    const runs = await run();
    expect(runs.map(({ state, frontEnd, intervalSecs }) => [state, frontEnd, intervalSecs])).toEqual(
      Array.from({ length: 3 }, () => ['passed', 'watch', 60]),
    );
    expect(written.output.match(/^.*✓ .*$/gm)).toHaveLength(3);
    expect(written.output.trimEnd().split('\n')).toHaveLength(3);
    expect(written.errorOutput).toBe('');
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  test('each have a session of their own', async () => {
    const { run, iam } = await setUp({ beats: [0, 0] });
    await run();
    const names = iam.calls
      .filter(({ operation }) => operation === 'CreateUser')
      .map(({ params }) => params['UserName']);
    expect(new Set(names).size).toBe(2);
  });

  test('each read the settings anew', async () => {
    const { run } = await setUp({
      beats: [0, 0, 0, 0],
      beforeBeat: (index, { envFile }) => {
        if (index === 1) envFile.added = { METRIST_NAMESPACE: 'other' };
        if (index === 2) envFile.problems = ['the file .env could not be read: permission denied'];
        if (index === 3) envFile.problems = [];
      },
    });
    const runs = await run();
    expect(runs.map(({ state, namespace }) => [state, namespace])).toEqual([
      ['passed', 'prod'],
      ['passed', 'other'],
      ['failed', 'other'],
      ['passed', 'other'],
    ]);
    const [first] = runs[2]?.steps ?? [];
    expect(first).toMatchObject({ error: { verdict: 'configuration', message: expect.stringContaining('.env') } });
  });

  test('that fail are shown in full', async () => {
    const { run, written } = await setUp({ faults: 'CreateGroup=AccessDenied:1' });
    await run();
    expect(written.output).toMatch(line('✗ .*1 failed.*'));
    expect(written.output).toMatch(/^ *✗ CreateGroup/m);
    expect(written.output).toMatch(/AccessDenied/);
  });

  test('have the skipped beats before them in their record, their line and the summary', async () => {
    const { run, loop, written } = await setUp({ beats: [0, 2, 0] });
    expect((await run()).map(({ skippedBeats }) => skippedBeats)).toEqual([undefined, 2, undefined]);
    expect(loop.metrics('text')).toContain('awsiam_skipped_beats_total 2\n');
    expect(written.output).toContain('2 beats skipped before it');
    expect(loop.summary).toMatch(/^3 runs in \d+ s: 3 passed · 2 beats skipped$/);
  });

  test('get the beats of those that might not start', async () => {
    const { run, runs } = await setUp({ beats: [0, 1, 0, 0], mayRun: (index) => index === 0 || index === 3 });
    await run();
    expect(runs.map(({ skippedBeats }) => skippedBeats)).toEqual([undefined, 3]);
  });

  test('tear down and are reported if the watch has to stop, and are the last ones', async () => {
    const { run, iam, stop, loop } = await setUp({ beats: [0, 0], faults: 'AddUserToGroup=hang:1' });
    const ended = run();
    await arrival(iam, 'AddUserToGroup');
    stop.abort(new Error('the run was interrupted by SIGTERM'));
    expect((await ended).map(({ state, leftovers }) => [state, leftovers])).toEqual([['interrupted', []]]);
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
    expect(loop.summary).toMatch(/^1 run in \d+ s: 1 interrupted$/);
  });

  test('may have no code: each of them fails, and one whose code is there again passes', async () => {
    const file = '../../suites/awsiam/monitor.ts';
    onTestFinished(() => vi.doUnmock(file));
    const { run, runs, written, loop } = await setUp({
      beats: [0, 2, 0],
      beforeBeat: (index) => {
        vi.resetModules();
        if (index < 2) {
          vi.doMock(file, () => {
            throw new Error(`no code, but ${secretAccessKey}`);
          });
        } else vi.doUnmock(file);
      },
    });
    expect((await run()).map(({ state }) => state)).toEqual(['failed', 'failed', 'passed']);
    expect(runs.map(({ skippedBeats }) => skippedBeats)).toEqual([undefined, 2, undefined]);
    expect(loop.summary).toMatch(/^3 runs in \d+ s: 1 passed, 2 failed · 2 beats skipped$/);
    expect(written.output).toContain('monitor: NoResult at CreateUser');
    expect(written.errorOutput).toBe('');
    expect(JSON.stringify(written)).not.toContain(secretAccessKey);
  });
});

describe('an error that nobody handles', () => {
  test('is the failure of the run in which it happens', async () => {
    const { run, iam, throwUnhandled, written } = await setUp({ beats: [0, 0] });
    void arrival(iam, 'CreateGroup').then(() => throwUnhandled(new Error(`stray ${secretAccessKey}`)));
    const runs = await run();
    expect(runs.map(({ state, problems }) => [state, problems.map(({ kind, message }) => [kind, message])])).toEqual([
      ['failed', [['unhandled', 'stray [redacted]']]],
      ['passed', []],
    ]);
    expect(written.output).toContain('✗ unhandled: stray [redacted]');
    expect(written.errorOutput).toBe('');
  });

  test('is one line on stderr if it happens between runs', async () => {
    const { run, written } = await setUp({
      beats: [0, 0],
      beforeBeat: (index, { throwUnhandled }) => {
        if (index === 1) throwUnhandled(new Error(`stray ${secretAccessKey}\nsecond line ${'x'.repeat(9000)}`));
      },
    });
    expect((await run()).map(({ state }) => state)).toEqual(['passed', 'passed']);
    expect(written.errorOutput).toBe('unhandled error; the watch goes on: stray [redacted]\n');
  });
});

describe('a change of the state', () => {
  test('is a line that stands out; a state that stays is none', async () => {
    const { run, written, iam } = await setUp({
      beats: [0, 0, 0, 0, 0, 0, 0, 0],
      faults: 'CreateUser=AccessDenied:3',
    });
    await run();
    expect(written.output.match(/» .*$/gm)).toEqual(['» The monitor is blind', '» IAM is up (before: blind)']);
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  test('is no line if the first run finds that all is well', async () => {
    const { run, written } = await setUp();
    await run();
    expect(written.output).not.toContain('»');
  });

  test('does not come from a date that jumps while a run is reported', async () => {
    const { run, written } = await setUp({
      beats: [0, 0],
      beforeBeat: (index, { iam }) => {
        if (index === 1) {
          void arrival(iam, 'ListGroups').then(() => {
            const aheadMs = Date.now() + 3_600_000;
            vi.spyOn(systemClock, 'now').mockImplementation(() => new Date(aheadMs));
          });
        }
      },
    });
    onTestFinished(() => void vi.restoreAllMocks());
    await run();
    expect(written.output).not.toContain('»');
  });
});

describe('the health of a watch', () => {
  test('is ok before the first run and says when it starts', async () => {
    const { loop } = await setUp({ nextMs: systemClock.elapsedMs() + 600_500 });
    expect(loop.health()).toEqual({ ok: true, text: 'no run has ended yet, the next one starts in 10 min' });
  });

  test('stays ok through a long wait for the first run', async () => {
    const { loop } = await setUp({ nextMs: systemClock.elapsedMs() + 10 * everyMs });
    letPass(9 * everyMs);
    expect(loop.health()).toMatchObject({ ok: true });
    letPass(4 * everyMs);
    expect(loop.health()).toEqual({
      ok: false,
      text: 'no run has ended for 3 min, and one is due every 1 min; none is running',
    });
  });

  test('is ok while runs end on time, and not any more when none has ended for two intervals', async () => {
    const { loop, run } = await setUp();
    await run();
    expect(loop.health()).toMatchObject({ ok: true, text: expect.stringMatching(/^the last run ended 0 s ago, /) });
    letPass(1.9 * everyMs);
    expect(loop.health()).toMatchObject({ ok: true });
    letPass(0.2 * everyMs);
    expect(loop.health()).toEqual({
      ok: false,
      text: 'no run has ended for 2 min, and one is due every 1 min; none is running',
    });
  });

  test('is not ok if a run hangs, and says for how long', async () => {
    const { loop, run, iam, stop } = await setUp({ faults: 'AddUserToGroup=hang:1' });
    const ended = run();
    await arrival(iam, 'AddUserToGroup');
    expect(loop.health()).toEqual({ ok: true, text: 'no run has ended yet, one has been running for 0 s' });
    letPass(2.1 * everyMs);
    expect(loop.health()).toEqual({
      ok: false,
      text: 'no run has ended for 2 min, and one is due every 1 min; one has been running for 2 min',
    });
    vi.restoreAllMocks();
    stop.abort(new Error('the test is over'));
    await ended;
  });
});

describe('the metrics of a watch', () => {
  test('are empty before the first run, or those of earlier processes', async () => {
    const before = await setUp({ beats: [0, 0] });
    expect(before.loop.metrics('text')).toBe('');
    await before.run();
    const { loop } = await setUp();
    await loop.readTotals(before.resultsDir);
    expect(loop.metrics('text')).toContain('awsiam_runs_total{result="passed"} 2\n');
  });

  test('are those of the textfile after a run', async () => {
    const { loop, run, resultsDir } = await setUp({ beats: [0, 0, 0] });
    await run();
    const textfile = await readFile(path.join(resultsDir, 'awsiam.prom'), 'utf8');
    expect(loop.metrics('text')).toBe(textfile);
    expect(textfile).toContain('awsiam_runs_total{result="passed"} 3\n');
  });

  test.each([
    ['the totals', 'totals.json.unfinished'],
    ['the textfile', 'awsiam.prom.unfinished'],
    ['the lock', '.totals.lock'],
  ])('go on in memory while %s cannot be written, and count nothing twice afterwards', async (_, name) => {
    const { loop, run } = await setUp({
      beats: [0, 0, 0, 0],
      beforeBeat: async (index, { resultsDir }) => {
        const blocked = path.join(resultsDir, name);
        if (index === 1) {
          await rm(blocked, { force: true });
          await mkdir(blocked);
        }
        if (index === 3) {
          expect(loop.metrics('text')).toContain('awsiam_runs_total{result="passed"} 3\n');
          await rm(blocked, { recursive: true });
        }
      },
    });
    await run();
    expect(loop.metrics('text')).toContain('awsiam_runs_total{result="passed"} 4\n');
  });

  test('have the state at the moment of the request, however the date jumps', async () => {
    const { loop, run } = await setUp();
    await run();
    const up = 'awsiam_state{state="up"} 1\n';
    for (const hours of [1, -1]) {
      const jumpedMs = Date.now() + hours * 3_600_000;
      vi.spyOn(systemClock, 'now').mockImplementation(() => new Date(jumpedMs));
      expect(loop.metrics('text'), `${hours} h`).toContain(up);
    }
    vi.restoreAllMocks();
    letPass(4 * everyMs);
    expect(loop.metrics('text')).toContain('awsiam_state{state="no fresh data"} 1\n');
  });
});

test('the summary of a watch without a run says so', async () => {
  const { loop, run } = await setUp({ beats: [] });
  expect(await run()).toEqual([]);
  expect(loop.summary).toMatch(/^0 runs in \d+ s$/);
});
