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
