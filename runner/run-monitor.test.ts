import { getEventListeners, once } from 'node:events';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { OpenTimeoutError } from './deadline.ts';
import { Interruption } from './interruption.ts';
import type { Monitor } from './monitor.ts';
import { redact } from '../text/redact.ts';
import { MonitorRunner, type MonitorRunnerOptions } from './run-monitor.ts';
import type { StepResult, Verdict } from './step-result.ts';
import { fakeClock } from './testing/fake-clock.ts';
import {
  explained,
  testMonitor,
  testSession,
  testStep,
  type TestConfig,
  type TestSession,
} from './testing/test-monitor.ts';

const { signal: quiet } = new AbortController();

function makeRunner(
  overrides: Partial<Monitor<TestConfig, TestSession>> = {},
  options: Partial<MonitorRunnerOptions<TestConfig>> = {},
): MonitorRunner<TestConfig, TestSession> {
  return new MonitorRunner(testMonitor(overrides), {
    settings: { config: {}, problems: [] },
    values: {},
    mode: 'offline',
    clock: fakeClock(),
    ...options,
  });
}

async function runAll(runner: MonitorRunner<TestConfig, TestSession>, names = ['Fill', 'Boil', 'Pour']) {
  await runner.open(quiet);
  const results: StepResult[] = [];
  for (const name of names) results.push(await runner.step(name, quiet));
  return results;
}

/** A result, reduced to its state or its reason. */
const summaryOf = (result: StepResult): string => ('reason' in result ? result.reason : result.state);

