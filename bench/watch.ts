import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { RunRecord } from '../history/run-record.ts';
import { startIamServer } from '../mocks/iam/server.ts';
import { steps } from '../suites/awsiam/steps.ts';
import { makeHistory, makeTotals } from './make-history.ts';
import { readCpuMs, readMemoryMib } from './running-process.ts';
import { projectDir, settingsFor, vitestBin } from './spawn-node.ts';
import { describeResult, median, quantile } from './statistics.ts';
import { timeProcess } from './time-process.ts';
import type { BeatsDone, BeatsWanted } from './watching-process.ts';

/**
 * Measures what a beat of `awsiam watch` costs, beside `awsiam run` (executable and sources), `vitest run` and bare Node. All do
 * live runs over one mock server in this process, with the same settings, the default reports and a history of a week.
 *
 * Each round starts each of them once. So the beat of a round comes after a pause of seconds in which other processes had the
 * CPU's caches. The other beats follow one another at once, 100 before the rounds and the rest of 2,000 after them: their CPU
 * time, and the growth of the heap. Last, the command `awsiam watch` itself, with its server: memory without and with pages.
 *
 * Targets: a beat takes at most 1/40 of the CPU time of `vitest run`, and `awsiam run` in the executable at most 1/4; the heap
 * grows by at most 5 % from beat 100 to beat 2,000; the watch takes at most 120 MiB while it renders no page; its steps report
 * no more time beyond the server's own than those of `vitest run`.
 */
const rounds = Number(process.argv[2] ?? 15);
const [firstBeats, lastBeats] = [100, 2000];
const commandBeats = 10;
const commandEvery = '3s';
const historyDays = 7;
const roundLatencyMs = 20;
const executable = path.join(projectDir, 'dist/awsiam');
if (!existsSync(executable)) throw new Error('There is no dist/awsiam: make it with "npm run package".');

let latencyMs = roundLatencyMs;
const server = await startIamServer({ latency: () => latencyMs });
const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-bench-'));
const { PATH = '', HOME = '' } = process.env;
const resultsOf = (way: string): string => path.join(dir, way);
const envOf = (way: string): Record<string, string> => ({
  PATH,
  HOME,
  AWS_EC2_METADATA_DISABLED: 'true',
  ...settingsFor(server.url),
  METRIST_RESULTS_DIR: resultsOf(way),
});
/** What deploy/systemd/awsiam-watch.service sets. */
const asService = { MALLOC_ARENA_MAX: '1' } as const;

const source = [process.execPath, path.join(projectDir, 'cli/awsiam.js')];
const commands = {
  'awsiam run, executable': [executable, 'run'],
  'awsiam run, sources': [...source, 'run'],
  'vitest run': [process.execPath, vitestBin, 'run', '--root', projectDir],
} as const;
type Command = keyof typeof commands;
const commandNames = Object.keys(commands) as Command[];

interface Sample {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** What each step reported beyond the server's own time. */
  readonly overheadMs?: readonly number[];
}

/** Calls the function, which does one run of this way, and adds what its steps reported. */
async function withOverhead(way: string, run: () => Promise<Sample>): Promise<Sample> {
  const callsBefore = server.calls.length;
  const sample = await run();
  const served = server.calls.slice(callsBefore, callsBefore + steps.length);
  const { state, steps: reported } = readLastRun(resultsOf(way));
  if (state !== 'passed') throw new Error(`a run of ${way} ${state}`);
  const overheadMs = reported.map((step, index) => {
    const { serviceMs = Number.NaN } = served[index] ?? {};
    return 'durationMs' in step ? step.durationMs - serviceMs : Number.NaN;
  });
  return { ...sample, overheadMs };
}

function readLastRun(resultsDir: string): RunRecord {
  const runsDir = path.join(resultsDir, 'runs');
  const newest = readdirSync(runsDir).toSorted().at(-1) ?? '';
  const lines = readFileSync(path.join(runsDir, newest), 'utf8').trimEnd().split('\n');
  return JSON.parse(lines.at(-1) ?? '') as RunRecord;
}

