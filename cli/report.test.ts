import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runRecord } from '../history/testing/builders.ts';
import { writeRuns } from '../history/testing/write-runs.ts';
import type { RunRecord } from '../history/run-record.ts';
import { runProgram } from './program.ts';
import { testContext } from './testing/context.ts';

const nowMs = Date.UTC(2026, 10, 22, 12);
const dayMs = 86_400_000;

/** A run some time ago. */
function run(agoMs: number, overrides: Partial<RunRecord> = {}): RunRecord {
  return runRecord(nowMs - agoMs, { kind: 'passed' }, { instance: 'us-east-1', ...overrides });
}

const history = [
  run(40 * dayMs),
  run(7 * dayMs + 1000),
  run(6 * dayMs),
  run(2 * dayMs, { instance: 'eu-west-1' }),
  run(dayMs, { mode: 'offline' }),
  run(120_000),
];

/** The command at noon of 22 November 2026, in a directory of its own. */
async function setUp(runs: readonly RunRecord[] = history, values: Readonly<Record<string, string>> = {}) {
  const baseDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-report-command-'));
  onTestFinished(() => rm(baseDir, { recursive: true, force: true }));
  const resultsDir = path.join(baseDir, 'results');
  if (runs.length > 0) await writeRuns(resultsDir, runs);
  const context = testContext(values, { baseDir });
  return {
    baseDir,
    resultsDir,
    context,
    report: async (...args: readonly string[]) => {
      vi.useFakeTimers({ now: nowMs, toFake: ['Date'] });
      try {
        return await runProgram(['report', ...args], context);
      } finally {
        vi.useRealTimers();
      }
    },
  };
}

const rowsOf = (csv: string): string[][] =>
  csv
    .split('\r\n')
    .slice(1, -1)
    .map((line) => line.split(','));

test('writes one file with seven days of live runs into the results directory, and says what it holds', async () => {
  const { context, resultsDir, report } = await setUp();
  expect(await report()).toBe(0);
  const file = path.join(resultsDir, 'report.html');
  expect(context.written.output).toMatch(new RegExp(`^${file}: 2 live runs of 7 days, \\d+ kB\n$`));
  expect(context.written.errorOutput).toBe('! it does not show the runs of eu-west-1: choose them with --instance\n');
  expect(await readFile(file, 'utf8')).toMatch(/^<!-- awsiam report .*"instance":"us-east-1".* -->\n<!doctype html>/i);
  expect(await readdir(resultsDir)).toEqual(['report.html', 'runs']);
});

test.for([
  [['--days', '1'], '1 live run of 1 day,'],
  [['--days', '8'], '3 live runs of 8 days,'],
  [['--days', '3650'], '4 live runs of 3650 days,'],
  [['--instance', 'eu-west-1'], '1 live run of 7 days,'],
  [['--mode', 'offline'], '1 offline run of 7 days,'],
  [['--instance', 'nowhere'], '0 live runs of 7 days,'],
] as const)('%o shows %s', async ([args, what]) => {
  const { context, report } = await setUp();
  expect(await report(...args)).toBe(0);
  expect(context.written.output).toContain(what);
});

test('shows the instance of METRIST_INSTANCE_ID unless another one is named', async () => {
  const { context, report } = await setUp(history, { METRIST_INSTANCE_ID: 'eu-west-1' });
  expect(await report()).toBe(0);
  expect(context.written.output).toContain('1 live run of 7 days');
  expect(context.written.errorOutput).toContain('the runs of us-east-1');
});

test('writes a page without runs if there are none', async () => {
  const { context, resultsDir, report } = await setUp([]);
  expect(await report()).toBe(0);
  expect(context.written.output).toContain('0 live runs of 7 days');
  expect(await readFile(path.join(resultsDir, 'report.html'), 'utf8')).toContain('no fresh data');
});

test('writes elsewhere and makes the directories, or to stdout', async () => {
  const { context, baseDir, resultsDir, report } = await setUp();
  const file = path.join(baseDir, 'site/iam/index.html');
  expect(await report('--out', file)).toBe(0);
  expect(context.written.output).toContain(`${file}: 2 live runs`);
  const page = await readFile(file, 'utf8');
  context.written.output = '';
  expect(await report('--out', '-')).toBe(0);
  expect(context.written.output).toBe(page);
  expect(await readdir(resultsDir)).toEqual(['runs']);
});

test('says what stands in the way of the file, and what to do', async () => {
  const { context, baseDir, report } = await setUp();
  for (const format of [[], ['--csv']]) {
    context.written.errorOutput = '';
    expect(await report('--out', baseDir, ...format)).toBe(1);
    expect(context.written).toEqual({
      output: '',
      errorOutput: `error: ${baseDir} could not be written: a directory is in the way; name another file with --out\n`,
    });
  }
});

