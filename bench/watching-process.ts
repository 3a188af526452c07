import { setImmediate } from 'node:timers/promises';
import type { CommandContext } from '../cli/command-context.ts';
import { WatchLoop } from '../cli/watch/watch-loop.ts';
import { maxHeapBytes } from '../cli/watch/watch.ts';
import { readEnvFile } from '../host/env-file.ts';
import { SmallHeap } from '../host/small-heap.ts';
import { hideSecrets } from '../text/redact.ts';
import { outline } from '../suites/awsiam/outline.ts';
import { projectDir } from './spawn-node.ts';

/**
 * The process that `bench:watch` measures: the loop of `awsiam watch`, whose beats come when the parent asks for them and
 * follow one another at once.
 *
 * Usage: `node --expose-gc bench/watching-process.ts`, with an IPC channel. A message is a {@link BeatsWanted}. The answer, a
 * {@link BeatsDone}, comes when the last of these beats is over. A first answer, without beats, says that it is ready.
 */
export interface BeatsWanted {
  readonly beats: number;
  /** Whether to collect garbage and measure the heap when they are over. It would make the next beat slower. */
  readonly measureHeap?: boolean;
}

export interface BeatsDone {
  /** Of each beat since the last answer: the run and its reports. */
  readonly wallMs: readonly number[];
  /**
   * All CPU time of this process from the start of one beat to the start of the next, also what it does in the pause. The last
   * beat is in the next answer.
   */
  readonly cpuMs: readonly number[];
  /** Of the heap, after a forced collection. Absent if nobody asked for it. */
  readonly heapMib?: number;
  /** The most memory so far (resident set). */
  readonly peakMib: number;
}

const mib = 1024 * 1024;
let wallMs: number[] = [];
let cpuMs: number[] = [];
let startedAtMs: number | undefined;
let cpuAtStart: NodeJS.CpuUsage | undefined;
let wanted = 0;
let measureHeap = false;
let wake: () => void = () => {};

process.on('message', (message: BeatsWanted) => {
  ({ beats: wanted, measureHeap = false } = message);
  wake();
});

/** Instead of a steady beat. */
const beat = {
  nextMs: 0,
  next: async () => {
    if (startedAtMs !== undefined) wallMs.push(performance.now() - startedAtMs);
    if (wanted === 0) await answerAndWait();
    // So that what the run left for later is done in this beat.
    await setImmediate();
    const cpu = process.cpuUsage();
    if (cpuAtStart !== undefined) cpuMs.push((cpu.user + cpu.system - cpuAtStart.user - cpuAtStart.system) / 1000);
    cpuAtStart = cpu;
    wanted -= 1;
    startedAtMs = performance.now();
    return { skipped: 0 };
  },
};

async function answerAndWait(): Promise<void> {
  const before = process.cpuUsage();
  if (measureHeap) await collectGarbage();
  const done: BeatsDone = {
    wallMs,
    cpuMs,
    ...(measureHeap && { heapMib: process.memoryUsage().heapUsed / mib }),
    peakMib: process.resourceUsage().maxRSS / 1024,
  };
  [wallMs, cpuMs] = [[], []];
  const { user, system } = process.cpuUsage(before);
  // The forced collection is no part of a beat.
  if (cpuAtStart !== undefined) cpuAtStart = { user: cpuAtStart.user + user, system: cpuAtStart.system + system };
  process.send?.(done);
  const { promise, resolve } = Promise.withResolvers<void>();
  wake = resolve;
  await promise;
}

/** What the first collection finalizes, the next one frees. */
async function collectGarbage(): Promise<void> {
  for (let collection = 0; collection < 3; collection++) {
    globalThis.gc?.();
    await setImmediate();
  }
}

const environment = { ...process.env };
hideSecrets(outline.secrets(environment));
const context: CommandContext = {
  self: [process.execPath, `${projectDir}/cli/awsiam.js`],
  build: 'bench',
  environment,
  values: process.env,
  baseDir: projectDir,
  envFile: '.env',
  envProblems: [],
  loadEnvFile: async () => (await readEnvFile(projectDir, environment)).problems,
  output: process.stdout,
  errorOutput: process.stderr,
  onSignal: () => {},
  onUnhandled: () => ({ [Symbol.dispose]: () => {} }),
  endAtOnce: () => {},
};
const heap = new SmallHeap(maxHeapBytes);
const loop = new WatchLoop(
  {
    beat,
    everyMs: 120_000,
    output: process.stdout,
    errorOutput: process.stderr,
    terminal: { color: false, columns: 80 },
    onRun: () => heap.trim(),
  },
  context,
);
const forever = new AbortController().signal;
process.once('disconnect', () => process.exit());
await loop.watch(forever);
