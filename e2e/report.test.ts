import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test, type TestContext } from 'vitest';
import { readMark } from '../reporters/report-file.ts';
import { mountSmallDisk } from '../runner/testing/needs.ts';
import { liveEnv, makeResultsDir, runAwsiam, runVitest, type VitestRun } from './harness/run.ts';
import { startIam } from './harness/servers.ts';

/** Runs that write `report.html`, as users start them. */

const run = promisify(execFile);

async function startRun(resultsDir: string, faults = '', args: readonly string[] = []): Promise<VitestRun> {
  const iam = await startIam(faults);
  const env = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir };
  return await runVitest({ env, args });
}

/** The report, which must be whole, and what it shows. */
async function readReport(resultsDir: string) {
  const file = path.join(resultsDir, 'report.html');
  const page = await readFile(file, 'utf8');
  expect(page).toMatch(/^<!-- awsiam report [^\n]* -->\n<!doctype html>[^]*<\/html>\s*$/);
  expect((await readdir(resultsDir)).filter((name) => name.startsWith('report'))).toEqual(['report.html']);
  const { ino, mode } = await stat(file);
  return { page, ino, mode, mark: await readMark(file) };
}

test('the first run writes the report, the next one leaves it, a failed one and one of the other mode write it again', async () => {
  const resultsDir = await makeResultsDir();
  const first = await startRun(resultsDir);
  expect(first.code, first.everything).toBe(0);
  expect(first.stdout).toContain(` · report ${resultsDir}/report.html`);
  const written = await readReport(resultsDir);
  expect(written.mark).toMatchObject({ mode: 'live' });
  expect(written.mode & 0o777).toBe(0o644);

  const second = await startRun(resultsDir);
  expect(second.code, second.everything).toBe(0);
  expect(await readReport(resultsDir)).toEqual(written);

  const failed = await startRun(resultsDir, 'CreateGroup=ServiceFailure');
  expect(failed.code).toBe(1);
  const rewritten = await readReport(resultsDir);
  expect(rewritten.page).not.toBe(written.page);
  expect(rewritten.page).toContain('ServiceFailure');

  const offline = await startRun(resultsDir, '', ['--mode', 'offline']);
  expect(offline.code, offline.everything).toBe(0);
  const rehearsal = await readReport(resultsDir);
  expect(rehearsal.mark).toMatchObject({ mode: 'offline' });
  expect(rehearsal.page).toMatch(/<body>\s*<aside[^>]*>\s*<b>This is a rehearsal\.<\/b>/);
});

test('two runs at once leave one whole report, in which both are', async () => {
  const resultsDir = await makeResultsDir();
  const ended = await Promise.all([
    startRun(resultsDir, 'CreateGroup=ServiceFailure'),
    startRun(resultsDir, 'CreateGroup=ServiceFailure'),
  ]);
  for (const { code, stdout } of ended) {
    expect(code).toBe(1);
    expect(stdout).not.toMatch(/! report/);
  }
  await readReport(resultsDir);
});

/** A results directory on a small disk, with a history of one run and an older report. */
async function makeSmallDisk(context: TestContext, size: string): Promise<string> {
  const resultsDir = await makeResultsDir();
  await mountSmallDisk(context, resultsDir, size);
  await mkdir(path.join(resultsDir, 'runs'));
  await writeFile(path.join(resultsDir, 'report.html'), 'an older report');
  return resultsDir;
}

test('a full disk costs the report, and the older one stays whole', async (context) => {
  const resultsDir = await makeSmallDisk(context, '112k');
  await writeFile(path.join(resultsDir, 'full'), Buffer.alloc(48 * 1024));
  const ended = await startRun(resultsDir);
  expect(ended.code, ended.everything).toBe(0);
  expect(ended.stdout).toMatch(/! report .*report\.html could not be written: ENOSPC/);
  expect(await readFile(path.join(resultsDir, 'report.html'), 'utf8')).toBe('an older report');
  expect((await readdir(resultsDir)).filter((name) => name.startsWith('report'))).toEqual(['report.html']);
  expect(await readFile(path.join(resultsDir, 'junit.xml'), 'utf8')).toContain('tests="8"');
});

test('a read-only directory costs the report, and the older one stays', async (context) => {
  const resultsDir = await makeSmallDisk(context, '1m');
  await run('mount', ['-o', 'remount,ro', resultsDir]);
  const ended = await startRun(resultsDir);
  expect(ended.code, ended.everything).toBe(0);
  expect(ended.stdout).toMatch(/! report .*report\.html could not be written: EROFS/);
  expect(await readFile(path.join(resultsDir, 'report.html'), 'utf8')).toBe('an older report');
});

test('a damaged history is no reason to have no report, and the report says what is missing', async () => {
  const resultsDir = await makeResultsDir();
  const runsDir = path.join(resultsDir, 'runs');
  await mkdir(runsDir);
  const today = Date.now();
  const day = (ago: number) => `${new Date(today - ago * 86_400_000).toISOString().slice(0, 10)}.ndjson`;
  await writeFile(path.join(runsDir, day(1)), `${'\0'.repeat(70_000)}\n{"schema":1}\n{"schema":9}\nnonsense`);
  await run('mkfifo', [path.join(runsDir, day(2))]);
  const ended = await startRun(resultsDir);
  expect(ended.code, ended.everything).toBe(0);
  const { page } = await readReport(resultsDir);
  expect(page).toMatch(/4 lines of the history/);
  expect(page).toContain(`${day(2)} could not be read: it is not a file`);
});

test('awsiam report reads what runs wrote, and a pipe that closes early does no harm', async () => {
  const resultsDir = await makeResultsDir();
  await startRun(resultsDir, 'CreateGroup=AccessDenied');
  const env = { METRIST_RESULTS_DIR: resultsDir };
  const report = await runAwsiam(['report', '--out', 'mine/report.html'], env, { cwd: resultsDir });
  expect(report).toMatchObject({ code: 0, stderr: '' });
  expect(report.stdout).toMatch(/^mine\/report\.html: 1 live run of 7 days, \d+ kB\n$/);
  expect(await readFile(path.join(resultsDir, 'mine/report.html'), 'utf8')).toContain('AccessDenied');

  const csv = await runAwsiam(['report', '--csv'], env);
  expect(csv).toMatchObject({ code: 0, stderr: '' });
  expect(csv.stdout.split('\r\n')).toHaveLength(10);
  expect(csv.stdout).toContain(',CreateGroup,failed,');

  const script = '"$@" | head -c 1';
  const cut = await run('sh', ['-c', script, 'sh', process.execPath, 'cli/awsiam.js', 'report', '--out', '-'], {
    env: { ...process.env, ...env },
  });
  expect(cut).toEqual({ stdout: '<', stderr: '' });
});