describe('a run of a monitor', () => {
  test('runs every step over one session', async () => {
    const session = testSession();
    const results = await runAll(makeRunner({ openSession: () => Promise.resolve(session) }));
    expect(results.map(summaryOf)).toEqual(['passed', 'passed', 'passed']);
    expect(session.ran).toEqual(['Fill', 'Boil', 'Pour']);
  });

  test('opens the session with the config, the mode and a signal', async () => {
    const openSession = vi.fn<Monitor<TestConfig, TestSession>['openSession']>(() => Promise.resolve(testSession()));
    const runner = makeRunner({ openSession }, { settings: { config: { parsed: 'yes' }, problems: [] } });
    await runner.open(quiet);
    expect(openSession).toHaveBeenCalledExactlyOnceWith(
      { parsed: 'yes' },
      { mode: 'offline', signal: expect.any(AbortSignal) as AbortSignal },
    );
  });

  test.for([
    ['of the monitor', { problems: ['KETTLE is not set'], hints: ['a hint'] }, 'KETTLE is not set\na hint'],
    ['outside of the monitor', { config: {}, problems: ['.env cannot be read'] }, '.env cannot be read'],
  ] as const)(
    'a problem with the settings %s fails the first step, blocks the rest and opens nothing',
    async ([, settings, problem]) => {
      const openSession = vi.fn<Monitor<TestConfig, TestSession>['openSession']>();
      const [first, ...rest] = await runAll(makeRunner({ openSession }, { settings }));
      const message = `Broken at Fill: 1 problem with the settings:\n- ${problem}`;
      expect(first).toMatchObject({ state: 'failed', error: { message } });
      expect(rest.map(summaryOf)).toEqual(['Fill failed', 'Fill failed']);
      expect(openSession).not.toHaveBeenCalled();
    },
  );

  test('fails the first step if the session does not open, and blocks the rest', async () => {
    const [first, ...rest] = await runAll(
      makeRunner({ openSession: () => Promise.reject(new Error('no credentials')) }),
    );
    expect(first).toMatchObject({ state: 'failed', error: { message: 'Broken at Fill: no credentials' } });
    expect(rest.map(summaryOf)).toEqual(['Fill failed', 'Fill failed']);
  });

  test('fails the first step if nobody opened the session', async () => {
    expect(await makeRunner().step('Fill', quiet)).toMatchObject({
      state: 'failed',
      error: { message: 'Broken at Fill: the session was not opened' },
    });
  });

  test('blocks every step after a failure, with the step that failed as the reason', async () => {
    const session = testSession();
    const boil = testStep({ name: 'Boil', run: () => Promise.reject(new Error('no power')) });
    const steps = [testStep({ name: 'Fill' }), boil, testStep({ name: 'Pour' }), testStep({ name: 'Drink' })];
    const runner = makeRunner({ steps, openSession: () => Promise.resolve(session) });
    const results = await runAll(runner, ['Fill', 'Boil', 'Pour', 'Drink']);
    expect(results.map(summaryOf)).toEqual(['passed', 'failed', 'Boil failed', 'Boil failed']);
    expect(session.ran).toEqual(['Fill']);
  });

  test('blocks every step after an interruption', async () => {
    const cancel = new AbortController();
    const boil = testStep({
      name: 'Boil',
      run: () => {
        cancel.abort();
        return Promise.reject(new Error('aborted'));
      },
    });
    const runner = makeRunner({ steps: [boil, testStep({ name: 'Pour' })] });
    await runner.open(quiet);
    expect(await runner.step('Boil', cancel.signal)).toMatchObject({ state: 'interrupted' });
    expect(await runner.step('Pour', quiet)).toEqual({
      state: 'blocked',
      name: 'Pour',
      reason: 'Boil was interrupted',
    });
  });

  test('calls the first step interrupted if the run was cancelled while the session opened', async () => {
    const cancel = new AbortController();
    const runner = makeRunner({
      openSession: (_config, { signal }) => {
        cancel.abort();
        return Promise.reject(signal.reason as Error);
      },
    });
    await runner.open(cancel.signal);
    expect(await runner.step('Fill', cancel.signal)).toMatchObject({ state: 'interrupted', name: 'Fill' });
  });

  test('blocks a step that is requested before the ones that it needs', async () => {
    const session = testSession();
    const runner = makeRunner({ openSession: () => Promise.resolve(session) });
    await runner.open(quiet);
    expect(summaryOf(await runner.step('Pour', quiet))).toBe('Fill did not run');
    expect(summaryOf(await runner.step('Fill', quiet))).toBe('passed');
    expect(summaryOf(await runner.step('Pour', quiet))).toBe('Boil did not run');
    expect(session.ran).toEqual(['Fill']);
  });

  test('blocks a step that does not exist', async () => {
    const runner = makeRunner();
    await runner.open(quiet);
    expect(await runner.step('Melt', quiet)).toEqual({
      state: 'blocked',
      name: 'Melt',
      reason: 'kettle has no step Melt',
    });
    expect(summaryOf(await runner.step('Fill', quiet))).toBe('passed');
  });

  test('hides secrets in the settings, even in wrong ones', async () => {
    const values = { SECRET: 'hunter2hunter2' };
    const [first] = await runAll(makeRunner({}, { settings: { problems: [`bad value: ${values.SECRET}`] }, values }));
    expect(first).toMatchObject({ error: { message: expect.stringContaining('bad value: [redacted]') as string } });
    expect(redact.text('hunter2hunter2')).toBe('[redacted]');
  });

  test('hides secrets that the session found, in results and in the warnings of teardown', async () => {
    const secret = 'found-by-the-session';
    const fill = testStep({ name: 'Fill', run: () => Promise.reject(new Error(`refused ${secret}`)) });
    const runner = makeRunner({
      steps: [fill],
      openSession: () => Promise.resolve(testSession({ secret })),
      teardown: () => Promise.resolve({ leftovers: [], warnings: [`left ${secret}`] }),
    });
    const [first] = await runAll(runner, ['Fill']);
    expect(first).toMatchObject({ error: { message: 'Broken at Fill: refused [redacted]' } });
    expect(await runner.teardown()).toEqual({ leftovers: [], warnings: ['left [redacted]'] });
  });
});

