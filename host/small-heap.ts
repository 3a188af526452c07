import v8 from 'node:v8';
import vm from 'node:vm';

/** The function `gc` of V8. */
type Collect = (options: typeof thorough) => void;

/** Also shrinks the space for new objects, which grows while code is loaded. */
const thorough = { type: 'major', execution: 'sync', flavor: 'last-resort' } as const;

/**
 * Keeps the heap small in a process that goes on and is idle most of the time. By itself V8 is as generous as with a busy
 * server: the heap would grow to many times of what is in use before it is collected.
 */
export class SmallHeap {
  readonly #leastLimitBytes: number;
  #limitBytes: number;
  readonly #collect: Collect;

  /** @param limitBytes at this size the heap is collected, so it should be well above what is always in use */
  constructor(limitBytes: number) {
    this.#leastLimitBytes = limitBytes;
    this.#limitBytes = limitBytes;
    // The space for new objects no longer doubles each time that it is full.
    v8.setFlagsFromString('--semi-space-growth-factor=1');
    // V8 gives `gc` only to contexts that are made while this flag is set.
    v8.setFlagsFromString('--expose-gc');
    this.#collect = vm.runInNewContext('gc') as Collect;
    v8.setFlagsFromString('--no-expose-gc');
    this.#collect(thorough);
  }

  /** Collects the heap if it is larger than the limit. It takes about 20 ms of CPU time, so call it when nothing is timed. */
  trim(): void {
    if (process.memoryUsage().heapUsed <= this.#limitBytes) return;
    this.#collect(thorough);
    // If more is in use than expected, not every call is to collect.
    this.#limitBytes = Math.max(this.#leastLimitBytes, 1.5 * process.memoryUsage().heapUsed);
  }
}