/** The loop of a watch in a process of its own. */
class Watching {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(way: string): Promise<Watching> {
    const args = ['--expose-gc', '--import', './host/compile-cache.js', 'bench/watching-process.ts'];
    const child = spawn(process.execPath, args, {
      cwd: projectDir,
      env: { ...envOf(way), ...asService },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await once(child, 'message', { signal: AbortSignal.timeout(30_000) });
    return new Watching(child);
  }

  async perform(beats: number, measureHeap = false): Promise<BeatsDone> {
    const answer = once(this.#child, 'message', { signal: AbortSignal.timeout(600_000) });
    this.#child.send({ beats, measureHeap } satisfies BeatsWanted);
    const [done] = (await answer) as [BeatsDone];
    return done;
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}

interface CommandFigures {
  readonly cpuMs: number;
  readonly peakMib: number;
  readonly residentMib: number;
  readonly peakWithPageMib: number;
  readonly pagePeakMib: number;
}

/** Starts the command `awsiam watch`, lets it run, asks for pages, and stops it. */
async function measureWatchCommand([file = '', ...first]: readonly string[], way: string): Promise<CommandFigures> {
  const args = [...first, 'watch', '--every', commandEvery, '--listen', '127.0.0.1:0'];
  const child = spawn(file, args, { env: { ...envOf(way), ...asService }, stdio: ['ignore', 'pipe', 'inherit'] });
  const { pid = 0 } = child;
  try {
    let printed = '';
    const { promise: url, resolve, reject } = Promise.withResolvers<string>();
    child.once('close', () => reject(new Error(`${file} ended: ${printed}`)));
    child.stdout.on('data', (chunk) => {
      printed += String(chunk);
      const [found] = /http:\S+/.exec(printed) ?? [];
      if (found !== undefined) resolve(found);
    });
    const page = await url;
    const firstCall = async (): Promise<number> => {
      for (;;) {
        const [call] = (await once(server.events, 'call')) as [{ readonly operation: string }];
        if (call.operation === 'CreateUser') return readCpuMs(pid);
      }
    };
    const cpu: number[] = [];
    // The first beats load code.
    for (let beat = 0; beat < commandBeats + 3; beat++) cpu.push(await firstCall());
    const [residentMib, peakMib] = [readMemoryMib(pid, 'VmRSS'), readMemoryMib(pid, 'VmHWM')];
    let pagePeakMib = 0;
    const watchChildren = setInterval(() => {
      for (const each of childrenOf(pid)) pagePeakMib = Math.max(pagePeakMib, readMemoryMib(each, 'VmHWM'));
    }, 10);
    for (let request = 0; request < 3; request++) {
      await firstCall();
      const response = await fetch(page);
      if (!response.ok) throw new Error(`${page} answered ${response.status}: ${await response.text()}`);
      await response.text();
    }
    clearInterval(watchChildren);
    const differences = cpu.slice(3).map((ms, index) => ms - (cpu[index + 2] ?? Number.NaN));
    return {
      cpuMs: median(differences),
      peakMib,
      residentMib,
      peakWithPageMib: readMemoryMib(pid, 'VmHWM'),
      pagePeakMib,
    };
  } finally {
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    await closed;
  }
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // The fourth field, after the name in parentheses and the state.
      const parent = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')[1];
      return Number(parent) === pid ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

const bare: Sample[] = [];
const beats: Sample[] = [];
const runs = Object.fromEntries(commandNames.map((name) => [name, [] as Sample[]])) as Record<Command, Sample[]>;
const endMs = Date.now();
makeHistory(resultsOf('seed'), { days: historyDays, endMs });
await makeTotals(resultsOf('seed'), endMs);
for (const way of ['watch', 'watch command', ...commandNames]) {
  cpSync(resultsOf('seed'), resultsOf(way), { recursive: true });
}

const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
};
const watching = await Watching.start('watch');
try {
  // A watch runs for ever, so its first beats, which load and compile code, are not what it costs.
  latencyMs = 0;
  const first = await watching.perform(firstBeats, true);
  latencyMs = roundLatencyMs;
  for (let round = -3; round < rounds; round++) {
    const all = {
      bare: await timeProcess([process.execPath, '-e', '0'], envOf('watch')),
      runs: [] as Sample[],
    };
    for (const name of commandNames) {
      all.runs.push(await withOverhead(name, async () => await timeProcess(commands[name], envOf(name))));
    }
    let cpuBefore = Number.NaN;
    const beat = await withOverhead('watch', async () => {
      const { wallMs, cpuMs } = await watching.perform(1);
      // Of the beat of the round before.
      cpuBefore = cpuMs.at(-1) ?? Number.NaN;
      return { wallMs: wallMs.at(-1) ?? Number.NaN, cpuMs: Number.NaN };
    });
    const last = beats.at(-1);
    if (last !== undefined) beats[beats.length - 1] = { ...last, cpuMs: cpuBefore };
    // The first rounds fill the disk's cache and the cache of compiled code.
    if (round < 0) continue;
    bare.push(all.bare);
    commandNames.forEach((name, index) => runs[name].push(all.runs[index] as Sample));
    beats.push(beat);
    progress(`${round + 1} of ${rounds} rounds`);
  }
  latencyMs = 0;
  progress(`${lastBeats} beats`);
  // This answer has the CPU time of the last beat of the rounds, too.
  const flat = await watching.perform(lastBeats - firstBeats - (rounds + 3), true);
  const lastBeat = beats.at(-1);
  if (lastBeat !== undefined) beats[beats.length - 1] = { ...lastBeat, cpuMs: flat.cpuMs[0] ?? Number.NaN };
  const [heapBefore = Number.NaN, heapAfter = Number.NaN] = [first.heapMib, flat.heapMib];
  watching.end();
  latencyMs = roundLatencyMs;
  progress('awsiam watch from the sources');
  const fromSources = await measureWatchCommand(source, 'watch command');
  progress('awsiam watch in the executable');
  const fromExecutable = await measureWatchCommand([executable], 'watch command');
  progress('');

  const medianOf = (samples: readonly Sample[], key: 'wallMs' | 'cpuMs'): number =>
    median(samples.map((each) => each[key]));
  const vitestCpuMs = medianOf(runs['vitest run'], 'cpuMs');
  console.log(`Medians of ${rounds} rounds, in ms; IAM takes ${roundLatencyMs} ms for each of the ten calls`);
  console.log(`${''.padEnd(44)}${'wall'.padStart(9)}${'CPU'.padStart(9)}${'of vitest'.padStart(11)}`);
  const printRow = (what: string, wallMs: number, cpuMs: number): void =>
    console.log(
      `${what.padEnd(44)}${wallMs.toFixed(1).padStart(9)}${cpuMs.toFixed(1).padStart(9)}  ${`1/${(vitestCpuMs / cpuMs).toFixed(1)}`.padStart(9)}`,
    );
  printRow('node -e 0', medianOf(bare, 'wallMs'), medianOf(bare, 'cpuMs'));
  printRow('a beat of awsiam watch, after a pause', medianOf(beats, 'wallMs'), medianOf(beats, 'cpuMs'));
  printRow(`a beat, back to back (${lastBeats}, IAM takes 0 ms)`, median(flat.wallMs), median(flat.cpuMs));
  for (const name of commandNames) printRow(name, medianOf(runs[name], 'wallMs'), medianOf(runs[name], 'cpuMs'));

  console.log(`\nThe command awsiam watch, every ${commandEvery}: CPU of a beat in ms, memory in MiB`);
  const figures = ['CPU', 'resident', 'peak', 'with page', 'its child'];
  console.log(`${''.padEnd(44)}${figures.map((text) => text.padStart(11)).join('')}`);
  for (const [what, each] of [
    ['sources', fromSources],
    ['executable', fromExecutable],
  ] as const) {
    const values = [each.cpuMs, each.residentMib, each.peakMib, each.peakWithPageMib, each.pagePeakMib];
    console.log(`${what.padEnd(44)}${values.map((value) => value.toFixed(1).padStart(11)).join('')}`);
  }
  console.log(
    `\nThe heap after a forced collection: ${heapBefore.toFixed(2)} MiB after ${firstBeats} beats, ${heapAfter.toFixed(2)} MiB after ${lastBeats}; peak of the process ${flat.peakMib.toFixed(1)} MiB`,
  );

  const reported = [['awsiam watch', beats], ...commandNames.map((name) => [name, runs[name]] as const)] as const;
  console.log("\nReported time minus the server's own, in ms: median (p90)");
  console.log(`${''.padEnd(26)}${['first step', 'other steps', 'all steps'].map((text) => text.padEnd(14)).join('')}`);
  const overheads = (samples: readonly Sample[]): number[] => samples.flatMap(({ overheadMs = [] }) => overheadMs);
  for (const [what, samples] of reported) {
    const firstSteps = samples.map(({ overheadMs = [] }) => overheadMs[0] ?? Number.NaN);
    const others = samples.flatMap(({ overheadMs = [] }) => overheadMs.slice(1));
    const cells = [firstSteps, others, overheads(samples)].map((values) =>
      `${median(values).toFixed(2)} (${quantile(values, 0.9).toFixed(1)})`.padEnd(14),
    );
    console.log(`${what.padEnd(26)}${cells.join('')}`);
  }

  const targets = [
    ['a beat after a pause, CPU of vitest', medianOf(beats, 'cpuMs') / vitestCpuMs, 1 / 40, ''],
    ['a beat back to back, CPU of vitest', median(flat.cpuMs) / vitestCpuMs, 1 / 40, ''],
    [
      'run in the executable, CPU of vitest',
      medianOf(runs['awsiam run, executable'], 'cpuMs') / vitestCpuMs,
      1 / 4,
      '',
    ],
    [`growth of the heap, beat ${firstBeats} to ${lastBeats}`, (100 * heapAfter) / heapBefore - 100, 5, ' %'],
    ['memory without a page, sources', fromSources.peakMib, 120, ' MiB'],
    ['memory without a page, executable', fromExecutable.peakMib, 120, ' MiB'],
    [`memory of ${lastBeats} beats`, flat.peakMib, 120, ' MiB'],
    ['overhead of a step, to vitest', median(overheads(beats)) / median(overheads(runs['vitest run'])), 1, ''],
  ] as const;
  console.log('');
  for (const [what, value, target, unit] of targets) {
    console.log(`${what.padEnd(40)}${describeResult(value, target, unit, 3)}`);
  }
  process.exitCode = targets.every(([, value, target]) => value <= target) ? 0 : 1;
} finally {
  watching.end();
  await server.close();
  await rm(dir, { recursive: true, force: true });
}
