/** The two kinds of time a run needs: what the wall clock says, and how much time has passed. */
export interface Clock {
  /** For timestamps. May jump. */
  now(): Date;
  /** For durations, in milliseconds with a fraction. Never jumps. */
  elapsedMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
};

/** To whole microseconds: what a monotonic clock says beyond them is noise. */
export function roundMs(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