describe('teardown of a run', () => {
  test('receives the session and leaves it open', async () => {
    const session = testSession();
    const leftover = { entity: 'cup', reason: 'hot', command: 'drink' };
    const teardown = vi.fn<Monitor<TestConfig, TestSession>['teardown']>(() =>
      Promise.resolve({ leftovers: [leftover], warnings: [] }),
    );
    const runner = makeRunner({ teardown, openSession: () => Promise.resolve(session) }, { mode: 'live' });
    await runner.open(quiet);
    expect(await runner.teardown()).toEqual({ leftovers: [leftover], warnings: [] });
    expect(teardown).toHaveBeenCalledWith(session, {
      signal: expect.any(AbortSignal) as AbortSignal,
      watch: expect.any(AbortSignal) as AbortSignal,
    });
    expect(session.closed).toBe(0);
    runner.close();
    expect(session.closed).toBe(1);
  });

  test.for([
    ['20 s after it began', undefined, 20_000],
    ['4 s after it began if the run had to stop before', -3000, 4000],
    ['4 s after the run had to stop', 10_000, 14_000],
    ['after 20 s also if the run has to stop just before that', 19_000, 20_000],
  ] as const)('stops looking for what may still appear %s', async ([, stopAtMs, endMs]) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const stop = new AbortController();
    const stopRun = (): void => stop.abort(new Interruption('SIGTERM'));
    const teardown: Monitor<TestConfig, TestSession>['teardown'] = (_, { watch }) =>
      new Promise((resolve) => {
        watch.addEventListener('abort', () => resolve({ leftovers: [], warnings: [] }));
      });
    const remaining = () => [{ entity: 'cup', isAwaited: true }];
    const clock = { now: () => new Date(), elapsedMs: () => performance.now() };
    const runner = makeRunner({ teardown, remaining }, { clock });
    await runner.open(quiet);
    if (stopAtMs === -3000) stopRun();
    else if (stopAtMs !== undefined) setTimeout(stopRun, stopAtMs);
    let isOver = false;
    const ending = runner.teardown({ stop: stop.signal }).then(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(endMs - 1);
    expect(isOver).toBe(false);
    expect(runner.progress).toMatchObject({ doing: 'looking for cup', forMs: endMs - 1, atMostMs: 1 });
    await vi.advanceTimersByTimeAsync(1);
    await ending;
  });

  test.for([
    ['never opened', () => Promise.resolve()],
    ['failed to open', (runner: MonitorRunner<TestConfig, TestSession>) => runner.open(quiet)],
  ] as const)('does nothing if the session %s', async ([, prepare]) => {
    const teardown = vi.fn<Monitor<TestConfig, TestSession>['teardown']>();
    const sweep = vi.fn<Monitor<TestConfig, TestSession>['sweep']>();
    const closeSession = vi.fn<Monitor<TestConfig, TestSession>['closeSession']>();
    const openSession = () => Promise.reject(new Error('no credentials'));
    const runner = makeRunner({ teardown, sweep, closeSession, openSession });
    await prepare(runner);
    expect(await runner.teardown()).toEqual({ leftovers: [], warnings: [] });
    expect(await runner.sweep(quiet)).toBeUndefined();
    runner.close();
    expect(teardown).not.toHaveBeenCalled();
    expect(sweep).not.toHaveBeenCalled();
    expect(closeSession).not.toHaveBeenCalled();
  });

  test.for([
    ['rejects', () => Promise.reject(new Error('no sponge'))],
    [
      'throws at once',
      () => {
        throw new Error('no sponge');
      },
    ],
  ] as const)('becomes a warning if it %s', async ([, teardown]) => {
    const runner = makeRunner({ teardown });
    await runner.open(quiet);
    expect(await runner.teardown()).toEqual({
      leftovers: [],
      warnings: ['teardown did not finish: Broken at teardown: no sponge'],
    });
  });

  test('becomes a warning if it hangs', async () => {
    const runner = makeRunner({ teardown: () => new Promise(() => {}) }, { teardownTimeoutMs: 1 });
    await runner.open(quiet);
    const { warnings } = await runner.teardown();
    expect(warnings).toEqual(['teardown did not finish: Broken at teardown: it took longer than 0.001 s']);
  });
});

