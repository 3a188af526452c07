import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Interruption } from './interruption.ts';
import { fakeClock } from './testing/fake-clock.ts';
import { watchForPauses } from './watch-for-pauses.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

test('a tick that comes late by five seconds or more is a pause; one that comes a little late is not', () => {
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
