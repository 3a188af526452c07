import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { formatProgress, listenForProgress, sendProgress, type Progress } from './progress.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

/** Listens to the progress of something that has just begun. */
function setUp() {
  let forMs = 0;
  const stopping = new AbortController();
  const heard: Progress[] = [];
  const arrivals = new EventTarget();
  const listening = listenForProgress((progress) => {
    heard.push(progress);
    arrivals.dispatchEvent(new Event('arrival'));
  });
  onTestFinished(() => listening[Symbol.dispose]());
  const sending = sendProgress(() => ({ doing: 'boiling', forMs, remaining: [] }), stopping.signal);
  onTestFinished(() => sending[Symbol.dispose]());
  const pass = (ms: number): void => {
    for (const endMs = forMs + ms; forMs < endMs;) {
      forMs += 1000;
      vi.advanceTimersByTime(1000);
    }
  };
  return { heard, pass, stopping, sending, arrival: () => once(arrivals, 'arrival') };
}

test('quick work is not reported', async () => {
  const { heard, pass, sending } = setUp();
  pass(1000);
  sending[Symbol.dispose]();
  await turn();
  expect(heard).toEqual([]);
});

test('work that takes two seconds is reported every second, and once more at the end', async () => {
  const { heard, pass, sending, arrival } = setUp();
  pass(2000);
  await arrival();
  pass(1000);
  await arrival();
  sending[Symbol.dispose]();
  await arrival();
  expect(heard.map(({ forMs }) => forMs)).toEqual([2000, 3000, 3000]);
});

test('after a stop everything is reported at once', async () => {
  const { heard, stopping, arrival } = setUp();
  stopping.abort();
  await arrival();
  expect(heard).toEqual([{ doing: 'boiling', forMs: 0, remaining: [] }]);
  vi.advanceTimersByTime(100);
  await arrival();
  expect(heard).toHaveLength(2);
});

test.for([
  [{ doing: 'boiling', forMs: 4100, remaining: [] }, 'boiling (4 s)'],
  [{ doing: 'boiling', forMs: 12_000, atMostMs: 48_000, remaining: [] }, 'boiling (12 s, at most 48 s more)'],
] as const)('%o is shown as %s', ([progress, text]) => {
  expect(formatProgress(progress)).toBe(text);
});
