import fs from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { lockFile } from '../host/file-lock.ts';
import { failedStep, passedStep, stepError } from '../runner/testing/builders.ts';
import { dayOf } from './day-files.ts';
import type { RunRecord } from './run-record.ts';
import { noonMs, runRecord, type Story } from './testing/builders.ts';
import { readTotals, Totals, updateTotals, type InstanceTotals } from './totals.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const good: Story = { kind: 'passed' };
const live = { mode: 'live' } as const;
const ownRun = { ...live, instance: 'us-east-1', startedAt: new Date(noonMs).toISOString() };

async function setUp() {
  const resultsDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-totals-'));
  onTestFinished(() => rm(resultsDir, { recursive: true, force: true }));
  await mkdir(path.join(resultsDir, 'runs'));
  const file = path.join(resultsDir, 'totals.json');
  const dayFileOf = (day: string) => path.join(resultsDir, 'runs', `${day}.ndjson`);
  return {
    resultsDir,
    file,
    dayFileOf,
    append: async (...runs: readonly RunRecord[]) => {
      for (const run of runs) await appendFile(dayFileOf(dayOf(run.startedAt)), `${JSON.stringify(run)}\n`);
    },
    update: (options: Partial<Parameters<typeof updateTotals>[0]> = {}) =>
      updateTotals({ resultsDir, run: ownRun, ...options }),
    saved: async () => Totals.load(JSON.parse(await readFile(file, 'utf8'))),
    read: async () => (await readTotals({ resultsDir })).totals,
  };
}

const passedRuns = (totals: Totals, instance?: string): number | undefined =>
  totals.find({ mode: 'live', ...(instance !== undefined && { instance }) })?.counters.runs.passed;
const updated = { state: 'updated', problems: [] };

