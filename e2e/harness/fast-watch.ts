import { readdirSync, readlinkSync } from 'node:fs';
import { WatchLoop } from '../../cli/watch/watch-loop.ts';
import { describeBuild } from '../../cli/main.ts';
import { SteadyBeat } from '../../runner/beat.ts';
import { Interruption } from '../../runner/interruption.ts';

/**
 * A watch whose beats come one after the other as fast as runs end, started with `--expose-gc` and an IPC channel. Sends what
 * the process holds after some of its runs, and ends after the last one or a SIGTERM.
 */
export interface FastWatch {
  readonly runs: number;
  /** The runs after which a snapshot is sent. */
  readonly snapshotsAt: readonly number[];
}

/** What a process holds between two runs. */
export interface Snapshot {
  readonly run: number;
  /** After a forced collection. */
  readonly heapBytes: number;
  readonly residentBytes: number;
  /** What each open file descriptor leads to, without the numbers of sockets and pipes. */
  readonly files: readonly string[];
  /** Timers, sockets and whatever else Node.js waits for. */
  readonly resources: readonly string[];
  readonly signalListeners: number;
}

const { runs, snapshotsAt } = JSON.parse(process.argv[2] ?? '') as FastWatch;
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort(new Interruption('SIGTERM')));
const unhandled: ((error: unknown) => void)[] = [];
process.on('uncaughtException', (error) => unhandled.at(-1)?.(error));

let ended = 0;
const loop = new WatchLoop(
  {
    beat: new SteadyBeat({ everyMs: 1 }),
    // The interval of the state rules.
    everyMs: 1000,
    output: process.stdout,
    errorOutput: process.stderr,
    terminal: { color: false, columns: 10_000 },
    onRun: () => {
      ended += 1;
      if (snapshotsAt.includes(ended)) process.send?.(takeSnapshot());
      if (ended === runs) stop.abort(new Interruption('the end of the test'));
    },
  },
  {
    self: [process.execPath],
    build: describeBuild(),
    environment: process.env,
    values: process.env,
    baseDir: process.cwd(),
    envFile: '.env',
    envProblems: [],
    loadEnvFile: () => Promise.resolve([]),
    output: process.stdout,
    errorOutput: process.stderr,
    onSignal: () => {},
    onUnhandled: (listener) => {
      unhandled.push(listener);
      return { [Symbol.dispose]: () => void unhandled.splice(unhandled.indexOf(listener), 1) };
    },
    endAtOnce: () => {},
  },
);

function takeSnapshot(): Snapshot {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return {
    run: ended,
    heapBytes: heapUsed,
    residentBytes: rss,
    files: readdirSync('/proc/self/fd').map(describeFile).toSorted(),
    resources: process.getActiveResourcesInfo().toSorted(),
    signalListeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  };
}

function describeFile(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, '#');
  } catch {
    // The descriptor of the directory itself.
    return 'closed';
  }
}

await loop.watch(stop.signal);
process.stdout.write(`${loop.summary}\n`);
process.disconnect?.();
