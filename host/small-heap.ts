import v8 from 'node:v8';
import vm from 'node:vm';

/** The function `gc` of V8. */
type Collect = (options: {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: 'regular' | 'last-resort';
}) => void;

/**
 * Keeps the heap small in a process that goes on and is idle most of the time. By itself V8 is as generous as with a busy
 * server, and lets the heap grow to many times what is in use before it collects it.
 */
export class SmallHeap {
  readonly #leastLimitBytes: number;
  #limitBytes: number;
  readonly #collect: Collect;

  /** @param limitBytes a larger heap is collected. Choose well more than what is always in use */
  constructor(limitBytes: number) {
    this.#leastLimitBytes = limitBytes;
    this.#limitBytes = limitBytes;
    // The space for new objects no longer doubles each time that it is full.
    v8.setFlagsFromString('--semi-space-growth-factor=1');
    // V8 gives `gc` only to contexts that are made while this flag is set.
    v8.setFlagsFromString('--expose-gc');
    this.#collect = vm.runInNewContext('gc') as Collect;
    v8.setFlagsFromString('--no-expose-gc');
    // This kind also shrinks the space for new objects, which has grown while code was loaded. It drops compiled code, too, so
    // it is for the start only.
    this.#collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }

  /** Collects the heap if it is larger than the limit. Call it when nothing is timed: a collection takes about 20 ms of CPU. */
  trim(): void {
    if (process.memoryUsage().heapUsed <= this.#limitBytes) return;
    this.#collect({ type: 'major', execution: 'sync', flavor: 'regular' });
    // If more is in use than expected, not every call is to collect.
    this.#limitBytes = Math.max(this.#leastLimitBytes, 1.5 * process.memoryUsage().heapUsed);
  }
}
