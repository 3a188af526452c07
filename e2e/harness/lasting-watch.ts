import { createHook } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { WatchLoop } from '../../cli/watch/watch-loop.ts';

/**
 * A process that makes run after run, as `awsiam watch` does but without a pause, and prints after some of them what it
 * holds, as one line of JSON. Start it with `--expose-gc`.
 */
export interface LastingWatch {
  readonly resultsDir: string;
  /** After how many runs it looks, in ascending order. It ends after the last. */
  readonly looks: readonly number[];
}

/** What a process holds between two runs. */
export interface Held {
  readonly runs: number;
  /** Used after a collection. */
  readonly heapBytes: number;
  /** Timers, sockets, channels and other resources of Node, by their kind, also those that do not keep it alive. */
  readonly resources: Readonly<Record<string, number>>;
  readonly fileDescriptors: number;
  readonly processListeners: number;
  readonly signalListeners: number;
}

const { resultsDir, looks } = JSON.parse(process.argv[2] ?? '') as LastingWatch;

/** The kinds of all resources that exist. Promises and ticks come and go, and have no end that we could wait for. */
const resources = new Map<number, string>();
createHook({
  init: (id, kind) => {
    if (!/PROMISE|Tick|Microtask|RANDOMBYTES/.test(kind)) resources.set(id, kind);
  },
  destroy: (id) => void resources.delete(id),
}).enable();

/** What a lasting connection consists of. */
const ofConnections = /^(TCP|HTTP|TLS)/;

async function look(runs: number): Promise<Held> {
  // `fetch` keeps a connection for some seconds, in case that another request follows.
  for (let tries = 0; tries < 100 && [...resources.values()].some((kind) => ofConnections.test(kind)); tries++) {
    await wait(100);
  }
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    await wait(20);
  }
  const kinds = Map.groupBy(resources.values(), (kind) => kind);
  return {
    runs,
    heapBytes: process.memoryUsage().heapUsed,
    resources: Object.fromEntries([...kinds].map(([kind, all]) => [kind, all.length])),
    fileDescriptors: readdirSync('/proc/self/fd').length,
    processListeners: process.eventNames().reduce((sum, event) => sum + process.listenerCount(event), 0),
    signalListeners: getEventListeners(stop.signal, 'abort').length,
  };
}

const stop = new AbortController();
const nobody = { write: (_text: string, done?: () => void) => done?.() };
let runs = 0;
const loop = new WatchLoop(
  {
    beat: {
      nextMs: performance.now(),
      next: async () => {
        if (looks.includes(runs)) process.stdout.write(`${JSON.stringify(await look(runs))}\n`);
        return runs++ === looks.at(-1) ? undefined : { skipped: 0 };
      },
    },
    everyMs: 120_000,
    output: nobody,
    errorOutput: nobody,
    terminal: { color: false, columns: 80 },
  },
  {
    self: [process.execPath],
    build: 'awsiam (a test)',
    environment: process.env,
    values: process.env,
    baseDir: resultsDir,
    envFile: '.env',
    envProblems: [],
    loadEnvFile: () => Promise.resolve([]),
    output: nobody,
    errorOutput: nobody,
    onSignal: () => {},
    onUnhandled: (listener) => {
      process.on('uncaughtException', listener);
      return { [Symbol.dispose]: () => void process.off('uncaughtException', listener) };
    },
    endAtOnce: () => {},
  },
);
await loop.watch(stop.signal);
process.exit();
