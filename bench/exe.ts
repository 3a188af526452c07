import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { driveMonitor } from '../metrist/protocol/drive/drive-monitor.ts';
import { isSuccessful } from '../metrist/protocol/drive/drive-report.ts';
import { startIamServer } from '../mocks/iam/server.ts';
import { steps } from '../suites/awsiam/steps.ts';
import { projectDir, settingsFor, spawnNode } from './spawn-node.ts';
import { describeResult, median, quantile } from './statistics.ts';
import { readCpuMs, timed, timeProcess } from './time-process.ts';

/**
 * Measures the time and memory of the executable. Each round starts bare `node -e 0`, then the executable without an
 * Orchestrator, then drives the executable through all eight steps against a server without latency. Targets: `Started`
 * within 1.3 times the wall time of bare Node; at most 7 times its wall time and 8 times its CPU time; at most 100 MiB of
 * memory; the median step at most 4 ms longer than the server's own time.
 */
const rounds = Number(process.argv[2] ?? 15);
const memoryRounds = 3;
const executable = path.join(projectDir, 'dist/awsiam');
if (!existsSync(executable)) throw new Error('There is no dist/awsiam: make it with "npm run package".');

const server = await startIamServer();
const { PATH = '', HOME = '' } = process.env;
const env = {
  PATH,
  HOME,
  AWS_EC2_METADATA_DISABLED: 'true',
  ...settingsFor(server.url),
};
const bareNode = [process.execPath, '-e', '0'];

interface Driven {
  readonly startedMs: number;
  readonly configuredMs: number;
  readonly answersMs: readonly number[];
  readonly overheadMs: readonly number[];
  readonly wallMs: number;
  readonly cpuMs: number;
}

async function drive(): Promise<Driven> {
  let cpuMs = Number.NaN;
  const report = await driveMonitor({
    command: timed([executable]),
    steps: steps.map(({ name }) => name),
    env,
    onEvent: (event) => {
      if (event.kind === 'stderr') cpuMs = readCpuMs(event.line) ?? cpuMs;
    },
  });
  if (!isSuccessful(report)) throw new Error(`the run failed: ${JSON.stringify(report)}`);
  const { startedAfterMs = Number.NaN, configuredAfterMs = Number.NaN, wallMs } = report;
  const answersMs = report.steps.map((step) => ('answeredAfterMs' in step ? step.answeredAfterMs : Number.NaN));
  const served = server.calls.slice(-steps.length).map(({ serviceMs = Number.NaN }) => serviceMs);
  return {
    startedMs: startedAfterMs,
    configuredMs: configuredAfterMs,
    answersMs,
    overheadMs: answersMs.map((ms, index) => ms - (served[index] ?? Number.NaN)),
    wallMs,
    cpuMs,
  };
}

/** The peak memory of a run, read when its last step is answered. Such a run is not timed, because reading takes time. */
async function measurePeakMiB(): Promise<number> {
  let peakMiB = Number.NaN;
  await driveMonitor({
    command: [executable],
    steps: steps.map(({ name }) => name),
    env,
    onEvent: (event) => {
      if (event.kind === 'step' && event.step.name === steps.at(-1)?.name) peakMiB = readPeakMiB(executable);
    },
  });
  return peakMiB;
}

/** The peak memory (`VmHWM`) of the process that was started from this file. */
function readPeakMiB(file: string): number {
  const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && linkOf(`/proc/${name}/exe`) === file);
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

function linkOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

const bare: { wallMs: number; cpuMs: number }[] = [];
const idle: { wallMs: number; cpuMs: number; firstByteMs?: number }[] = [];
const driven: Driven[] = [];
const peaks: number[] = [];
try {
  for (let round = -1; round < rounds; round++) {
    const [a, b, c] = [await timeProcess(bareNode, env), await timeProcess([executable], env), await drive()];
    // The first round only fills the disk's cache.
    if (round < 0) continue;
    bare.push(a);
    idle.push(b);
    driven.push(c);
    if (process.stderr.isTTY) process.stderr.write(`\r${round + 1} of ${rounds} rounds`);
  }
  for (let round = 0; round < memoryRounds; round++) peaks.push(await measurePeakMiB());
} finally {
  if (process.stderr.isTTY) process.stderr.write('\r\u001B[K');
  await server.close();
}

const { stdout: bareMemory } = await spawnNode(['-e', 'console.log(process.resourceUsage().maxRSS / 1024)']);

const bareWallMs = median(bare.map(({ wallMs }) => wallMs));
const bareCpuMs = median(bare.map(({ cpuMs }) => cpuMs));
const startedMs = median(driven.map((run) => run.startedMs));
const wallMs = median(driven.map((run) => run.wallMs));
const cpuMs = median(driven.map((run) => run.cpuMs));
const peakMiB = Math.max(...peaks);
const overheadMs = median(driven.flatMap((run) => run.overheadMs));

const cell = (value: number, digits = 0): string => value.toFixed(digits).padStart(9);
console.log(`Medians of ${rounds} rounds, in ms; memory in MiB`);
console.log(`${''.padEnd(34)}  Started     wall      CPU   memory`);
console.log(
  `${'node -e 0'.padEnd(34)}${'–'.padStart(9)}${cell(bareWallMs)}${cell(bareCpuMs)}${cell(Number(bareMemory))}`,
);
console.log(
  `${'the executable, no Orchestrator'.padEnd(34)}${cell(median(idle.map(({ firstByteMs = Number.NaN }) => firstByteMs)))}` +
    `${cell(median(idle.map((run) => run.wallMs)))}${cell(median(idle.map((run) => run.cpuMs)))}`,
);
console.log(
  `${'driven through the eight steps'.padEnd(34)}${cell(startedMs)}${cell(wallMs)}${cell(cpuMs)}${cell(peakMiB)}`,
);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const parts = [
  ['until Started', driven.map((run) => run.startedMs)],
  ['until Configured (loading, warming up, connecting)', driven.map((run) => run.configuredMs - run.startedMs)],
  ['the first step', driven.map((run) => run.answersMs[0] ?? Number.NaN)],
  ['the other seven', driven.map((run) => sum(run.answersMs.slice(1)))],
  ['from the last answer to the end', driven.map((run) => run.wallMs - run.configuredMs - sum(run.answersMs))],
] as const;
console.log('\nThe parts of the wall time of a driven run, in ms');
for (const [what, values] of parts) console.log(`  ${what.padEnd(52)}${cell(median(values), 1)}`);

console.log('\nEach step from Run Step to the answer, minus the server, in ms: median (p90)');
for (const [index, { name }] of steps.entries()) {
  const values = driven.map((run) => run.overheadMs[index] ?? Number.NaN);
  console.log(`  ${name.padEnd(22)}${cell(median(values), 1)} (${quantile(values, 0.9).toFixed(1)})`);
}

const targets = [
  ['Started, relative to bare Node', startedMs / bareWallMs, 1.3, ''],
  ['wall time, relative to bare Node', wallMs / bareWallMs, 7, ''],
  ['CPU time, relative to bare Node', cpuMs / bareCpuMs, 8, ''],
  ['peak memory', peakMiB, 100, ' MiB'],
  ['median step, minus the server', overheadMs, 4, ' ms'],
] as const;
console.log('');
for (const [what, value, target, unit] of targets) {
  console.log(`${what.padEnd(34)}${describeResult(value, target, unit)}`);
}
process.exitCode = targets.every(([, value, target]) => value <= target) ? 0 : 1;
