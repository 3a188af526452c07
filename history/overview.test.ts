import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readOverview } from './overview.ts';
import type { RunRecord } from './run-record.ts';
import { noonMs, overviewOf, runRecord, type Story } from './testing/builders.ts';
import { rehearseRuns } from './testing/rehearsal.ts';
import { HistoryWriter } from './write-history.ts';

const good: Story = { kind: 'passed' };
const dayMs = 86_400_000;

async function resultsOf(runs: Iterable<RunRecord>): Promise<string> {
  const resultsDir = await mkdtemp(path.join(os.tmpdir(), 'overview-'));
  onTestFinished(() => rm(resultsDir, { recursive: true }));
  const writer = new HistoryWriter({ dir: path.join(resultsDir, 'runs'), historyDays: 90 });
  for (const run of runs) await writer.append(run);
  return resultsDir;
}

test('is the same whether it is read from files or made in memory', async () => {
  const runs = [...rehearseRuns({ endMs: noonMs, days: 8, intervalSecs: 600 })];
  const fromFiles = await readOverview({
    resultsDir: await resultsOf(runs),
    mode: 'live',
    days: 9,
    nowMs: noonMs,
  });
  const inMemory = overviewOf(runs, { nowMs: noonMs });
  expect(fromFiles.state).toEqual(inMemory.state);
  expect(fromFiles.changes).toEqual(inMemory.changes);
  expect(fromFiles.metrist).toEqual(inMemory.metrist);
  expect(fromFiles.lastRun).toEqual(runs.at(-1));
  for (const step of inMemory.table.stepNames) {
    expect(fromFiles.table.figures(step, inMemory.window)).toEqual(inMemory.table.figures(step, inMemory.window));
  }
});

test('shows the runs of one mode and instance, and names the other instances', async () => {
  const resultsDir = await resultsOf([
    runRecord(noonMs, good, { instance: 'a' }),
    runRecord(noonMs + 60_000, good, { instance: 'b' }),
    runRecord(noonMs + 120_000, good, { mode: 'offline', instance: 'c' }),
  ]);
  const options = { resultsDir, mode: 'live', days: 7, nowMs: noonMs + 180_000 } as const;
  expect(await readOverview(options)).toMatchObject({
    instance: 'b',
    otherInstances: ['a'],
    lastRun: { instance: 'b' },
    table: { size: 1 },
  });
  expect(await readOverview({ ...options, instance: 'a' })).toMatchObject({ instance: 'a', table: { size: 1 } });
  const unknown = await readOverview({ ...options, instance: 'x' });
  expect(unknown).toMatchObject({ otherInstances: ['b', 'a'], table: { size: 0 }, state: { steps: [] } });
  expect(await readOverview({ ...options, mode: 'offline' })).toMatchObject({ instance: 'c', otherInstances: [] });
});

test('shows the runs without an instance for an empty name, which is how the others are told of them', async () => {
  const resultsDir = await resultsOf([
    runRecord(noonMs, good, { instance: undefined }),
    runRecord(noonMs + 60_000, good, { instance: 'b' }),
    runRecord(noonMs + 120_000, good, { instance: 'b' }),
  ]);
  const options = { resultsDir, mode: 'live', days: 7, nowMs: noonMs + 180_000 } as const;
  expect(await readOverview(options)).toMatchObject({ instance: 'b', otherInstances: ['""'], table: { size: 2 } });
  const nameless = await readOverview({ ...options, instance: '' });
  expect(nameless).toMatchObject({ otherInstances: ['b'], table: { size: 1 } });
  expect(nameless.instance).toBeUndefined();
});

test('expects runs from the beginning of the window if the history is older', async () => {
  const resultsDir = await resultsOf([runRecord(noonMs - 3 * dayMs, good), runRecord(noonMs - 60_000, good)]);
  const coverageOf = async (days: number) => {
    const { table, window } = await readOverview({ resultsDir, mode: 'live', days, nowMs: noonMs });
    return table.figures('CreateUser', window).coverage;
  };
  expect(await coverageOf(1)).toEqual({ part: 60_000, of: dayMs });
  expect(await coverageOf(30)).toEqual({ part: 180_000, of: 3 * dayMs });
});

test('counts failures in the same window as figures, although the table holds earlier runs', async () => {
  const failed: Story = { kind: 'theirs', at: 0 };
  const atMs = [noonMs - dayMs - 60_000, noonMs - dayMs, noonMs - 60_000];
  const resultsDir = await resultsOf(atMs.map((ms) => runRecord(ms, failed)));
  const { table, window } = await readOverview({ resultsDir, mode: 'live', days: 1, nowMs: noonMs });
  expect(table.size).toBe(3);
  expect(table.figures('CreateUser', window).failedTheirs).toBe(2);
  expect(table.failureGroups).toMatchObject([{ step: 'CreateUser', count: 2, first: { runMs: noonMs - dayMs } }]);
  expect(table.failures).toHaveLength(2);
});

test('has the last run even if it is older than the window', async () => {
  const old = runRecord(noonMs - 30 * dayMs, good);
  const resultsDir = await resultsOf([old]);
  const overview = await readOverview({ resultsDir, mode: 'live', days: 7, nowMs: noonMs });
  expect(overview).toMatchObject({ lastRun: old, state: { overall: { state: 'no fresh data' } }, table: { size: 0 } });
});

test('of a history that does not exist has no runs and no problems', async () => {
  const resultsDir = path.join(os.tmpdir(), 'no-such-results');
  expect(await readOverview({ resultsDir, mode: 'live', days: 7, nowMs: noonMs })).toMatchObject({
    state: { overall: { state: 'no fresh data' }, steps: [] },
    changes: [],
    problems: [],
    skipped: 0,
  });
});