test('fails if the history cannot be read, and keeps the older report', async () => {
  const { context, resultsDir, report } = await setUp([]);
  await mkdir(resultsDir);
  await writeFile(path.join(resultsDir, 'runs'), 'a file in the way');
  await writeFile(path.join(resultsDir, 'report.html'), 'older');
  expect(await report()).toBe(1);
  expect(context.written.errorOutput).toMatch(/^error: .*runs could not be read: ENOTDIR.*\n$/);
  expect(await readFile(path.join(resultsDir, 'report.html'), 'utf8')).toBe('older');
  expect(await report('--csv')).toBe(1);
});

test('says which parts of the history are missing in it', async () => {
  const { context, resultsDir, report } = await setUp([run(120_000)]);
  await mkdir(path.join(resultsDir, 'runs/2026-11-21.ndjson'));
  await writeFile(path.join(resultsDir, 'runs/2026-11-20.ndjson'), 'torn\n{}\n');
  for (const format of [[], ['--csv']]) {
    context.written.errorOutput = '';
    expect(await report(...format)).toBe(0);
    expect(context.written.errorOutput).toMatch(
      /^! .*2026-11-21.ndjson could not be read: it is not a file\n! left out of it: 2 lines of the history that are no runs\n$/,
    );
  }
});

test('writes CSV to stdout, with a row for each step of each run of all instances', async () => {
  const { context, report } = await setUp();
  expect(await report('--csv')).toBe(0);
  expect(context.written.output).toMatch(/^run_started_at,.*\r\n2026-11-16T12:00:00.000Z,passed,live,us-east-1,/);
  expect(rowsOf(context.written.output)).toHaveLength(9);
  expect(context.written.errorOutput).toBe('');
});

test('writes CSV of one instance to a file', async () => {
  const { context, baseDir, report } = await setUp();
  const file = path.join(baseDir, 'iam.csv');
  expect(await report('--csv', '--out', file, '--instance', 'eu-west-1')).toBe(0);
  expect(context.written.output).toBe(`${file}: 1 live run of 7 days, 3 rows\n`);
  expect(rowsOf(await readFile(file, 'utf8'))).toHaveLength(3);
});

test('writes only the header if there are no runs', async () => {
  const { context, report } = await setUp([]);
  expect(await report('--csv')).toBe(0);
  expect(context.written.output).toMatch(/^run_started_at,[^\n]*\r\n$/);
});

test('waits for the reader of the CSV, and stops if there is none', async () => {
  const runs = Array.from({ length: 600 }, (_, index) => run((600 - index) * 120_000));
  const { context, report } = await setUp(runs);
  const parts: string[] = [];
  const write = (text: string, done?: (error?: Error) => void): void => {
    parts.push(text);
    // The pipe is closed after the second part.
    setImmediate(() => done?.(...(parts.length < 2 ? [] : [new Error('EPIPE')])));
  };
  Object.assign(context.output, { write });
  expect(await report('--csv')).toBe(0);
  expect(parts).toHaveLength(2);
  for (const part of parts) expect(part.length).toBeLessThan(100_000);
});

test('stops after a signal, and leaves no half of a file', async () => {
  const { context, baseDir, report } = await setUp();
  context.raise('SIGTERM');
  const running = report('--csv', '--out', path.join(baseDir, 'iam.csv'));
  context.raise('SIGTERM');
  expect(await running).toBe(143);
  expect(context.written.output).toBe('');
  expect(await readdir(baseDir)).toEqual(['results']);
});

test.for([
  [['--days', '0'], 'Expected a whole number from 1 to 3650.'],
  [['--days', '3651'], 'Expected a whole number from 1 to 3650.'],
  [['--days', '1.5'], 'Expected a whole number from 1 to 3650.'],
  [['--mode', 'rehearsal'], 'Allowed choices are live, offline.'],
  [['--instance', 'a b'], 'Expected a METRIST_INSTANCE_ID'],
  [['--csv', '--open'], "option '--csv' cannot be used with option '--open'"],
  [['--out', '-', '--open'], "option '--open' cannot be used with '--out -'"],
] as const)('does not understand %o', async ([args, why]) => {
  const { context, resultsDir, report } = await setUp();
  expect(await report(...args)).toBe(2);
  expect(context.written.errorOutput).toContain(why);
  expect(await readdir(resultsDir)).toEqual(['runs']);
});

test('refuses a wrong METRIST_INSTANCE_ID and a wrong METRIST_RESULTS_DIR', async () => {
  const { context, report } = await setUp([], { METRIST_INSTANCE_ID: 'a b', METRIST_RESULTS_DIR: '/dev/null' });
  expect(await report()).toBe(1);
  expect(context.written.errorOutput).toMatch(/METRIST_RESULTS_DIR is "\/dev\/null"[^]*METRIST_INSTANCE_ID is "a b"/);
});
