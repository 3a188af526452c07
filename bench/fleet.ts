import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunRecord } from '../history/run-record.ts';
import { startIamServer } from '../mocks/iam/server.ts';
import { steps } from '../suites/awsiam/steps.ts';
import { makeHistory, makeTotals } from './make-history.ts';
import { readCpuMs, readMemoryMib, readShareOfMemoryMib } from './running-process.ts';
import { projectDir, settingsFor } from './spawn-node.ts';
import { describeResult, median, quantile } from './statistics.ts';

/**
 * Measures what many monitors on one host cost: processes of `awsiam watch`, by default fifty, in the executable, each with a
 * namespace, a results directory with a history of a day, and a port of its own. All do live runs over one mock server in this
 * process. One watch alone does the same before and after.
 *
 * Their beat is twelve times as fast as in real use, so that a minute shows six beats of each, and the host has twelve times
 * the work. What a watch takes in real use is measured with one more, which runs every two minutes all the time, over a mock
 * server of its own.
 *
 * Targets for a hundred monitors every two minutes: at most a tenth of one core, and at most 8 GiB. The median step of a watch
 * among the others reports at most 1.1 times the time that it does alone.
 */
const monitors = Number(process.argv[2] ?? 50);
const everySecs = 10;
const realEverySecs = 120;
/** The first beats load and compile code. */
const [firstBeats, measuredBeats] = [3, 6];
/** Waits before it measures real use: V8 still works on its heap half a minute after the first beat. */
const [realFirstSecs, realSecs] = [90, 2 * realEverySecs];
const latencyMs = 20;
const hundred = 100;
const executable = path.join(projectDir, 'dist/awsiam');
if (!existsSync(executable)) throw new Error('There is no dist/awsiam: make it with "npm run package".');

const server = await startIamServer({ latency: () => latencyMs });
const realServer = await startIamServer({ latency: () => latencyMs });
const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-bench-'));
const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
};

/** A running `awsiam watch`. */
interface Watch {
  readonly namespace: string;
  readonly resultsDir: string;
  readonly child: ChildProcess;
  readonly pid: number;
}

interface Figures {
  /** Of all watches together. */
  readonly cpuMs: number;
  readonly runs: number;
  readonly calls: number;
  readonly wallMs: number;
  /** What each step reported. */
  readonly stepMs: readonly number[];
  /** What each step reported beyond the server's own time. */
  readonly overheadMs: readonly number[];
  readonly residentMib: readonly number[];
  readonly shareMib: readonly number[];
  /** The most users and groups that existed at a time. */
  readonly mostEntities: number;
}

const started: ChildProcess[] = [];

