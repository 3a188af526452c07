import { systemClock, type Clock } from './clock.ts';
import { pause } from './deadline.ts';

interface BeatOptions {
  /** From one beat to the next. */
  readonly everyMs: number;
  /** From now to the first beat. @default 0 */
  readonly delayMs?: number;
  /** @default the system's */
  readonly clock?: Pick<Clock, 'elapsedMs'>;
  /** Waits for some time, and rejects when the signal is aborted. May come back early or late. @default a timer */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A beat whose run is to start now. */
interface Beat {
  /** How many beats passed without a run since the run before. */
  readonly skipped: number;
}

/**
 * A steady beat, for one run at a time: from one `next` to the following one.
 *
 * Beat `n` is due at `start + n * everyMs` of the monotonic clock, however long runs take, so it does not drift. A beat that
 * comes due during a run is skipped. If the process or its timer was held up, only the latest beat is made up for, and only
 * within half an interval. So runs never come in a burst: from start to start there is at least half an interval.
 *
 * ```ts
 * const beat = new SteadyBeat({ everyMs: 120_000 });
 * for (let due; (due = await beat.next(signal)) !== undefined; ) await performRun(due.skipped);
 * ```
 */
export class SteadyBeat {
  readonly #everyMs: number;
  readonly #firstMs: number;
  readonly #clock: Pick<Clock, 'elapsedMs'>;
  readonly #wait: NonNullable<BeatOptions['wait']>;
  /** The number of the last beat that had a run. */
  #last = -1;
  /** The number of the beat that comes next. Absent during a run, because that may take longer than until then. */
  #awaited: number | undefined = 0;

  constructor({ everyMs, delayMs = 0, clock = systemClock, wait = pause }: BeatOptions) {
    this.#everyMs = everyMs;
    this.#clock = clock;
    this.#wait = wait;
    this.#firstMs = clock.elapsedMs() + delayMs;
  }

  /**
   * When the next run is to start, by the monotonic clock. During a run: if it ended now. In the past if the timer is late,
   * or if nobody has called `next` for the first beat yet.
   */
  get nextMs(): number {
    return this.#dueMs(this.#numberOfNext());
  }

  /**
   * Waits for the next beat. The run of the beat before has to be over.
   *
   * @returns `undefined` as soon as the signal is aborted
   */
  async next(signal: AbortSignal): Promise<Beat | undefined> {
    for (this.#awaited = this.#numberOfNext(); !signal.aborted;) {
      const nowMs = this.#clock.elapsedMs();
      const restMs = this.#dueMs(this.#awaited) - nowMs;
      if (restMs > 0) {
        // A timer takes whole milliseconds only.
        await this.#wait(Math.ceil(restMs), signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
        continue;
      }
      const latest = this.#latest(nowMs);
      if (nowMs - this.#dueMs(latest) < this.#everyMs / 2) {
        const skipped = latest - this.#last - 1;
        this.#last = latest;
        this.#awaited = undefined;
        return { skipped };
      }
      this.#awaited = latest + 1;
    }
    return undefined;
  }

  #numberOfNext(): number {
    return this.#awaited ?? this.#latest(this.#clock.elapsedMs()) + 1;
  }

  /** The number of the latest beat that is due. */
  #latest(nowMs: number): number {
    const nearest = Math.round((nowMs - this.#firstMs) / this.#everyMs);
    return this.#dueMs(nearest) <= nowMs ? nearest : nearest - 1;
  }

  #dueMs(beat: number): number {
    return this.#firstMs + beat * this.#everyMs;
  }
}
