import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { announceInterruption, Interruption, listenForInterruption, watchForPauses } from './interruption.ts';
import { fakeClock } from './testing/fake-clock.ts';

afterEach(() => vi.unstubAllEnvs());

test('a listener from before the signal learns which signal came', async () => {
  vi.stubEnv('MONITOR_INTERRUPTED_BY', undefined);
  using listener = listenForInterruption();
  expect(listener.signal.aborted).toBe(false);
  const aborted = once(listener.signal, 'abort');
  announceInterruption('SIGTERM');
  await aborted;
  expect(listener.signal.reason).toEqual(new Interruption('SIGTERM'));
  expect(listener.signal.reason).toMatchObject({ message: 'the run was interrupted by SIGTERM' });
});

test('a listener from after the signal learns at once which signal came', () => {
  vi.stubEnv('MONITOR_INTERRUPTED_BY', 'SIGINT');
  using listener = listenForInterruption();
  expect(listener.signal.reason).toEqual(new Interruption('SIGINT'));
});

test('listening does not keep a worker alive', async () => {
  const url = new URL('interruption.ts', import.meta.url).href;
  const worker = new Worker(`import('${url}').then(({ listenForInterruption }) => listenForInterruption())`, {
    eval: true,
    env: {},
  });
  const [code] = (await once(worker, 'exit')) as [number];
  expect(code).toBe(0);
});

test('a tick that comes late by five seconds or more is a pause; one that comes a little late is not', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const clock = fakeClock();
  using pauses = watchForPauses(clock);
  const tick = (lateMs: number): void => {
    clock.advance(1000 + lateMs);
    vi.advanceTimersByTime(1000);
  };
  tick(0);
  tick(4900);
  expect(pauses.signal.aborted).toBe(false);
  tick(69_700);
  expect(pauses.signal.reason).toEqual(new Interruption('a 70 s pause of this process'));
});