describe('the sweep of a run', () => {
  const failing = (verdict: Verdict): Partial<Monitor<TestConfig, TestSession>> => ({
    steps: [testStep({ name: 'Fill', run: () => Promise.reject(new Error('no water')) })],
    explain: (_error, step) => ({ verdict, code: 'Broken', message: `Broken at ${step}`, advice: 'Mend it.' }),
  });

  test('hides secrets in its warnings', async () => {
    const secret = 'found-by-the-session';
    const runner = makeRunner({
      openSession: () => Promise.resolve(testSession({ secret })),
      sweep: () => Promise.resolve({ removed: 1, remaining: 2, warnings: [`left ${secret}`] }),
    });
    await runAll(runner);
    expect(await runner.sweep(quiet)).toEqual({ removed: 1, remaining: 2, warnings: ['left [redacted]'] });
  });

  test.for([
    ['service', false],
    ['throttled', false],
    ['timeout', false],
    ['network', false],
    ['credentials', false],
    ['monitor', false],
    ['quota', true],
    ['permission', true],
    ['configuration', true],
    ['propagation', true],
  ] as const)('after a failure with the verdict %s, happens or not: %j', async ([verdict, happens]) => {
    const runner = makeRunner(failing(verdict));
    await runAll(runner, ['Fill']);
    expect((await runner.sweep(quiet)) !== undefined).toBe(happens);
  });

  test('does not happen after the run was cancelled', async () => {
    const runner = makeRunner();
    await runAll(runner);
    expect(await runner.sweep(AbortSignal.abort())).toBeUndefined();
  });

  test.for([
    ['rejects', () => Promise.reject(new Error('no broom')), 'the sweep did not finish: Broken at sweep: no broom'],
    [
      'hangs',
      () => new Promise<never>(() => {}),
      'the sweep did not finish: Broken at sweep: it took longer than 0.001 s',
    ],
  ] as const)('becomes a warning if it %s', async ([, sweep, warning]) => {
    const runner = makeRunner({ sweep }, { sweepTimeoutMs: 1 });
    await runner.open(quiet);
    expect(await runner.sweep(quiet)).toEqual({
      removed: 0,
      remaining: 0,
      warnings: [expect.stringContaining(warning)],
    });
  });
});

test('a session that does not open in time fails the first step', async () => {
  const runner = makeRunner({ openSession: () => new Promise(() => {}) }, { openTimeoutMs: 1 });
  await runner.open(quiet);
  expect(await runner.step('Fill', quiet)).toMatchObject({ state: 'failed', name: 'Fill' });
});

describe('preparing', () => {
  test('comes after the settings are checked and before the session is opened', async () => {
    const order: string[] = [];
    const note = (what: string) => (): Promise<never> => {
      order.push(what);
      return Promise.resolve(testSession() as never);
    };
    await runAll(makeRunner({ prepare: note('prepare'), openSession: note('open') }));
    expect(order).toEqual(['prepare', 'open']);
    const settings = { problems: ['nothing is set'] };
    await runAll(makeRunner({ prepare: note('prepare for nothing') }, { settings }));
    expect(order).toHaveLength(2);
  });

  test('is not repeated if the front end has started it, and its failure fails the first step', async () => {
    const prepare = vi.fn<Monitor<TestConfig, TestSession>['prepare']>();
    const [first] = await runAll(makeRunner({ prepare }, { prepared: Promise.reject(new Error('half a module')) }));
    expect(first).toMatchObject({ state: 'failed', error: { message: 'Broken at Fill: half a module' } });
    expect(prepare).not.toHaveBeenCalled();
  });
});

describe('opening the session', () => {
  const openTimeoutMs = 1;
  const explain = (error: unknown, step: string) =>
    explained(error instanceof OpenTimeoutError ? error.cause : error, step);

  test('that takes too long is explained with what the monitor was waiting for', async () => {
    const openSession: Monitor<TestConfig, TestSession>['openSession'] = async (_config, { signal }) => {
      await once(signal, 'abort');
      throw new Error('waiting for the plug');
    };
    const [step] = await runAll(makeRunner({ openSession, explain }, { openTimeoutMs }));
    expect(step).toMatchObject({ state: 'failed', error: { message: 'Broken at Fill: waiting for the plug' } });
  });

  test('that takes too long has no cause if the monitor does not say what it was waiting for', async () => {
    const [step] = await runAll(makeRunner({ openSession: () => new Promise(() => {}), explain }, { openTimeoutMs }));
    expect(step).toMatchObject({ state: 'failed', error: { message: 'Broken at Fill: undefined' } });
  });
});

