import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runRecord } from '../history/testing/builders.ts';
import { writeRuns } from '../history/testing/write-runs.ts';
import { monitorRun } from '../runner/testing/builders.ts';
import { readMark, type ReportMark } from './report-file.ts';
import { isDue, ReportReporter } from './report.ts';
import { testReporter } from './testing/test-reporter.ts';

async function makeResultsDir(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-report-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const startMs = Date.UTC(2026, 10, 22, 12);
const run = (atMs: number, kind: 'passed' | 'theirs' = 'passed') =>
  runRecord(atMs, kind === 'passed' ? { kind } : { kind, at: 1 }, { instance: 'us-east-1' });

async function setUp({ readTimeoutMs = 60_000 } = {}) {
  const resultsDir = await makeResultsDir();
  await writeRuns(resultsDir, [run(startMs)]);
  const file = path.join(resultsDir, 'report.html');
  const reporter = new ReportReporter({
    resultsDir,
    shownAs: 'results/report.html',
    operations: {},
    readTimeoutMs,
  });
  return { resultsDir, file, reporter };
}

testReporter('ReportReporter', async () => {
  const { resultsDir, reporter } = await setUp();
  const breakDestination = async (): Promise<void> => {
    await rm(resultsDir, { recursive: true });
    await writeFile(resultsDir, 'a file in the way');
  };
  return { reporter, breakDestination, close: async () => {} };
});

describe('ReportReporter', () => {
  test('writes the report of the first run, and says in its first line what it shows', async () => {
    const { file, reporter } = await setUp();
    expect(await reporter.report(run(startMs), [])).toEqual({ ok: true, text: 'report results/report.html' });
    expect(await readFile(file, 'utf8')).toMatch(/^<!-- awsiam report \{.*\} -->\n<!doctype html>/i);
    expect(await readMark(file)).toEqual({
      mode: 'live',
      instance: 'us-east-1',
      state: 'up',
      nowMs: startMs + 300,
    });
    expect((await stat(file)).mode & 0o777).toBe(0o666 & ~process.umask());
  });

  test('leaves a report that is good enough alone, and then reads no history', async () => {
    const { resultsDir, file, reporter } = await setUp();
    await reporter.report(run(startMs), []);
    await rm(path.join(resultsDir, 'runs'), { recursive: true });
    const before = await readFile(file, 'utf8');
    expect(await reporter.report(run(startMs + 120_000), [])).toEqual({ ok: true, text: 'report results/report.html' });
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  test('writes it again if an earlier report found out that the state has changed', async () => {
    const { file, reporter } = await setUp();
    await reporter.report(run(startMs), []);
    const later = run(startMs + 120_000);
    await reporter.report(later, [
      { ok: true, text: 'Prometheus' },
      { ok: true, text: 'totals', state: 'degraded' },
    ]);
    expect(await readMark(file)).toMatchObject({ nowMs: startMs + 120_300 });
  });

  test('gives up a history that takes too long to read, and keeps the older report', async () => {
    const { resultsDir, file, reporter } = await setUp({ readTimeoutMs: 1 });
    await writeFile(file, 'older');
    const line = `${JSON.stringify(run(startMs))}\n`;
    await writeFile(path.join(resultsDir, 'runs/2026-11-22.ndjson'), line.repeat(20_000));
    expect(await reporter.report(run(startMs), [])).toEqual({
      ok: false,
      text: 'report results/report.html could not be written: reading the history took longer than 0.001 s',
    });
    expect(await readFile(file, 'utf8')).toBe('older');
    expect(await readdir(resultsDir)).toEqual(['report.html', 'runs']);
  });

  test('keeps the older report if the history cannot be read', async () => {
    const { resultsDir, file, reporter } = await setUp();
    await writeFile(file, 'older');
    await rm(path.join(resultsDir, 'runs'), { recursive: true });
    await writeFile(path.join(resultsDir, 'runs'), 'a file in the way');
    expect(await reporter.report(run(startMs), [])).toEqual({
      ok: false,
      text: expect.stringMatching(
        /^report results\/report.html could not be written: .*runs could not be read: ENOTDIR/,
      ) as unknown,
    });
    expect(await readFile(file, 'utf8')).toBe('older');
  });

  test('says what stands in the way', async () => {
    const { file, reporter } = await setUp();
    await mkdir(file);
    expect(await reporter.report(run(startMs), [])).toEqual({
      ok: false,
      text: 'report results/report.html could not be written: a directory is in the way',
    });
  });
});

describe('the report is due', () => {
  const nowMs = startMs + 300;
  const shown: ReportMark = { mode: 'live', instance: 'us-east-1', state: 'up', nowMs };

  test.for([
    ['not while nothing changes', run(startMs + 599_000), shown, 'up', false],
    ['after ten minutes', run(startMs + 600_000), shown, 'up', true],
    ['if the clock was put back by ten minutes', run(startMs - 600_000), shown, 'up', true],
    ['not if a run beside this one wrote it', run(startMs - 1000), shown, 'up', false],
    ['if there is none', run(startMs), undefined, 'up', true],
    ['if it shows the other mode', run(startMs), { ...shown, mode: 'offline' }, 'up', true],
    ['if it shows another instance', run(startMs), { ...shown, instance: 'eu-west-1' }, 'up', true],
    ['after a failed run', run(startMs, 'theirs'), shown, 'up', true],
    ['if the state has changed', run(startMs), shown, 'degraded', true],
    ['not if the state is unknown and the report shows up', run(startMs), shown, undefined, false],
    [
      'if the state is unknown and the report shows another',
      run(startMs),
      { ...shown, state: 'down' },
      undefined,
      true,
    ],
  ] as const)('%s', ([, last, mark, state, expected]) => {
    expect(isDue(last, mark, state)).toBe(expected);
  });
});

describe('the mark', () => {
  test.for(['-->', '--><script>alert(1)</script>', '--!>', '<!--', '-'.repeat(9)])(
    'stays in its comment if the instance is called %s',
    async (instance) => {
      const { file, reporter } = await setUp();
      await reporter.report(monitorRun({ instance }), []);
      const text = await readFile(file, 'utf8');
      const [comment] = /<!--[^]*?--!?>/.exec(text) ?? [];
      expect(text.slice(comment?.length)).toMatch(/^\n<!doctype html>/i);
      expect(await readMark(file)).toMatchObject({ instance });
    },
  );

  test.for([
    '',
    '<!doctype html>',
    '<!-- awsiam report {} -->',
    '<!-- awsiam report nonsense -->\n',
    '\0'.repeat(9000),
  ])('is absent from a foreign file (%#)', async (text) => {
    const { file } = await setUp();
    await writeFile(file, text);
    expect(await readMark(file)).toBeUndefined();
  });
});
