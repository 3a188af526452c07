import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Interruption } from './interruption.ts';
import type { Step } from './monitor.ts';
import { runStep } from './run-step.ts';
import { fakeClock } from './testing/fake-clock.ts';
import { explained as explain } from './testing/test-monitor.ts';

function setUp() {
  const clock = fakeClock();
  const cancel = new AbortController();
  return {
    clock,
    cancel,
    run: (run: Step<string>['run']) =>
      runStep({ name: 'Boil', description: 'Boils.', run }, 'the session', {
        clock,
        timeoutMs: 1500,
        signal: cancel.signal,
        explain,
      }),
  };
}

describe('runStep', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('times a step that passes, with the given clock', async () => {
    const { clock, run } = setUp();
    const result = await run(async (session, { evidence }) => {
      clock.advance(84.2504);
      evidence.requestId = session;
    });
    expect(result).toEqual({
      state: 'passed',
      name: 'Boil',
      startedAt: '2026-11-22T12:00:00.000Z',
      durationMs: 84.25,
      evidence: { requestId: 'the session' },
    });
  });

  test('explains a failure, and keeps its time and evidence', async () => {
    const { clock, run } = setUp();
    const result = await run(async (_session, { evidence }) => {
      clock.advance(12);
      evidence.attempts = 3;
      throw new Error('no water');
    });
    expect(result).toEqual({
      state: 'failed',
      name: 'Boil',
      startedAt: '2026-11-22T12:00:00.000Z',
      durationMs: 12,
      evidence: { attempts: 3 },
      error: { verdict: 'service', code: 'Broken', message: 'Broken at Boil: no water', advice: 'Mend it.' },
    });
  });

  test.for([
    ['a string', 'spilt', 'spilt'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a number', 7, '7'],
  ] as const)('treats %s that is thrown as a failure', async ([, thrown, text]) => {
    const { run } = setUp();
    const result = await run(() => Promise.reject(thrown));
    expect(result).toMatchObject({ state: 'failed', error: { message: `Broken at Boil: ${text}` } });
  });

  test('treats an error that is thrown before the step returns a promise as a failure', async () => {
    const { run } = setUp();
    const result = await run(() => {
      throw new Error('at once');
    });
    expect(result).toMatchObject({ state: 'failed', error: { message: 'Broken at Boil: at once' } });
  });

  test('ends a step at its deadline through its signal, and says what it was waiting for', async () => {
    const { run, clock } = setUp();
    const result = run(async (_session, context) => {
      context.evidence.attempts = 2;
      context.waitingFor = 'the whistle';
      await aborted(context.signal);
      clock.advance(1500);
      throw new Error('what the step makes of it');
    });
    await vi.advanceTimersByTimeAsync(1500);
    expect(await result).toMatchObject({
      state: 'failed',
      durationMs: 1500,
      evidence: { attempts: 2 },
      error: {
        verdict: 'timeout',
        code: 'StepTimeout',
        message: 'StepTimeout at Boil: gave up after 1.5 s of waiting for the whistle',
        // The monitor chooses the advice, because it knows the setting.
        advice: 'Allow it more time.',
      },
    });
  });

  test('abandons a step that ignores its signal', async () => {
    const { run } = setUp();
    const result = run(() => new Promise(() => {}));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await result).toMatchObject({ state: 'failed', error: { verdict: 'timeout', code: 'StepTimeout' } });
  });

  test('keeps the evidence of an abandoned step as it was at that moment', async () => {
    const { run } = setUp();
    const { promise: late, resolve: goOn } = Promise.withResolvers<void>();
    const result = run(async (_session, { evidence }) => {
      evidence.attempts = 1;
      await late;
      evidence.attempts = 2;
    });
    await vi.advanceTimersByTimeAsync(10_000);
    const settled = await result;
    goOn();
    await vi.advanceTimersByTimeAsync(0);
    expect(settled).toMatchObject({ evidence: { attempts: 1 } });
  });

  test.for([
    ['heeds', (signal: AbortSignal) => aborted(signal).then(() => Promise.reject(new Error('aborted')))],
    ['ignores', () => new Promise<never>(() => {})],
  ] as const)('calls a step interrupted if it %s the signal of a cancelled run', async ([, wait]) => {
    const { run, cancel, clock } = setUp();
    const result = run(async (_session, { evidence, signal }) => {
      evidence.attempts = 1;
      clock.advance(40);
      await wait(signal);
    });
    cancel.abort(new Interruption('SIGTERM'));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await result).toEqual({
      state: 'interrupted',
      name: 'Boil',
      startedAt: '2026-11-22T12:00:00.000Z',
      durationMs: 40,
      evidence: { attempts: 1 },
      reason: 'the run was interrupted by SIGTERM',
    });
  });

  test('does not start a step if the run is already cancelled', async () => {
    const { run, cancel } = setUp();
    cancel.abort();
    const step = vi.fn<Step<string>['run']>();
    expect(await run(step)).toMatchObject({ state: 'interrupted', reason: 'the run was cancelled' });
    expect(step).not.toHaveBeenCalled();
  });

  test('passes a step that succeeds despite an abort', async () => {
    const { run, cancel } = setUp();
    const result = run(async (_session, { signal }) => aborted(signal));
    cancel.abort();
    expect(await result).toMatchObject({ state: 'passed' });
  });

  test('leaves no timer behind, and no listener at its signal', async () => {
    const { run, cancel } = setUp();
    await run(() => Promise.resolve());
    await run(() => Promise.reject(new Error('no water')));
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(cancel.signal, 'abort')).toEqual([]);
  });
});

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}
