import { existsSync, watch } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runRecord } from '../../history/testing/builders.ts';
import { writeRuns } from '../../history/testing/write-runs.ts';
import { hideSecrets } from '../../text/redact.ts';
import { Pages, type PagesOptions } from './pages.ts';

async function makeDir(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-pages-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Pages that are made by this program in place of `awsiam`. Its arguments are in `process.argv`. */
async function setUp(program: string, options: Partial<PagesOptions> = {}) {
  const resultsDir = await makeDir();
  const pages = new Pages({
    self: [
      process.execPath,
      '--eval',
      `const fs = require('node:fs'); process.chdir(process.env.METRIST_RESULTS_DIR); ${program}`,
    ],
    environment: {},
    resultsDir,
    mode: 'live',
    hideAccount: false,
    ...options,
  });
  onTestFinished(async () => await pages.close());
  return {
    pages,
    resultsDir,
    text: async (name: 'report' | 'status' = 'report') => (await pages.get(name)).toString(),
  };
}

/** Counts its runs in a file, and writes how many there were. */
const counting = `fs.appendFileSync('count', 'x'); process.stdout.write(String(fs.statSync('count').size));`;

/** Resolves when a file of this name is there. */
async function fileAppears(dir: string, name: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const check = (): void => {
    if (existsSync(path.join(dir, name))) resolve();
  };
  const watcher = watch(dir, check);
  onTestFinished(() => watcher.close());
  check();
  await promise;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('starts the command with what the watch itself writes, and hides the account only if it should', async () => {
  const show = `process.stdout.write(JSON.stringify([process.argv.slice(1), process.env.X, process.env.METRIST_RESULTS_DIR]))`;
  const environment = { X: 'x', METRIST_RESULTS_DIR: 'elsewhere' };
  const { text, resultsDir } = await setUp(show, { environment, instance: 'us-east-1', hideAccount: true });
  const shown = ['--mode', 'live', '--instance', 'us-east-1', '--hide-account'];
  expect(JSON.parse(await text('report'))).toEqual([['report', '--out', '-', ...shown], 'x', resultsDir]);
  expect(JSON.parse(await text('status'))).toEqual([['status', '--json', ...shown], 'x', resultsDir]);
  const other = await setUp(show, { mode: 'offline' });
  const [args] = JSON.parse(await other.text()) as [string[]];
  expect(args).toEqual(['report', '--out', '-', '--mode', 'offline', '--instance', '']);
});

test('makes a page once for all who ask, until a run has ended', async () => {
  const { pages, text } = await setUp(counting);
  expect(await Promise.all(Array.from({ length: 200 }, async () => await text()))).toEqual(Array(200).fill('1'));
  const [page, same] = [await pages.get('report'), await pages.get('report')];
  expect(same).toBe(page);
  pages.invalidate();
  expect([await text(), await text()]).toEqual(['2', '2']);
});

test('makes a page anew when it is too old', async () => {
  const { text } = await setUp(counting, { maxAgeMs: 0 });
  expect([await text(), await text()]).toEqual(['1', '2']);
});

test('does not keep a page that was begun before a run ended', async () => {
  const { pages, resultsDir, text } = await setUp(
    `${counting} const wait = () => fs.existsSync('go') || setTimeout(wait, 5); fs.writeFileSync('begun', ''); wait();`,
  );
  const first = text();
  await fileAppears(resultsDir, 'begun');
  pages.invalidate();
  await writeFile(path.join(resultsDir, 'go'), '');
  expect([await first, await text(), await text()]).toEqual(['1', '2', '2']);
});

test('runs one child at a time', async () => {
  const { text } = await setUp(
    `fs.mkdirSync('running'); setTimeout(() => { fs.rmdirSync('running'); process.stdout.write('alone'); }, 50);`,
  );
  expect(await Promise.all([text('report'), text('status')])).toEqual(['alone', 'alone']);
});

test('gives the child a low priority', async () => {
  const { text } = await setUp(
    `const os = require('node:os'); const wait = () => os.getPriority() > 0 ? process.stdout.write(String(os.getPriority())) : setTimeout(wait, 5); wait();`,
  );
  expect(Number(await text())).toBe(Math.max(os.getPriority(), os.constants.priority.PRIORITY_BELOW_NORMAL));
});

const hang = `fs.writeFileSync('unfinished', String(process.pid)); fs.renameSync('unfinished', 'pid'); process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);`;

test('kills a child that takes too long, and the next one gets its turn', async () => {
  const { text, resultsDir } = await setUp(
    `if (process.argv[1] === 'status') process.stdout.write('fine'); else { ${hang} }`,
    { timeoutMs: 1500 },
  );
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const page = text().catch((error: Error) => error.message);
  await fileAppears(resultsDir, 'pid');
  vi.advanceTimersByTime(1500);
  expect(await page).toBe('it took longer than 1.5 s');
  expect(await text('status')).toBe('fine');
  expect(isAlive(Number(await readFile(path.join(resultsDir, 'pid'), 'utf8')))).toBe(false);
});

test('kills the child when it is closed, and starts none any more', async () => {
  const { pages, text, resultsDir } = await setUp(hang);
  const asked = [text('report'), text('status')].map(async (page) => await page.catch((error: Error) => error.message));
  await fileAppears(resultsDir, 'pid');
  await pages.close();
  expect(isAlive(Number(await readFile(path.join(resultsDir, 'pid'), 'utf8')))).toBe(false);
  expect(await Promise.all(asked)).toEqual(['the watch ends', 'the watch ends']);
  await rm(path.join(resultsDir, 'pid'));
  await expect(text()).rejects.toThrow('the watch ends');
  expect(existsSync(path.join(resultsDir, 'pid'))).toBe(false);
});

test('says why there is no page, in one line, cut and without secrets, and tries again', async () => {
  hideSecrets([{ value: 'wJalrXUtnFEMIK7MDENGbPxRfiCYPAGESKEY', shownAs: '[redacted]' }]);
  const { text, resultsDir } = await setUp(`
    if (fs.existsSync('works')) process.stdout.write('page');
    else {
      process.stderr.write('reading the history (2 s)\\n! METRIST_X is unknown\\nerror: no key wJalrXUtnFEMIK7MDENGbPxRfiCYPAGESKEY\\nfix it ' + 'y'.repeat(100000));
      process.exitCode = 1;
    }`);
  const problem = await text().catch((error: Error) => error.message);
  expect(problem).toMatch(/^error: no key \[redacted\] fix it y+…$/);
  expect(problem).toHaveLength(400);
  await writeFile(path.join(resultsDir, 'works'), '');
  expect(await text()).toBe('page');
});

test.for([
  ['process.exitCode = 3', {}, 'the program ended with code 3'],
  [`process.kill(process.pid, 'SIGKILL')`, {}, 'the program ended with SIGKILL'],
  [`process.stdout.write('x'.repeat(65 * 1024 * 1024))`, {}, 'it is longer than 64 MiB'],
  ['', { self: ['/nonexistent/awsiam'] }, 'the program could not be started: spawn /nonexistent/awsiam ENOENT'],
] as const)('case %#: gives no half page', async ([program, options, reason]) => {
  const { text } = await setUp(program, options);
  await expect(text()).rejects.toThrow(reason);
});

test('the real command makes both pages', async () => {
  const self = [process.execPath, path.resolve(import.meta.dirname, '../awsiam.js')];
  const { text, resultsDir } = await setUp('', { self, instance: 'here' });
  await writeRuns(resultsDir, [runRecord(Date.now() - 60_000, { kind: 'passed' }, { instance: 'here' })]);
  const report = await text('report');
  expect(report).toMatch(/^(?:<!--.*-->)?\s*<!doctype html>/);
  expect(report).toContain('<title>IAM is up: awsiam at here</title>');
  expect(report.slice(-30)).toContain('</html>');
  expect(JSON.parse(await text('status'))).toMatchObject({ state: 'up', instance: 'here' });
});