test('an explanation gets the mode, the values and how to set the settings', async () => {
  const explain = vi.fn<Monitor<TestConfig, TestSession>['explain']>(explained);
  const steps = [testStep({ name: 'Fill', run: () => Promise.reject(new Error('dry')) })];
  await runAll(makeRunner({ steps, explain }, { values: { A: '1' }, howToConfigure: 'Turn the knob' }), ['Fill']);
  expect(explain.mock.lastCall?.[2]).toMatchObject({
    mode: 'offline',
    values: { A: '1' },
    howToConfigure: 'Turn the knob',
  });
});

describe('a host whose clock is wrong', () => {
  const minuteMs = 60_000;
  async function runWith(offsetsMs: number[]) {
    const runner = makeRunner({ clockOffsetMs: () => offsetsMs.shift() ?? 0 });
    const results = await runAll(runner);
    return {
      starts: results.map((result) => 'startedAt' in result && result.startedAt),
      warnings: (await runner.teardown()).warnings,
    };
  }

  test('reports the service’s time, with one warning', async () => {
    expect(await runWith([-10 * minuteMs, -10 * minuteMs - 700, -10 * minuteMs + 900])).toEqual({
      // The test's clock stands still at noon. Answers have whole seconds, but steps must not seem to overlap.
      starts: Array.from({ length: 3 }, () => '2026-11-22T11:50:00.000Z'),
      warnings: [
        "this host's clock is 10 min ahead of the service's; the times of the steps are corrected. Set the clock (NTP)",
      ],
    });
    expect((await runWith([90 * minuteMs, 90 * minuteMs, 90 * minuteMs])).warnings).toEqual([
      expect.stringContaining('90 min behind'),
    ]);
  });

  test('reports its own time if its clock is nearly right', async () => {
    expect(await runWith([-900, 59_000, 0])).toEqual({
      starts: Array.from({ length: 3 }, () => '2026-11-22T12:00:00.000Z'),
      warnings: [],
    });
  });

  test('corrects the times from the moment at which its clock jumps', async () => {
    const { starts } = await runWith([0, -60 * minuteMs, -60 * minuteMs]);
    expect(starts).toEqual(['2026-11-22T12:00:00.000Z', '2026-11-22T11:00:00.000Z', '2026-11-22T11:00:00.000Z']);
  });

  test.for([60, -60])('reports the right start of a step during which its clock jumps by %d min', async (minutes) => {
    let nowMs = Date.parse('2026-11-22T12:00:00.000Z');
    let offsetMs = 0;
    const clock = { now: () => new Date(nowMs), elapsedMs: () => 0 };
    const jump = (): Promise<void> => {
      nowMs += minutes * minuteMs;
      offsetMs = -minutes * minuteMs;
      return Promise.resolve();
    };
    const steps = [testStep({ name: 'Fill', run: jump })];
    const results = await runAll(makeRunner({ steps, clockOffsetMs: () => offsetMs }, { clock }), ['Fill']);
    expect(results).toMatchObject([{ state: 'passed', startedAt: '2026-11-22T12:00:00.000Z' }]);
  });

  test.for([
    [36 * 60, '36 h'],
    [29_928_687, '20784 days'],
  ] as const)('warns in suitable units that its clock is off by %d min', async ([minutes, amount]) => {
    const offsetMs = minutes * minuteMs;
    const { warnings } = await runWith([offsetMs, offsetMs, offsetMs]);
    expect(warnings).toEqual([expect.stringContaining(`is ${amount} behind`)]);
  });
});