describe('updateTotals', () => {
  test('counts each run once, however often it is called', async () => {
    const { append, update, saved } = await setUp();
    await append(runRecord(noonMs, good));
    expect([await update(), await update()]).toEqual([updated, updated]);
    await append(runRecord(noonMs + minuteMs, good), runRecord(noonMs + 2 * minuteMs, good));
    await update();
    expect(passedRuns(await saved())).toBe(3);
  });

  test('gives the same totals as the whole history at once, wherever it was called in between', async () => {
    const stories = fc.array(
      fc.record({
        story: fc.constantFrom<Story>(
          good,
          { kind: 'theirs', at: 1 },
          { kind: 'ours', at: 0 },
          { kind: 'interrupted', at: 1 },
        ),
        instance: fc.constantFrom('a', 'b', undefined),
        mode: fc.constantFrom('live', 'offline'),
        updated: fc.constantFrom('not', 'in memory only', 'fully', 'by another version'),
        pauseMs: fc.constantFrom(minuteMs, 40 * minuteMs, 9 * 60 * minuteMs),
      }),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(stories, async (runs) => {
        const { append, update, saved, file } = await setUp();
        let atMs = noonMs;
        for (const { story, instance, mode, updated: how, pauseMs } of runs) {
          await append(runRecord(atMs, story, { mode, instance }));
          if (how === 'in memory only') {
            // Keeps the file from being written.
            await mkdir(`${file}.unfinished`);
            expect(await update()).toMatchObject({ state: 'failed' });
            await rm(`${file}.unfinished`, { recursive: true });
          }
          if (how === 'by another version') await writeFile(file, '{}\n');
          if (how === 'fully') await update();
          atMs += pauseMs;
        }
        await update();
        const stepwise = (await saved()).save();
        await rm(file);
        await update();
        expect(stepwise).toEqual((await saved()).save());
      }),
      { numRuns: 30 },
    );
  });

  test('counts what is added to the file of yesterday after a run of today', async () => {
    const { append, update, saved } = await setUp();
    await append(runRecord(noonMs, good));
    await update();
    await append(runRecord(noonMs + dayMs, good));
    await update();
    await append(runRecord(noonMs + minuteMs, good));
    await update();
    expect(passedRuns(await saved())).toBe(3);
  });

  test('counts the runs of a clock that was wrong by years, and those after them', async () => {
    const { append, update, saved } = await setUp();
    for (const atMs of [noonMs, ...[1, 2, 3, 4].map((years) => noonMs + years * 366 * dayMs), 0, noonMs + minuteMs]) {
      await append(runRecord(atMs, good));
      await update();
    }
    await append(runRecord(noonMs + 2 * minuteMs, good));
    await update();
    expect(passedRuns(await saved())).toBe(8);
  });

  test('waits for the end of a line that is being written', async () => {
    const { dayFileOf, update, saved, append } = await setUp();
    const line = `${JSON.stringify(runRecord(noonMs, good))}\n`;
    await appendFile(dayFileOf('2026-11-22'), line.slice(0, 100));
    await update();
    expect(passedRuns(await saved())).toBeUndefined();
    await appendFile(dayFileOf('2026-11-22'), line.slice(100));
    await append(runRecord(noonMs, good));
    await update();
    expect([passedRuns(await saved()), (await saved()).skipped]).toEqual([2, 0]);
  });

  test('skips and counts torn and foreign lines once', async () => {
    const { dayFileOf, append, update, saved } = await setUp();
    await appendFile(dayFileOf('2026-11-22'), '{"monitor":"aws\n\n[]\n');
    await append(runRecord(noonMs, good));
    await update();
    await update();
    expect([passedRuns(await saved()), (await saved()).skipped]).toEqual([1, 2]);
  });

  test('counts nothing twice in a file that became shorter', async () => {
    const { dayFileOf, append, update, saved } = await setUp();
    const runs = [0, 1, 2].map((index) => runRecord(noonMs + index * minuteMs, good));
    await append(...runs);
    await update();
    await truncate(dayFileOf('2026-11-22'), JSON.stringify(runs[0]).length + 1);
    await update();
    expect(passedRuns(await saved())).toBe(3);
    await append(runRecord(noonMs + 9 * minuteMs, good));
    await update();
    expect(passedRuns(await saved())).toBe(4);
  });

  test('keeps the counts of days that retention removes, and forgets an instance that has not run since', async () => {
    const { dayFileOf, append, update, saved } = await setUp();
    await append(runRecord(noonMs, good, { instance: 'a' }), runRecord(noonMs, good, { instance: 'b' }));
    await update();
    await append(runRecord(noonMs + dayMs, good, { instance: 'a' }));
    await update();
    await rm(dayFileOf('2026-11-22'));
    await append(runRecord(noonMs + dayMs + minuteMs, good, { instance: 'a' }));
    await update();
    expect((await saved()).instances('live')).toMatchObject([{ instance: 'a', counters: { runs: { passed: 3 } } }]);
  });

  test.for<[string, (text: string) => string]>([
    ['is empty', () => ''],
    ['was cut off', (text) => text.slice(0, text.length / 2)],
    ['is foreign', () => '{"hello":"world"}'],
    ['is of a newer schema', (text) => text.replace('"schema":1', '"schema":2')],
    ['has a wrong count', (text) => text.replace('"passed":2', '"passed":-2')],
    ['is no JSON', (text) => text.replaceAll('"', '')],
  ])('makes the file again from the history if it %s', async ([, damage]) => {
    const { append, update, saved, read, file } = await setUp();
    await append(runRecord(noonMs, good), runRecord(noonMs + minuteMs, good));
    await update();
    const before = (await saved()).save();
    const damaged = damage(await readFile(file, 'utf8'));
    await writeFile(file, damaged);
    expect(() => Totals.load(JSON.parse(damaged))).toThrow();
    expect((await read()).save()).toEqual(before);
    expect(await update()).toEqual(updated);
    expect((await saved()).save()).toEqual(before);
  });

  test('saves how far it came if there is not enough time, and goes on there', async () => {
    const { append, update, saved } = await setUp();
    for (let day = 0; day < 5; day += 1) {
      await append(runRecord(noonMs + day * dayMs, good), runRecord(noonMs + day * dayMs + minuteMs, good));
    }
    const whileLocked = vi.fn<() => Promise<void>>(() => Promise.resolve());
    const progress = { days: 5, daysDone: 0 };
    expect(await update({ catchUpMs: -1, undelivered: 3, whileLocked })).toEqual({ state: 'catching up', progress });
    expect(passedRuns(await saved())).toBe(1);
    for (let calls = 0; calls < 20; calls += 1) await update({ catchUpMs: -1, undelivered: 1 });
    expect(await update({ whileLocked })).toEqual(updated);
    expect(whileLocked).toHaveBeenCalledTimes(1);
    expect((await saved()).find(live)?.counters).toMatchObject({ runs: { passed: 10 }, undelivered: 23 });
  });

  test('adds the results that did not reach Metrist', async () => {
    const { append, update, saved } = await setUp();
    await append(runRecord(noonMs, good, { instance: 'a' }));
    const run = { ...ownRun, instance: 'a' };
    await update({ run, undelivered: 8 });
    await update({ run, undelivered: 1 });
    await update({ run });
    expect((await saved()).find(live)?.counters.undelivered).toBe(9);
  });

  test('goes on from what another process has written since', async () => {
    const { file, append, update, saved } = await setUp();
    await append(runRecord(noonMs, good));
    await update({ undelivered: 8 });
    await writeFile(file, (await readFile(file, 'utf8')).replace('"undelivered":8', '"undelivered":10'));
    await update({ undelivered: 1 });
    expect((await saved()).find(live)?.counters.undelivered).toBe(11);
  });

  test('goes on from a file of the version before skipped beats were counted', async () => {
    const { file, append, update, saved } = await setUp();
    await append(runRecord(noonMs, good));
    await update({ undelivered: 8 });
    const text = await readFile(file, 'utf8');
    const older = text.replace(',"skippedBeats":0', '');
    expect(older).not.toBe(text);
    await writeFile(file, older);
    await append(runRecord(noonMs + minuteMs, good, { skippedBeats: 3 }));
    await update();
    // The history does not have `undelivered`, so it would be lost if the file was made again.
    expect((await saved()).find(live)?.counters).toMatchObject({ undelivered: 8, skippedBeats: 3 });
  });

  test('says that another process holds the lock, and loses nothing by that', async () => {
    const { resultsDir, append, update, saved } = await setUp();
    await append(runRecord(noonMs, good));
    const lock = await lockFile(path.join(resultsDir, '.totals.lock'), { timeoutMs: 0 });
    expect(await update({ lockTimeoutMs: 0 })).toEqual({
      state: 'failed',
      problem: 'another process kept .totals.lock locked',
    });
    lock?.[Symbol.dispose]();
    await update();
    expect(passedRuns(await saved())).toBe(1);
  });

  test('says why it could not write, and loses nothing by that', async () => {
    const { file, append, update, read } = await setUp();
    await append(runRecord(noonMs, good));
    await mkdir(file);
    expect(await update()).toMatchObject({
      state: 'failed',
      problem: 'a directory is in the way',
    });
    expect(passedRuns(await read())).toBe(1);
  });

  test('says which part of the history could not be read, and reads the others', async () => {
    const { append, update, saved, dayFileOf } = await setUp();
    await append(runRecord(noonMs, good));
    await mkdir(dayFileOf('2026-11-21'));
    const problems = [expect.stringContaining('2026-11-21.ndjson could not be read: it is not a file')] as unknown[];
    expect(await update()).toEqual({ state: 'updated', problems });
    expect(passedRuns(await saved())).toBe(1);
    await rm(dayFileOf('2026-11-21'), { recursive: true });
    await append(runRecord(noonMs - dayMs, good));
    expect(await update()).toEqual(updated);
    expect(passedRuns(await saved())).toBe(2);
  });

  test('reads as many files and bytes after a history of ninety days as after one of a day', async () => {
    const costs: unknown[] = [];
    for (const days of [4, 90]) {
      const { resultsDir, append, update } = await setUp();
      for (let day = -days; day <= 0; day += 1) await append(runRecord(noonMs + day * dayMs, good));
      await update();
      await append(runRecord(noonMs + minuteMs, good));
      const opened = watchReads(path.join(resultsDir, 'runs'));
      await update();
      costs.push(opened());
    }
    expect(costs[1]).toEqual(costs[0]);
    // The line of the new run, and the ends of the other files that are looked at.
    expect(costs[1]).toEqual({ files: 3, bytes: JSON.stringify(runRecord(noonMs + minuteMs, good)).length + 1 });
  });
});

