/** What a timer can be set to; a longer one would go off at once. */
const longestTimerMs = 2 ** 31 - 1;

/** Takes events at any time, and gives them in their order to one reader that waits. */
export class EventQueue<T> {
  readonly #events: T[] = [];
  #wake: (() => void) | undefined;

  push(event: T): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /**
   * The next event.
   *
   * @returns `undefined` where none came in time
   */
  async next(timeoutMs: number): Promise<T | undefined> {
    if (this.#events.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.min(Math.max(0, timeoutMs), longestTimerMs));
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
      this.#wake = undefined;
    }
    return this.#events.shift();
  }
}