test.for([
  ['live', 'rm kettle'],
  ['offline', undefined],
] as const)('in a %s run, the command for a leftover is %j', async ([mode, command]) => {
  const leftover = { entity: 'kettle', reason: 'too hot', command: 'rm kettle' };
  const teardown = () => Promise.resolve({ leftovers: [leftover], warnings: [] });
  const runner = makeRunner({ teardown }, { mode });
  await runner.open(quiet);
  const { leftovers } = await runner.teardown();
  expect(leftovers.map((each) => each.command)).toEqual([command]);
});

test('a step ends at the deadline of the monitor or of the front end, whichever is shorter', async () => {
  const steps = [testStep({ name: 'Fill', run: () => new Promise(() => {}) })];
  const [step] = await runAll(makeRunner({ steps, stepTimeoutMs: () => 900_000 }, { longestStepMs: 1 }));
  expect(step).toMatchObject({ state: 'failed', error: { code: 'StepTimeout' } });
});

test('a step does not run twice, and its first result counts', async () => {
  const runner = makeRunner({});
  await runner.open(quiet);
  await runner.step('Fill', quiet);
  expect(await runner.step('Fill', quiet)).toEqual({ state: 'blocked', name: 'Fill', reason: 'Fill has already run' });
  expect(await runner.step('Boil', quiet)).toMatchObject({ state: 'passed' });
});

test('teardown ends early if the caller has no more time', async () => {
  const timeUp = new AbortController();
  const teardown = vi.fn<Monitor<TestConfig, TestSession>['teardown']>(() => {
    timeUp.abort(new Error('no time'));
    return new Promise(() => {});
  });
  const runner = makeRunner({ teardown });
  await runner.open(quiet);
  expect(await runner.teardown({ timeUp: timeUp.signal })).toEqual({
    leftovers: [],
    warnings: ['teardown did not finish: Broken at teardown: no time'],
  });
});

describe('the duration of a run', () => {
  test('lasts from the start of the first step to the end of the last, even if the wall clock jumps', async () => {
    const clock = fakeClock();
    let stepsBack = 0;
    const take = (name: string, ms: number) =>
      testStep({ name, run: () => Promise.resolve(clock.advance(ms)).then(() => void stepsBack++) });
    const runner = makeRunner(
      { steps: [take('Fill', 10.25), take('Boil', 20), take('Pour', 30)] },
      { clock: { elapsedMs: () => clock.elapsedMs(), now: () => new Date(Date.UTC(2026, 0, 1, 12 - stepsBack)) } },
    );
    clock.advance(500);
    await runAll(runner);
    clock.advance(500);
    expect(runner.durationMs).toBe(60.25);
  });

  test('is 0 if no step ran', () => {
    expect(makeRunner().durationMs).toBe(0);
  });
});

describe('where a run works', () => {
  test('is asked for with the session, once there is one', async () => {
    const runner = makeRunner({ facts: (_, session) => ({ region: session === undefined ? 'planned' : 'reached' }) });
    expect(runner.facts).toEqual({ region: 'planned' });
    await runner.open(quiet);
    expect(runner.facts).toEqual({ region: 'reached' });
  });

  test('is unknown without settings, or if the monitor cannot say it', () => {
    const facts = () => {
      throw new Error('a bug');
    };
    expect(makeRunner({ facts }).facts).toEqual({});
    expect(makeRunner({}).facts).toEqual({});
    const settings = { problems: ['wrong'] };
    expect(makeRunner({ facts: () => ({ region: 'x' }) }, { settings }).facts).toEqual({});
  });
});

