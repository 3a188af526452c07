import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SteadyBeat } from './beat.ts';
import { fakeClock, type FakeClock } from './testing/fake-clock.ts';

const everyMs = 120_000;
const never = new AbortController().signal;

/** Waits exactly as long as it is told to, or as much longer or shorter as a test says. */
function fakeWait(clock: FakeClock, lateByMs: readonly number[] = []): (ms: number) => Promise<void> {
  const late = [...lateByMs];
  return async (ms) => clock.advance(ms + (late.shift() ?? 0));
}

/** Starts a beat, and says of each run when it started, in intervals since the first beat, and what was skipped. */
function startBeat({ lateByMs, delayMs }: { readonly lateByMs?: readonly number[]; readonly delayMs?: number } = {}) {
  const clock = fakeClock();
  const startMs = clock.elapsedMs();
  const intervals = (ms: number): number => (ms - startMs) / everyMs;
  const wait = fakeWait(clock, lateByMs);
  const beat = new SteadyBeat({ everyMs, clock, wait, ...(delayMs !== undefined && { delayMs }) });
  const next = async (signal = never) => {
    const due = await beat.next(signal);
    return due && { at: intervals(clock.elapsedMs()), skipped: due.skipped };
  };
  return { beat, clock, next, intervals };
}

describe('SteadyBeat', () => {
  test('has the first beat at once and the others an interval apart, whatever runs take', async () => {
    const { next, clock } = startBeat();
    expect(await next()).toEqual({ at: 0, skipped: 0 });
    clock.advance(1000);
    expect(await next()).toEqual({ at: 1, skipped: 0 });
    clock.advance(everyMs - 1);
    expect(await next()).toEqual({ at: 2, skipped: 0 });
    expect(await next()).toEqual({ at: 3, skipped: 0 });
  });

  test('has the first beat after a delay, and the others by it', async () => {
    const { next } = startBeat({ delayMs: everyMs / 4 });
    expect(await next()).toEqual({ at: 0.25, skipped: 0 });
    expect(await next()).toEqual({ at: 1.25, skipped: 0 });
  });

  test('does not skip the first beat if nobody waits for it yet', async () => {
    const { next, clock } = startBeat();
    clock.advance(0.4 * everyMs);
    expect(await next()).toEqual({ at: 0.4, skipped: 0 });
    expect(await next()).toEqual({ at: 1, skipped: 0 });
  });

  test.for([
    [1.25, { at: 2, skipped: 1 }],
    [1.75, { at: 2, skipped: 1 }],
    [5.1, { at: 6, skipped: 5 }],
  ] as const)('skips and counts what comes due during a run of %d intervals', async ([runs, expected]) => {
    const { next, clock } = startBeat();
    await next();
    clock.advance(runs * everyMs);
    expect(await next()).toEqual(expected);
    expect(await next()).toEqual({ at: expected.at + 1, skipped: 0 });
  });

  test.for([
    ['less than half an interval', 0.49, { at: 1.49, skipped: 0 }, 2],
    ['half an interval', 0.5, { at: 2, skipped: 1 }, 3],
    ['several intervals, and the latest beat is recent', 3.25, { at: 4.25, skipped: 3 }, 5],
    ['several intervals, and the latest beat is long ago', 3.75, { at: 5, skipped: 4 }, 6],
  ] as const)('makes up for the latest beat at most if the timer is late by %s', async ([, late, expected, then]) => {
    const { next } = startBeat({ lateByMs: [late * everyMs] });
    await next();
    expect(await next()).toEqual(expected);
    expect(await next()).toEqual({ at: then, skipped: 0 });
  });

  test('never starts before the beat is due, however early timers are', async () => {
    const { next } = startBeat({ lateByMs: [-5, -3, -1] });
    await next();
    expect(await next()).toEqual({ at: 1, skipped: 0 });
  });

  test('says when the next run is to start', async () => {
    const { beat, clock, next, intervals } = startBeat({ delayMs: everyMs / 2 });
    expect(intervals(beat.nextMs)).toBe(0.5);
    await next();
    expect(intervals(beat.nextMs)).toBe(1.5);
    clock.advance(1.2 * everyMs);
    expect(intervals(beat.nextMs)).toBe(2.5);
    await next();
    expect(intervals(clock.elapsedMs())).toBe(2.5);
  });

  test('keeps half an interval from start to start, starts no beat early and counts every beat, whatever happens', async () => {
    // The same numbers each time.
    let seed = 12;
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const lateByMs = Array.from({ length: 2000 }, () => (random() < 0.7 ? random() * 8 - 4 : random() * 4 * everyMs));
    const { next, clock } = startBeat({ lateByMs });
    let lastAt = -1;
    let lastBeat = -1;
    for (let runs = 0; runs < 1000; runs += 1) {
      const { at, skipped } = (await next()) ?? expect.fail();
      const number = lastBeat + 1 + skipped;
      expect(Math.floor(at)).toBe(number);
      expect(at - lastAt).toBeGreaterThanOrEqual(0.5);
      [lastAt, lastBeat] = [at, number];
      clock.advance(random() ** 4 * 5 * everyMs);
    }
  });

  describe('with timers', () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    test('does not drift or grow over 10,000 beats of a day', async () => {
      const dayMs = 86_400_000;
      const startMs = performance.now();
      const beat = new SteadyBeat({ everyMs: dayMs });
      const { signal } = new AbortController();
      for (let number = 0; number < 10_000; number += 1) {
        const waiting = beat.next(signal);
        await vi.advanceTimersToNextTimerAsync();
        expect(await waiting).toEqual({ skipped: 0 });
        expect(performance.now() - startMs).toBe(number * dayMs);
        expect(vi.getTimerCount() + getEventListeners(signal, 'abort').length).toBe(0);
        // A run of some time, so that the timer is shorter each time.
        await vi.advanceTimersByTimeAsync(number % 1000);
      }
    });

    test('ends the wait at once when the signal is aborted, and leaves no timer and no listener', async () => {
      const beat = new SteadyBeat({ everyMs, delayMs: 1000 });
      const controller = new AbortController();
      const waiting = beat.next(controller.signal);
      await vi.advanceTimersByTimeAsync(500);
      expect([vi.getTimerCount(), getEventListeners(controller.signal, 'abort').length]).toEqual([1, 1]);
      controller.abort();
      expect(await waiting).toBeUndefined();
      expect([vi.getTimerCount(), getEventListeners(controller.signal, 'abort').length]).toEqual([0, 0]);
      expect(await beat.next(controller.signal)).toBeUndefined();
      expect(vi.getTimerCount()).toBe(0);
    });

    test('keeps the beat for another wait after one was aborted', async () => {
      const beat = new SteadyBeat({ everyMs, delayMs: 1000 });
      expect(await beat.next(AbortSignal.abort())).toBeUndefined();
      const waiting = beat.next(never);
      await vi.advanceTimersByTimeAsync(1000);
      expect(await waiting).toEqual({ skipped: 0 });
    });
  });

  test('reports a wait that fails for another reason than the signal', async () => {
    const wait = async (): Promise<void> => {
      throw new Error('no timer');
    };
    const beat = new SteadyBeat({ everyMs, delayMs: 1, clock: fakeClock(), wait });
    await expect(beat.next(never)).rejects.toThrow('no timer');
  });
});