function startWatch(namespace: string, args: readonly string[], url: string): Watch {
  const resultsDir = path.join(dir, namespace);
  cpSync(path.join(dir, 'seed'), resultsDir, { recursive: true });
  const { PATH = '', HOME = '' } = process.env;
  const env = {
    PATH,
    HOME,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...settingsFor(url),
    METRIST_NAMESPACE: namespace,
    METRIST_RESULTS_DIR: resultsDir,
    // What deploy/ sets.
    MALLOC_ARENA_MAX: '1',
  };
  const child = spawn(executable, ['watch', '--listen', '127.0.0.1:0', ...args], { env, stdio: 'ignore' });
  started.push(child);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${executable} did not start`);
  return { namespace, resultsDir, child, pid };
}

async function stopWatch({ child }: Pick<Watch, 'child'>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
}

/** The runs that a watch has reported, without those of the history that it was given. */
function readRuns({ resultsDir }: Watch): readonly RunRecord[] {
  const runsDir = path.join(resultsDir, 'runs');
  const lines = readdirSync(runsDir)
    .toSorted()
    .flatMap((file) => readFileSync(path.join(runsDir, file), 'utf8').trimEnd().split('\n'));
  return lines.slice(seededRuns).map((line) => JSON.parse(line) as RunRecord);
}

/** The requests of a watch's steps so far: their names contain its namespace. Requests that list have no name. */
function callsOf({ namespace }: Watch, after: number): readonly (typeof server.calls)[number][] {
  return server.calls
    .slice(after)
    .filter(({ params }) => (params['UserName'] ?? params['GroupName'] ?? '').includes(`-${namespace}-`));
}

/** Lets the watches run, and measures once they have loaded their code. */
async function measure(what: string, namespaces: readonly string[]): Promise<Figures> {
  const callsBefore = server.calls.length;
  // The first beat comes at a random moment within the first interval.
  const args = ['--every', `${everySecs}s`, '--jitter', `${everySecs}s`];
  const watches = namespaces.map((namespace) => startWatch(namespace, args, server.url));
  try {
    for (let secs = (firstBeats + 1) * everySecs; secs > 0; secs--) {
      progress(`${what}: warming up, ${secs} s`);
      await delay(1000);
    }
    const runsBefore = watches.map((watch) => readRuns(watch).length);
    const callsAt = server.calls.length;
    const [startMs, cpuBefore] = [performance.now(), watches.map(({ pid }) => readCpuMs(pid))];
    let mostEntities = 0;
    const count = (): void => {
      mostEntities = Math.max(mostEntities, server.state.users.size + server.state.groups.size);
    };
    server.events.on('call', count);
    for (let secs = measuredBeats * everySecs; secs > 0; secs--) {
      progress(`${what}: ${secs} s`);
      await delay(1000);
    }
    server.events.off('call', count);
    const cpuMs = sum(watches.map(({ pid }, index) => readCpuMs(pid) - (cpuBefore[index] ?? 0)));
    const [wallMs, calls] = [performance.now() - startMs, server.calls.length - callsAt];
    const [residentMib, shareMib] = [
      watches.map(({ pid }) => readMemoryMib(pid, 'VmRSS')),
      watches.map(({ pid }) => readShareOfMemoryMib(pid)),
    ];
    const [stepMs, overheadMs]: [number[], number[]] = [[], []];
    let runs = 0;
    watches.forEach((watch, index) => {
      const [reported, served] = [readRuns(watch), callsOf(watch, callsBefore)];
      const first = runsBefore[index] ?? 0;
      reported.slice(first).forEach((run, at) => {
        if (run.state !== 'passed') throw new Error(`a run of ${watch.namespace} ${run.state}`);
        runs += 1;
        run.steps.forEach((step, position) => {
          if (!('durationMs' in step)) return;
          const { serviceMs = Number.NaN } = served[(first + at) * steps.length + position] ?? {};
          stepMs.push(step.durationMs);
          overheadMs.push(step.durationMs - serviceMs);
        });
      });
    });
    return { cpuMs, runs, calls, wallMs, stepMs, overheadMs, residentMib, shareMib, mostEntities };
  } finally {
    await Promise.all(watches.map(stopWatch));
  }
}

/** The CPU time that a watch takes in real use, in milliseconds per minute. */
async function measureRealUse(): Promise<number> {
  const { pid } = startWatch('real', ['--every', `${realEverySecs}s`], realServer.url);
  await delay(realFirstSecs * 1000);
  const before = readCpuMs(pid);
  await delay(realSecs * 1000);
  return ((readCpuMs(pid) - before) * 60) / realSecs;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

const endMs = Date.now();
const seededRuns = makeHistory(path.join(dir, 'seed'), { days: 1, endMs });
await makeTotals(path.join(dir, 'seed'), endMs);
try {
  const realUse = measureRealUse();
  // If something else fails first, that is what is shown.
  realUse.catch(() => {});
  const before = await measure('one watch', ['before']);
  const names = Array.from({ length: monitors }, (_, index) => `m${String(index).padStart(3, '0')}`);
  const fleet = await measure(`${monitors} watches`, names);
  const after = await measure('one watch', ['after']);
  progress('one watch, in real use');
  const minuteMs = await realUse;
  progress('');

  const lone: Figures = {
    ...before,
    cpuMs: before.cpuMs + after.cpuMs,
    runs: before.runs + after.runs,
    calls: before.calls + after.calls,
    wallMs: before.wallMs + after.wallMs,
    stepMs: [...before.stepMs, ...after.stepMs],
    overheadMs: [...before.overheadMs, ...after.overheadMs],
    residentMib: [...before.residentMib, ...after.residentMib],
    shareMib: [...before.shareMib, ...after.shareMib],
  };
  const rows: readonly (readonly [what: string, of: (figures: Figures) => string])[] = [
    ['runs measured', ({ runs }) => String(runs)],
    ['calls of a run', ({ calls, runs }) => (calls / runs).toFixed(1)],
    ['calls a minute, all watches', ({ calls, wallMs }) => ((calls * 60_000) / wallMs).toFixed(0)],
    ['users and groups at a time, at most', ({ mostEntities }) => String(mostEntities)],
    ['CPU, ms for each beat', ({ cpuMs, runs }) => (cpuMs / runs).toFixed(1)],
    ['CPU of all, of one core', ({ cpuMs, wallMs }) => `${((100 * cpuMs) / wallMs).toFixed(1)} %`],
    ['resident memory of a watch, MiB: median', ({ residentMib }) => median(residentMib).toFixed(1)],
    ['its share of the memory (PSS), MiB: median', ({ shareMib }) => median(shareMib).toFixed(1)],
    ['memory of all (sum of PSS), MiB', (figures) => (figures === lone ? '–' : sum(figures.shareMib).toFixed(0))],
    ['reported time of a step, ms: median', ({ stepMs }) => median(stepMs).toFixed(2)],
    ['p90', ({ stepMs }) => quantile(stepMs, 0.9).toFixed(2)],
    ["beyond the server's own, ms: median", ({ overheadMs }) => median(overheadMs).toFixed(2)],
    ['p90', ({ overheadMs }) => quantile(overheadMs, 0.9).toFixed(2)],
  ];
  const load = os.loadavg()[2]?.toFixed(1);
  console.log(
    `awsiam watch in the executable, every ${everySecs} s for ${measuredBeats * everySecs} s; IAM takes ${latencyMs} ms for each call; ${os.availableParallelism()} cores, load average of 15 minutes ${load}`,
  );
  console.log(`${''.padEnd(44)}${'one watch'.padStart(12)}${`${monitors} watches`.padStart(12)}`);
  for (const [what, of] of rows) console.log(`${what.padEnd(44)}${of(lone).padStart(12)}${of(fleet).padStart(12)}`);

  const shareMib = sum(fleet.shareMib) / monitors;
  console.log(
    `\nOne more watch, every ${realEverySecs} s, measured over ${realSecs / realEverySecs} beats: ${minuteMs.toFixed(1)} ms of CPU a minute, ${((minuteMs * realEverySecs) / 60).toFixed(1)} for each beat\n`,
  );
  const targets = [
    ['CPU of a hundred, of one core', (hundred * minuteMs) / 60_000, 0.1, ''],
    ['memory of a hundred', (hundred * shareMib) / 1024, 8, ' GiB'],
    ['reported time of a step, to a lone watch', median(fleet.stepMs) / median(lone.stepMs), 1.1, ''],
  ] as const;
  for (const [what, value, target, unit] of targets) {
    console.log(`${what.padEnd(44)}${describeResult(value, target, unit, 3)}`);
  }
  process.exitCode = targets.every(([, value, target]) => value <= target) ? 0 : 1;
} finally {
  for (const child of started) child.kill('SIGKILL');
  await Promise.all([server.close(), realServer.close()]);
  await rm(dir, { recursive: true, force: true });
}
