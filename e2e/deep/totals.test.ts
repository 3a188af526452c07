import { cp, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readTotals } from '../../history/totals.ts';
import { failedStep, passedStep } from '../../runner/testing/builders.ts';
import type { KillableRun } from '../harness/killable-run.ts';
import { makeResultsDir, runHarness } from '../harness/run.ts';

/** Processes that update the same totals side by side, and processes that are killed while they do. */

/** The runs that the textfile has. 0 before there is one. */
async function runsInTextfile(resultsDir: string): Promise<number> {
  const content = await readFile(path.join(resultsDir, 'awsiam.prom'), 'utf8').catch(() => '');
  const values = [...content.matchAll(/^awsiam_runs_total\{.*\} (\d+)$/gm)].map(([, value]) => Number(value));
  return values.reduce((sum, value) => sum + value, 0);
}

async function runsInHistory(resultsDir: string): Promise<number> {
  let lines = 0;
  for (const name of await readdir(path.join(resultsDir, 'runs')).catch(() => [])) {
    const content = await readFile(path.join(resultsDir, 'runs', name), 'utf8');
    lines += content.split('\n').filter((line) => line !== '').length;
  }
  return lines;
}

const inTotals = async (resultsDir: string) => {
  const { counters } = (await readTotals({ resultsDir })).totals.find({ mode: 'live' }) ?? {};
  const { passed = 0, failedTheirs = 0 } = counters?.runs ?? {};
  return { runs: passed + failedTheirs, undelivered: counters?.undelivered ?? 0 };
};

test('five processes with forty runs each lose no run, count none twice, and no reader sees a counter go down', async () => {
  const resultsDir = await makeResultsDir();
  const writers = Promise.all(Array.from({ length: 5 }, () => runHarness('append-runs.ts', [resultsDir, '40'])));
  const writing = new AbortController();
  void writers.finally(() => writing.abort());
  let [before, seen] = [0, 0];
  while (!writing.signal.aborted) {
    const now = await runsInTextfile(resultsDir);
    expect(now).toBeGreaterThanOrEqual(before);
    if (now > before) seen += 1;
    before = now;
    await nextTurn();
  }
  const problems = (await writers)
    .join('')
    .split('\n')
    .filter((line) => line !== '');
  // On a slow machine, a process may wait too long for the others. The next update counts its run.
  for (const problem of problems) expect(problem).toContain('another process kept .totals.lock locked');
  expect(seen).toBeGreaterThan(1);
  await runHarness('append-runs.ts', [resultsDir, '1']);
  expect([await runsInHistory(resultsDir), await runsInTextfile(resultsDir)]).toEqual([201, 201]);
  expect(await inTotals(resultsDir)).toEqual({ runs: 201, undelivered: 201 - problems.length });
});

test('a run that is killed at any point of its reporting is counted once, or not at all if it is not in the history', async () => {
  const run = async (resultsDir: string, at?: number): Promise<string> => {
    const killable: KillableRun = {
      values: { METRIST_RESULTS_DIR: resultsDir },
      steps: [passedStep(), failedStep()],
      ...(at !== undefined && { killAt: at }),
    };
    return await runHarness('killable-run.ts', [JSON.stringify(killable)]);
  };
  const afterOneRun = await makeResultsDir();
  await run(afterOneRun);
  const points = new Set<string>();
  for (let killAt = 1, isDone = false; !isDone; killAt += 1) {
    const resultsDir = await makeResultsDir();
    await cp(afterOneRun, resultsDir, { recursive: true });
    const died = (await run(resultsDir, killAt)).trimEnd().split('\n').at(-1) ?? '';
    isDone = died === 'done';
    points.add(died.replaceAll(resultsDir, '').replaceAll(/\.\d{5,}/g, ''));
    const runs = await runsInHistory(resultsDir);
    expect(await inTotals(resultsDir), died).toMatchObject({ runs });
    expect(await runsInTextfile(resultsDir), died).toBeLessThanOrEqual(runs);

    await run(resultsDir);
    expect(await runsInTextfile(resultsDir), died).toBe(runs + 1);
    expect((await readdir(resultsDir)).filter((name) => name.endsWith('unfinished'))).toEqual([]);
    const { totals } = await readTotals({ resultsDir });
    await rm(path.join(resultsDir, 'totals.json'));
    expect((await readTotals({ resultsDir })).totals.save(), died).toEqual(totals.save());
  }
  for (const point of [
    'after write /runs/',
    'in the middle of write /totals.json.unfinished',
    'before rename /totals.json.unfinished',
    'after rename /totals.json.unfinished',
    'in the middle of write /awsiam.prom.unfinished',
    'after rename /awsiam.prom.unfinished',
  ]) {
    expect(
      [...points].some((each) => each.startsWith(point)),
      point,
    ).toBe(true);
  }
});