describe('the progress of a run', () => {
  const remaining = [{ entity: 'cup 1', command: 'wash 1' }];

  test('says what the step is waiting for, and since when', async () => {
    const clock = fakeClock();
    const boil = testStep({
      name: 'Boil',
      run: (_session, context) => {
        context.waitingFor = 'the water hunter2hunter2';
        clock.advance(4000);
        expect(runner.progress).toEqual({
          doing: 'Boil: waiting for the water [redacted]',
          forMs: 4000,
          remaining,
        });
        return Promise.resolve();
      },
    });
    const runner = makeRunner(
      { steps: [boil], remaining: () => remaining },
      { clock, mode: 'live', values: { SECRET: 'hunter2hunter2' } },
    );
    expect((await runAll(runner, ['Boil'])).map(summaryOf)).toEqual(['passed']);
  });

  test('says what teardown still has to remove, and that the sweep removes what earlier runs left', async () => {
    const said: string[] = [];
    const limits: unknown[] = [];
    const runner = makeRunner({
      remaining: () => remaining,
      teardown: () => {
        said.push(runner.progress.doing);
        limits.push(runner.progress.atMostMs);
        return Promise.resolve({ leftovers: [], warnings: [] });
      },
      sweep: () => {
        said.push(runner.progress.doing);
        return Promise.resolve({ removed: 0, remaining: 0, warnings: [] });
      },
    });
    await runAll(runner);
    await runner.teardown();
    await runner.sweep(quiet);
    expect(said).toEqual(['removing cup 1', 'looking for what earlier runs left']);
    expect(limits).toEqual([60_000]);
  });

  test('says that teardown waits for what may still appear, and for how long', async () => {
    const said: unknown[] = [];
    const runner = makeRunner(
      {
        remaining: () => [{ entity: 'cup 1 (may still appear)', isAwaited: true }],
        teardown: () => {
          said.push(runner.progress);
          return Promise.resolve({ leftovers: [], warnings: [] });
        },
      },
      { clock: fakeClock() },
    );
    await runAll(runner);
    await runner.teardown();
    expect(said).toMatchObject([{ doing: 'looking for cup 1 (may still appear)', atMostMs: 20_000 }]);
  });

  test('does no harm if the monitor cannot say what is left', async () => {
    const runner = makeRunner({
      remaining: () => {
        throw new Error('a bug');
      },
    });
    await runAll(runner);
    expect(runner.progress.remaining).toEqual([]);
  });
});

test('many runs of a process do not keep the secrets of the first', async () => {
  const secret = 'credentials-of-the-first-run';
  const openSession = () => Promise.resolve(testSession({ secret }));
  await makeRunner({ openSession }).open(quiet);
  expect(redact.text(secret)).toBe('[redacted]');
  for (let count = 0; count < 20; count++) makeRunner();
  expect(redact.text(secret)).toBe(secret);
});

test('a run leaves no timer behind, and no listener at the signals that it was given', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { signal } = new AbortController();
  const runner = makeRunner();
  await runner.open(signal);
  for (const name of ['Fill', 'Boil', 'Pour']) await runner.step(name, signal);
  await runner.teardown({ stop: signal, timeUp: signal });
  await runner.sweep(signal);
  runner.close();
  expect(vi.getTimerCount()).toBe(0);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

describe('a pause of the process', () => {
  const pauseOf = (clock: ReturnType<typeof fakeClock>, ms: number): void => {
    clock.advance(ms);
    vi.advanceTimersByTime(1000);
  };

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
  });

  test('interrupts the running step, although its deadline has passed, and blocks the rest', async () => {
    const clock = fakeClock();
    const boil = testStep({
      name: 'Boil',
      run: () => {
        pauseOf(clock, 71_000);
        return Promise.reject(new Error('no answer within 60 s'));
      },
    });
    const runner = makeRunner({ steps: [testStep({ name: 'Fill' }), boil, testStep({ name: 'Pour' })] }, { clock });
    expect((await runAll(runner)).map(summaryOf)).toEqual([
      'passed',
      'the run was interrupted by a 70 s pause of this process',
      'Boil was interrupted',
    ]);
  });

  test('interrupts the run if the session did not open because of it, but not if it opened anyway', async () => {
    const clock = fakeClock();
    const open = (outcome: () => Promise<TestSession>) =>
      makeRunner(
        {
          openSession: () => {
            pauseOf(clock, 71_000);
            return outcome();
          },
        },
        { clock },
      );
    const failed = await runAll(open(() => Promise.reject(new Error('no credentials within 30 s'))));
    expect(failed.map(summaryOf)[0]).toContain('interrupted by a 70 s pause');
    expect((await runAll(open(() => Promise.resolve(testSession())))).map(summaryOf)).toEqual([
      'passed',
      'passed',
      'passed',
    ]);
  });
});
