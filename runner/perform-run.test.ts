import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import type { Monitor } from './monitor.ts';
import { Interruption } from './interruption.ts';
import { performRun, type PerformRunOptions } from './perform-run.ts';
import type { StepResult } from './step-result.ts';
import { fakeClock } from './testing/fake-clock.ts';
import { type TestConfig, testMonitor, type TestSession, testSession, testStep } from './testing/test-monitor.ts';

function setUp(
  overrides: Partial<Monitor<TestConfig, TestSession>> = {},
  options: Partial<PerformRunOptions<TestConfig>> = {},
) {
  const listeners = new Set<(error: unknown) => void>();
  const perform = () =>
    performRun(testMonitor(overrides), {
      settings: { config: {}, problems: [] },
      values: {},
      mode: 'live',
      version: '0.1.0',
      clock: fakeClock(),
      signal: new AbortController().signal,
      onUnhandled: (listener) => {
        listeners.add(listener);
        return { [Symbol.dispose]: () => listeners.delete(listener) };
      },
      ...options,
    });
  return { perform, listeners, throwUnhandled: (error: unknown) => listeners.forEach((listener) => listener(error)) };
}

test('runs every step, tears down, sweeps, closes, and makes the run of all of it', async () => {
  const session = testSession();
  const onStep = vi.fn<(step: StepResult) => void>();
  const { perform, listeners } = setUp(
    {
      openSession: () => Promise.resolve(session),
      facts: () => ({ region: 'eu-west-1' }),
      teardown: () => Promise.resolve({ leftovers: [{ entity: 'cup', reason: 'hot' }], warnings: ['steam'] }),
      sweep: () => Promise.resolve({ removed: 2, remaining: 1, warnings: ['dust'] }),
    },
    { onStep, instance: 'kitchen', warnings: ['first'], skippedBeats: 3 },
  );
  const run = await perform();
  expect(session).toMatchObject({ ran: ['Fill', 'Boil', 'Pour'], closed: 1 });
  expect(run).toEqual({
    monitor: 'kettle',
    version: '0.1.0',
    mode: 'live',
    instance: 'kitchen',
    region: 'eu-west-1',
    startedAt: '2026-11-22T12:00:00.000Z',
    durationMs: 0,
    state: 'passed',
    steps: onStep.mock.calls.map(([step]) => step),
    problems: [],
    leftovers: [{ entity: 'cup', reason: 'hot' }],
    swept: 2,
    sweptRemaining: 1,
    skippedBeats: 3,
    warnings: ['first', 'steam', 'dust'],
  });
  expect(onStep).toHaveBeenCalledTimes(3);
  expect(listeners.size).toBe(0);
});

test('an unhandled error is a problem of the run, without secrets, and does not end it', async () => {
  const session = testSession();
  const { perform, throwUnhandled } = setUp(
    {
      openSession: () => Promise.resolve(session),
      steps: [
        testStep({
          name: 'Fill',
          run: () => {
            throwUnhandled(Object.freeze(new Error('stray hunter2hunter2')));
            return Promise.resolve();
          },
        }),
        testStep({ name: 'Boil' }),
      ],
    },
    { values: { SECRET: 'hunter2hunter2' } },
  );
  const run = await perform();
  expect(session).toMatchObject({ ran: ['Boil'], closed: 1 });
  expect(run).toMatchObject({ state: 'failed', problems: [{ kind: 'unhandled', message: 'stray [redacted]' }] });
  expect(JSON.stringify(run)).not.toContain('hunter2');
});

test('an error that comes up only after the last step belongs to the run, too', async () => {
  const { perform, throwUnhandled } = setUp({
    steps: [
      testStep({
        name: 'Fill',
        run: () => {
          setTimeout(() => throwUnhandled(new Error('late')));
          return Promise.resolve();
        },
      }),
    ],
  });
  expect(await perform()).toMatchObject({ state: 'failed', problems: [{ message: 'late' }] });
});

test('a stop interrupts the running step and blocks the others; teardown takes place, the sweep does not', async () => {
  const stop = new AbortController();
  // Looks for what may still appear until it has to stop that.
  const teardown = vi.fn<Monitor<TestConfig, TestSession>['teardown']>(async (_, { watch }) => {
    if (!watch.aborted) await once(watch, 'abort');
    return { leftovers: [], warnings: [] };
  });
  const sweep = vi.fn<Monitor<TestConfig, TestSession>['sweep']>();
  const { perform } = setUp(
    {
      teardown,
      sweep,
      steps: [
        testStep({
          name: 'Fill',
          run: (_, { signal }) => {
            stop.abort(new Interruption('SIGTERM'));
            return Promise.reject(signal.reason as Error);
          },
        }),
        testStep({ name: 'Boil' }),
      ],
    },
    { signal: stop.signal, watchMs: 600_000, stoppedWatchMs: 1 },
  );
  const run = await perform();
  expect(run).toMatchObject({
    state: 'interrupted',
    steps: [
      { state: 'interrupted', reason: 'the run was interrupted by SIGTERM' },
      { state: 'blocked', reason: 'Fill was interrupted' },
    ],
  });
  expect(teardown).toHaveBeenCalledOnce();
  expect(sweep).not.toHaveBeenCalled();
  expect(run).not.toHaveProperty('swept');
});

test('wrong settings fail the first step, and the run is complete', async () => {
  const { perform } = setUp({}, { settings: { problems: ['KETTLE is not set'] } });
  const run = await perform();
  expect(run.steps.map(({ state }) => state)).toEqual(['failed', 'blocked', 'blocked']);
  expect(run).toMatchObject({ state: 'failed', leftovers: [], warnings: [] });
});