/** Counts the files that are opened below a directory, and the bytes that are read from them. */
function watchReads(dir: string): () => { readonly files: number; readonly bytes: number } {
  const original = fs.createReadStream;
  const streams: fs.ReadStream[] = [];
  const restore = (): void => {
    fs.createReadStream = original;
    syncBuiltinESMExports();
  };
  fs.createReadStream = (file, options) => {
    const stream = original(file, options);
    if (String(file).startsWith(dir)) streams.push(stream);
    return stream;
  };
  syncBuiltinESMExports();
  onTestFinished(restore);
  return () => {
    restore();
    return { files: streams.length, bytes: streams.reduce((sum, { bytesRead }) => sum + bytesRead, 0) };
  };
}

describe('readTotals', () => {
  test('knows the newest run without writing', async () => {
    const { resultsDir, append, update, read, file } = await setUp();
    await append(runRecord(noonMs, good));
    expect(passedRuns(await read())).toBe(1);
    expect(await readdir(resultsDir)).toEqual(['runs']);
    await update();
    const before = await readFile(file, 'utf8');
    await append(runRecord(noonMs + minuteMs, good));
    expect(passedRuns(await read())).toBe(2);
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  test('says how far it has come', async () => {
    const { resultsDir, append } = await setUp();
    for (const day of [0, 1, 2]) await append(runRecord(noonMs + day * dayMs, good));
    const progress: unknown[] = [];
    await readTotals({ resultsDir, onProgress: (each) => progress.push(each) });
    expect(progress).toEqual([1, 2, 3].map((daysDone) => ({ daysDone, days: 3 })));
  });

  test('knows nothing of a directory that does not exist', async () => {
    const { totals, problems } = await readTotals({ resultsDir: '/nonexistent/results' });
    expect([totals.instances('live'), totals.find({ mode: 'live' }), problems]).toEqual([[], undefined, []]);
  });
});

describe('the totals of an instance', () => {
  test('are kept apart from those of others and of the other mode; without a name they are those of the last run', () => {
    const totals = new Totals();
    totals.add(runRecord(noonMs, good, { instance: 'a' }));
    totals.add(runRecord(noonMs + minuteMs, good, { instance: 'b' }));
    totals.add(runRecord(noonMs + 2 * minuteMs, good, { mode: 'offline', instance: 'c' }));
    expect(totals.instances('live').map(({ instance }) => instance)).toEqual(['b', 'a']);
    expect(totals.find({ mode: 'live' })?.instance).toBe('b');
    expect(totals.find({ mode: 'live', instance: 'a' })?.instance).toBe('a');
    expect(totals.find({ mode: 'live', instance: 'c' })).toBeUndefined();
    expect(totals.find({ mode: 'offline' })?.instance).toBe('c');
  });

  test('have the facts of the last run, the last look and the last sweep', () => {
    const totals = new Totals();
    totals.add(runRecord(noonMs, good, { sweptRemaining: 4, namespace: 'prod', region: 'us-east-1' }));
    totals.add(runRecord(noonMs + minuteMs, { kind: 'ours', at: 0 }, { namespace: 'prod', region: 'us-east-1' }));
    const facts: Partial<InstanceTotals> = {
      lastLookMs: noonMs + 300,
      sweptRemaining: 4,
      lastRun: {
        version: '0.1.0',
        startedAt: new Date(noonMs + minuteMs).toISOString(),
        endMs: noonMs + minuteMs + 300,
        state: 'failed',
        side: 'ours',
        intervalSecs: 120,
        namespace: 'prod',
        region: 'us-east-1',
      },
    };
    expect(totals.find({ mode: 'live' })).toMatchObject(facts);
  });

  test('count runs, steps, durations, attempts, waiting, leftovers, sweeps and skipped beats', () => {
    const totals = new Totals();
    const evidence = { attempts: 3, propagationMs: 1500.5 };
    totals.add(
      runRecord(noonMs, good, {
        state: 'failed',
        swept: 2,
        skippedBeats: 4,
        leftovers: [{ entity: 'user a', reason: 'b' }],
        steps: [
          passedStep({ name: 'A', durationMs: 25, evidence }),
          passedStep({ name: 'B', durationMs: 25.001 }),
          failedStep({ name: 'C', durationMs: 900_001, error: stepError({ verdict: 'timeout' }) }),
        ],
      }),
    );
    const { counters } = totals.find({ mode: 'live' }) ?? {};
    const [a, b, c] = ['A', 'B', 'C'].map((name) => counters?.steps.get(name));
    expect(counters).toMatchObject({ runs: { passed: 0, failedTheirs: 1 }, swept: 2, leftovers: 1, skippedBeats: 4 });
    expect(a).toMatchObject({ attempts: 3, propagationUs: 1_500_500, passed: { sumUs: 25_000 } });
    expect([a?.passed.buckets[0], b?.passed.buckets[0], b?.passed.buckets[1], c?.failed.buckets.at(-1)]).toEqual([
      1, 0, 1, 1,
    ]);
    expect(c?.failedBy).toMatchObject({ timeout: 1, service: 0 });
  });
});
