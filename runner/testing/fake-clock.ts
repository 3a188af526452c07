import type { Clock } from '../clock.ts';

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves both the wall clock and the monotonic clock. */
  advance(ms: number): void;
}

/** It is 2026-11-22, noon, and the monotonic clock has been running for a while. */
export function fakeClock(): FakeClock {
  let passedMs = 0;
  const startMs = Date.UTC(2026, 10, 22, 12);
  return {
    now: () => new Date(startMs + passedMs),
    elapsedMs: () => 5000.5 + passedMs,
    advance(ms) {
      passedMs += ms;
    },
  };
}
