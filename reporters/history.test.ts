import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type RunRecord, toRecord } from '../history/run-record.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { mountSmallDisk } from '../runner/testing/needs.ts';
import { HistoryReporter } from './history.ts';
import { hostileRun, passedRun, theirFailureRun } from './testing/runs.ts';
import { testReporter } from './testing/test-reporter.ts';

const settings = { intervalSecs: 300, historyDays: 90 };
const record = (run: MonitorRun) => toRecord(run, { intervalSecs: 300, frontEnd: 'vitest' });

async function setUp() {
  const root = await mkdtemp(path.join(os.tmpdir(), 'awsiam-history-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const dir = path.join(root, 'runs');
  const lines = async (day = '2026-11-22'): Promise<unknown[]> => {
    const text = await readFile(path.join(dir, `${day}.ndjson`), 'utf8');
    return (
      text
        .split('\n')
        // If a writer sees the half-written line of another one, it starts a new line, and an empty one is left between.
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as unknown)
    );
  };
  return { dir, reporter: new HistoryReporter({ dir, settings, frontEnd: 'vitest' }), lines };
}

describe('HistoryReporter', () => {
  test('appends each run as one line to the file of its day, by UTC', async () => {
    const { dir, reporter, lines } = await setUp();
    const file = path.join(dir, '2026-11-22.ndjson');
    expect(await reporter.report(passedRun)).toEqual({
      ok: true,
      isRoutine: true,
      text: `history ${file}`,
    });
    await reporter.report(theirFailureRun);
    await reporter.report({ ...passedRun, startedAt: '2026-11-23T00:00:00.000Z' });
    expect(await lines()).toEqual([record(passedRun), record(theirFailureRun)]);
    expect(await lines('2026-11-23')).toHaveLength(1);
  });

  test('does not mix runs that end at the same time, even large ones', async () => {
    const { reporter, lines } = await setUp();
    await Promise.all(Array.from({ length: 8 }, () => reporter.report(hostileRun)));
    expect(await lines()).toEqual(Array<unknown>(8).fill(JSON.parse(JSON.stringify(record(hostileRun)))));
  });

  test('starts a new line if the last one was cut off', async () => {
    const { dir, reporter } = await setUp();
    await mkdir(dir);
    await writeFile(path.join(dir, '2026-11-22.ndjson'), '{"monitor":"aws');
    await reporter.report(passedRun);
    const text = await readFile(path.join(dir, '2026-11-22.ndjson'), 'utf8');
    expect(text.split('\n')).toEqual(['{"monitor":"aws', JSON.stringify(record(passedRun)), '']);
  });

  test('reports that a full disk took no line or only a part of it', async (context) => {
    const { dir, reporter } = await setUp();
    await mkdir(dir);
    await mountSmallDisk(context, dir, '16k');
    expect(await reporter.report(hostileRun)).toMatchObject({
      ok: false,
      text: expect.stringContaining('not be written') as unknown,
    });
    expect(await readdir(dir)).toEqual(['2026-11-22.ndjson']);
  });
});

describe('a HistoryReporter of a process that goes on', () => {
  test('writes the runs that the disk did not take as soon as it takes them again, in their order', async () => {
    const { dir, lines } = await setUp();
    await writeFile(dir, 'a file where the directory should be');
    const unwritten: RunRecord[] = [];
    const runsOfDay = ['10', '12', '14'].map((minute) => ({
      ...passedRun,
      startedAt: `2026-11-22T10:${minute}:00.000Z`,
    }));
    const oks: boolean[] = [];
    for (const [index, run] of runsOfDay.entries()) {
      if (index === 2) await rm(dir);
      const reporter = new HistoryReporter({ dir, settings, frontEnd: 'watch', unwritten });
      await reporter.prepare(run);
      const { ok } = await reporter.report(run);
      oks.push(ok);
      expect(unwritten).toHaveLength(index === 2 ? 0 : index + 1);
    }
    expect(oks).toEqual([false, false, true]);
    expect(await lines()).toEqual(runsOfDay.map((run) => toRecord(run, { intervalSecs: 300, frontEnd: 'watch' })));
  });

  test('forgets the oldest of very many runs, so that memory does not grow', async () => {
    const { dir } = await setUp();
    const unwritten: RunRecord[] = [];
    for (let minute = 0; minute < 1002; minute++) {
      const startedAt = new Date(Date.UTC(2026, 10, 22) + minute * 60_000).toISOString();
      const reporter = new HistoryReporter({ dir, settings, frontEnd: 'watch', unwritten });
      await reporter.prepare({ ...passedRun, startedAt });
    }
    expect(unwritten).toHaveLength(1000);
    expect(unwritten[0]?.startedAt).toBe('2026-11-22T00:02:00.000Z');
  });
});

testReporter('HistoryReporter', async () => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'awsiam-history-'));
  const dir = path.join(root, 'runs');
  return {
    reporter: new HistoryReporter({ dir, settings, frontEnd: 'vitest' }),
    breakDestination: async () => {
      await rm(dir, { recursive: true });
      await writeFile(dir, 'a file where the directory should be');
    },
    close: () => rm(root, { recursive: true }),
  };
});
