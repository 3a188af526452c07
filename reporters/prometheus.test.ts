import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toRecord } from '../history/run-record.ts';
import { HistoryWriter } from '../history/write-history.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { PrometheusReporter } from './prometheus.ts';
import { passedRun, theirFailureRun } from './testing/runs.ts';
import { testReporter } from './testing/test-reporter.ts';

async function setUp() {
  const resultsDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-prometheus-'));
  onTestFinished(() => rm(resultsDir, { recursive: true, force: true }));
  const shownAs = 'results/awsiam.prom';
  const reporter = new PrometheusReporter({ resultsDir, shownAs });
  const history = new HistoryWriter({ dir: path.join(resultsDir, 'runs'), historyDays: 90 });
  const file = path.join(resultsDir, 'awsiam.prom');
  return {
    resultsDir,
    file,
    reporter,
    /** Appends the run to the history and reports it, as a front end does. */
    report: async (run: MonitorRun, undelivered?: number) => {
      await history.append(toRecord(run, { intervalSecs: 120, frontEnd: 'vitest' }));
      return await reporter.report(run, undelivered === undefined ? [] : [{ ok: false, text: 'Metrist', undelivered }]);
    },
    lines: async () => (await readFile(file, 'utf8')).split('\n'),
  };
}

const later = (run: MonitorRun, minutes: number): MonitorRun => ({
  ...run,
  startedAt: new Date(Date.parse(run.startedAt) + minutes * 60_000).toISOString(),
});

describe('PrometheusReporter', () => {
  test('writes a file that everybody may read, with the counts of all runs', async () => {
    const { report, file, lines, resultsDir } = await setUp();
    expect(await report(passedRun)).toEqual({
      ok: true,
      isRoutine: true,
      text: 'metrics results/awsiam.prom',
      state: 'up',
    });
    await report(theirFailureRun);
    expect((await stat(file)).mode & 0o777).toBe(0o644);
    expect(await lines()).toContain('awsiam_runs_total{monitor_instance="us-east-1",result="passed"} 1');
    expect(await lines()).toContain('awsiam_runs_total{monitor_instance="us-east-1",result="failed",side="theirs"} 1');
    expect((await readdir(resultsDir)).toSorted()).toEqual(['.totals.lock', 'awsiam.prom', 'runs', 'totals.json']);
  });

  test('adds what did not reach Metrist, and counts the errors that wait', async () => {
    const { report, lines, resultsDir } = await setUp();
    await mkdir(path.join(resultsDir, 'outbox', 'corrupt'), { recursive: true });
    for (const name of ['a.json', 'b.sent-1.json']) await writeFile(path.join(resultsDir, 'outbox', name), '');
    await report(passedRun, 8);
    await report(later(passedRun, 2), 1);
    expect(await lines()).toContain('awsiam_undelivered_total{monitor_instance="us-east-1"} 9');
    expect(await lines()).toContain('awsiam_outbox_errors{monitor_instance="us-east-1"} 2');
  });

  test('shows the other instances until they have been silent for a day', async () => {
    const { report, lines } = await setUp();
    await report({ ...passedRun, instance: 'old' });
    await report({ ...later(passedRun, 23 * 60), instance: 'new' });
    expect(await lines()).toContain('awsiam_state{monitor_instance="old",state="no fresh data"} 1');
    expect(await lines()).toContain('awsiam_state{monitor_instance="new",state="up"} 1');
    await report({ ...later(passedRun, 25 * 60), instance: 'new' });
    expect((await lines()).filter((line) => line.includes('"old"'))).toEqual([]);
  });

  test('leaves the old file as it is if the new totals cannot be saved', async () => {
    const { report, file, resultsDir } = await setUp();
    await report(passedRun);
    const before = await readFile(file, 'utf8');
    await rm(path.join(resultsDir, 'totals.json'));
    await mkdir(path.join(resultsDir, 'totals.json'));
    const outcome = await report(later(passedRun, 2));
    expect(outcome.text).toMatch(/^metrics results\/awsiam.prom could not be written: /);
    expect(await readFile(file, 'utf8')).toBe(before);
  });
});

testReporter('PrometheusReporter', async () => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'awsiam-prometheus-'));
  const resultsDir = path.join(root, 'results');
  return {
    reporter: new PrometheusReporter({
      resultsDir,
      shownAs: 'results/awsiam.prom',
    }),
    breakDestination: async () => {
      await rm(resultsDir, { recursive: true });
      await writeFile(resultsDir, 'a file where the directory should be');
    },
    close: () => rm(root, { recursive: true }),
  };
});
