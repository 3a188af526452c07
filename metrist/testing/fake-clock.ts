import type { Clock } from '../../runner/clock.ts';

/** Time that passes by waiting alone. */
export interface FakeClock {
  readonly clock: Pick<Clock, 'elapsedMs'>;
  readonly wait: (ms: number) => Promise<void>;
  /** How long was waited each time, in milliseconds. */
  readonly waits: readonly number[];
}

export function fakeClock(): FakeClock {
  const waits: number[] = [];
  return {
    clock: { elapsedMs: () => waits.reduce((sum, ms) => sum + ms, 0) },
    wait: async (ms) => void waits.push(ms),
    waits,
  };
}
