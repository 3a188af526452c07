/** The two kinds of time that a run needs. */
export interface Clock {
  /** The wall clock, for timestamps. May jump. */
  now(): Date;
  /** The monotonic clock, for durations, in milliseconds with a fraction. Never jumps. */
  elapsedMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
};

/** Rounds to whole microseconds: further digits of the monotonic clock are noise. */
export function roundMs(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
