import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startIamServer } from '../mocks/iam/server.ts';
import { makeHistory, makeTotals } from './make-history.ts';
import { measureNode, type Measured } from './measure-node.ts';
import { settingsFor, vitestBin } from './spawn-node.ts';
import { describeResult, median } from './statistics.ts';

/**
 * Measures `awsiam report` for a month and a year of runs every two minutes, beside a bare process that reads the same lines
 * and parses them as JSON. Then it measures a process that reports one run, with and without history, metrics and summary, and
 * without a new report.
 *
 * Targets, with up-to-date totals, which each live run leaves: at most seven times the wall time of the bare process (guides on
 * a calm machine: 2 s and 15 s), and 200 and 300 MB of memory. A run with 90 days of history takes no longer than one with
 * ten, and reads no more bytes.
 */
const rounds = Number(process.argv[2] ?? 3);
const runRounds = 5 * rounds;
const maxRatio = 7;
/** The totals hold the averages of a week, so they grow for that long. */
const [shortDays, longDays] = [10, 90];
const endMs = Date.now();
const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-bench-'));

async function repeat(times: number, measure: () => Promise<Measured>): Promise<Measured[]> {
  const all: Measured[] = [];
  for (let round = 0; round < times; round++) all.push(await measure());
  return all;
}

const cell = (text: string): string => text.padStart(12);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

interface Row extends Pick<Measured, 'wallMs' | 'cpuMs' | 'peakMb'> {
  readonly wallRatio: number;
  readonly cpuRatio: number;
}

function mediansOf(all: readonly Measured[]): Omit<Measured, 'stdout'> {
  return {
    wallMs: median(all.map((each) => each.wallMs)),
    cpuMs: median(all.map((each) => each.cpuMs)),
    peakMb: median(all.map((each) => each.peakMb)),
  };
}

/** Prints the medians, and as ratios those of another process beside which it was measured. */
function printRow(what: string, measured: readonly Measured[], beside: readonly Measured[]): Row {
  const { wallMs, cpuMs, peakMb } = mediansOf(measured);
  const other = mediansOf(beside);
  const [wallRatio, cpuRatio] = [wallMs / other.wallMs, cpuMs / other.cpuMs];
  const ratios = measured === beside ? ['–', '–'] : [wallRatio.toFixed(2), cpuRatio.toFixed(2)];
  const cells = [seconds(wallMs), seconds(cpuMs), `${peakMb.toFixed(0)} MB`, ...ratios];
  console.log(`${what.padEnd(34)}${cells.map(cell).join('')}`);
  return { wallMs, cpuMs, peakMb, wallRatio, cpuRatio };
}

function printHead(title: string): void {
  const columns = ['wall', 'CPU', 'memory', 'wall ratio', 'CPU ratio'];
  console.log(`\n${title}\n${''.padEnd(34)}${columns.map(cell).join('')}`);
}

/** @returns the figures with totals */
async function measureReports(name: string, days: number): Promise<Row> {
  const resultsDir = path.join(dir, name);
  const runs = makeHistory(resultsDir, { days, endMs });
  const bare: Measured[] = [];
  const report = ['cli/awsiam.js', 'report', '--days', String(days), '--out', path.join(resultsDir, 'page.html')];
  const measure = async (): Promise<Measured[]> =>
    await repeat(rounds, async () => {
      bare.push(await measureNode(['bench/read-lines.js', path.join(resultsDir, 'runs')]));
      return await measureNode(report, { METRIST_RESULTS_DIR: resultsDir });
    });
  const withoutTotals = await measure();
  await makeTotals(resultsDir, endMs);
  const withTotals = await measure();
  printHead(`The report of ${name}, ${runs.toLocaleString('en-US')} runs: medians of ${rounds}`);
  printRow('reading and parsing the lines', bare, bare);
  printRow('awsiam report, no totals.json', withoutTotals, bare);
  const row = printRow('awsiam report, up-to-date totals', withTotals, bare);
  await rm(resultsDir, { recursive: true });
  return row;
}

/** What a run takes that writes no report, with a history of so many days. */
async function measureRuns(): Promise<{ readonly bytesRatio: number; readonly cpuRatio: number }> {
  const histories = [shortDays, longDays].map((days) => {
    const resultsDir = path.join(dir, `${days} days`);
    makeHistory(resultsDir, { days, endMs });
    return resultsDir;
  });
  const all = { without: [] as Measured[], short: [] as Measured[], long: [] as Measured[], vitest: [] as Measured[] };
  let atMs = endMs;
  const reportTo = async (...resultsDir: readonly string[]): Promise<Measured> => {
    // Less than ten minutes after the run that wrote the report, so that no other one does.
    atMs += 1000;
    return await measureNode([
      '--import',
      './host/compile-cache.js',
      'bench/reporting-process.ts',
      String(atMs),
      ...resultsDir,
    ]);
  };
  for (const resultsDir of histories) {
    await makeTotals(resultsDir, endMs);
    await reportTo(resultsDir);
  }
  const [shortDir = '', longDir = ''] = histories;
  const server = await startIamServer();
  try {
    for (let round = 0; round < runRounds; round++) {
      all.without.push(await reportTo());
      all.short.push(await reportTo(shortDir));
      all.long.push(await reportTo(longDir));
      all.vitest.push(
        await measureNode([vitestBin, 'run'], {
          ...settingsFor(server.url),
          METRIST_CLEANUP_ENABLED: '0',
          METRIST_RESULTS_DIR: path.join(dir, 'vitest'),
        }),
      );
    }
  } finally {
    await server.close();
  }
  printHead(`A process that reports one run without a new report.html: medians of ${runRounds}`);
  const without = printRow('without the reports', all.without, all.without);
  const short = printRow(`history, metrics, summary: ${shortDays} days`, all.short, all.without);
  const long = printRow(`the same with ${longDays} days of history`, all.long, all.without);
  const whole = printRow('a whole live run of vitest', all.vitest, all.without);
  const addedMs = long.cpuMs - without.cpuMs;
  console.log(
    `added CPU time: ${addedMs.toFixed(0)} ms, ${((100 * addedMs) / whole.cpuMs).toFixed(1)} % of that of a whole run`,
  );
  const [bytesOfShort = 0, bytesOfLong = 0] = [all.short, all.long].map((each) =>
    median(each.map(({ stdout }) => Number(stdout))),
  );
  console.log(
    `bytes read meanwhile: ${bytesOfShort} with ${shortDays} days of history, ${bytesOfLong} with ${longDays}`,
  );
  return { bytesRatio: bytesOfLong / bytesOfShort, cpuRatio: long.cpuMs / short.cpuMs };
}

try {
  const month = await measureReports('30 days', 30);
  const year = await measureReports('a year', 365);
  const { bytesRatio, cpuRatio } = await measureRuns();
  const targets = [
    ['a month, wall relative to bare', month.wallRatio, maxRatio, ''],
    ['a year, wall relative to bare', year.wallRatio, maxRatio, ''],
    ['a month, memory', month.peakMb, 200, ' MB'],
    ['a year, memory', year.peakMb, 300, ' MB'],
    [`run, CPU, ${longDays} days to ${shortDays}`, cpuRatio, 1.15, ''],
    [`run, bytes read, ${longDays} to ${shortDays}`, bytesRatio, 1.15, ''],
  ] as const;
  console.log('');
  for (const [what, value, target, unit] of targets) {
    console.log(`${what.padEnd(34)}${describeResult(value, target, unit)}`);
  }
  process.exitCode = targets.every(([, value, target]) => !(value > target)) ? 0 : 1;
} finally {
  await rm(dir, { recursive: true, force: true });
}
