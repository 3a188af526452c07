import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import type { Clock } from '../../runner/clock.ts';

interface Timer {
  readonly atMs: number;
  readonly fire: () => void;
}

const RealDate = Date;
const { setTimeout, clearTimeout, setInterval } = globalThis;
const sleepFor = timers.setTimeout;

/**
 * The time of this process, until it is disposed. It stands still while anything runs, and jumps to the next timer when
 * everything waits: so a week of runs takes as long as its code, and each time is the same in every rehearsal.
 *
 * Only for work that waits for nothing but timers. Intervals never fire.
 */
export class VirtualTime implements Disposable {
  readonly clock: Clock = { now: () => new Date(), elapsedMs: () => performance.now() };
  readonly #timers = new Set<Timer>();
  #nowMs: number;

  constructor(startMs: number) {
    this.#nowMs = startMs;
    const nowMs = (): number => this.#nowMs;
    globalThis.Date = class VirtualDate extends RealDate {
      constructor(...args: readonly unknown[]) {
        super(...((args.length === 0 ? [nowMs()] : args) as [number]));
      }

      static override now(): number {
        return Math.floor(nowMs());
      }
    } as DateConstructor;
    performance.now = () => nowMs() - startMs;
    const setTimer = (fire: () => void, ms = 0): Timer => {
      const timer = { atMs: nowMs() + ms, fire, unref: () => timer, ref: () => timer };
      this.#timers.add(timer);
      return timer;
    };
    const sleep = async (ms?: number): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimer(resolve, ms);
      await promise;
    };
    Object.assign(globalThis, {
      setTimeout: setTimer,
      clearTimeout: (timer: Timer) => this.#timers.delete(timer),
      setInterval: () => ({ unref: () => {} }),
    });
    Object.assign(timers, { setTimeout: sleep });
    syncBuiltinESMExports();
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Goes on to a later time. */
  goTo(atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  /** Does the work, while time passes whenever it waits. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    let isDone = false;
    const working = work().finally(() => (isDone = true));
    working.catch(() => {});
    for (;;) {
      // Everything that does not wait for a timer is done after this.
      await new Promise((resolve) => setImmediate(resolve));
      if (isDone) break;
      const next = [...this.#timers].reduce<Timer | undefined>(
        (first, timer) => (first === undefined || timer.atMs < first.atMs ? timer : first),
        undefined,
      );
      if (next === undefined) throw new Error('the work waits for something that is no timer');
      this.#timers.delete(next);
      this.goTo(next.atMs);
      next.fire();
    }
    // Deadlines of this work must not fire during the next.
    this.#timers.clear();
    return await working;
  }

  [Symbol.dispose](): void {
    globalThis.Date = RealDate;
    // The one of the prototype is there again.
    Reflect.deleteProperty(performance, 'now');
    Object.assign(globalThis, { setTimeout, clearTimeout, setInterval });
    Object.assign(timers, { setTimeout: sleepFor });
    syncBuiltinESMExports();
  }
}
