import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failedStep, monitorRun, passedStep, stepError } from '../runner/testing/builders.ts';
import { RunTable, wholeRun } from './run-table.ts';
import { noonMs, runRecord, type Story } from './testing/builders.ts';

const good: Story = { kind: 'passed' };
const theirs: Story = { kind: 'theirs', at: 1 };
const ours: Story = { kind: 'ours', at: 1 };
const interrupted: Story = { kind: 'interrupted', at: 1 };
const intervalMs = 120_000;
const dayMs = 86_400_000;
const midnightMs = noonMs - dayMs / 2;

function tableOf(stories: readonly Story[], startMs = noonMs, everyMs = intervalMs): RunTable {
  const table = new RunTable();
  for (const [index, story] of stories.entries()) table.add(runRecord(startMs + index * everyMs, story));
  return table;
}

const from = (fromMs: number, toMs: number) => ({ fromMs, toMs });

describe('the figures of a window', () => {
  test('count each step by what happened, and failures on our side only against coverage', () => {
    const table = tableOf([good, theirs, ours, interrupted, good]);
    const window = from(noonMs, noonMs + 5 * intervalMs);
    expect(table.figures('CreateGroup', window)).toEqual({
      runs: 5,
      passed: 2,
      failedTheirs: 1,
      failedOurs: 1,
      blocked: 0,
      interrupted: 1,
      failedBy: { service: 1, credentials: 1 },
      medianMs: 100,
      p95Ms: 100,
      availability: { part: 2, of: 3 },
      coverage: { part: 3 * intervalMs, of: 5 * intervalMs },
    });
    expect(table.figures('DeleteUser', window)).toMatchObject({
      runs: 5,
      passed: 2,
      blocked: 3,
      availability: { part: 2, of: 2 },
      // Where IAM failed at an earlier step, the run looked at this one, too.
      coverage: { part: 3 * intervalMs, of: 5 * intervalMs },
    });
    expect(table.figures(wholeRun, window)).toMatchObject({
      runs: 5,
      passed: 2,
      failedTheirs: 1,
      failedOurs: 1,
      interrupted: 1,
      medianMs: 300,
      availability: { part: 2, of: 3 },
      coverage: { part: 3 * intervalMs, of: 5 * intervalMs },
    });
  });

  test('give median and 95th percentile by nearest rank', () => {
    const stories = [5, 1, 4, 2, 3].map((durationMs): Story => ({ kind: 'passed', durationMs }));
    const figures = tableOf(stories).figures('CreateUser', from(noonMs, noonMs + dayMs));
    expect(figures).toMatchObject({ medianMs: 3, p95Ms: 5 });
    const hundred = Array.from({ length: 100 }, (_, index): Story => ({ kind: 'passed', durationMs: index + 1 }));
    expect(tableOf(hundred).figures('CreateUser', from(noonMs, noonMs + dayMs))).toMatchObject({
      medianMs: 50,
      p95Ms: 95,
    });
  });

  test('hold only runs that started in it', () => {
    const table = tableOf([good, good, good]);
    expect(table.figures('CreateUser', from(noonMs + 1, noonMs + 2 * intervalMs)).runs).toBe(1);
    expect(table.figures('CreateUser', from(noonMs, noonMs + 2 * intervalMs)).runs).toBe(2);
  });

  test('have no times and empty shares where nothing ran', () => {
    const figures = tableOf([good]).figures('CreateUser', from(noonMs + dayMs, noonMs + 2 * dayMs));
    expect(figures).toEqual({
      runs: 0,
      passed: 0,
      failedTheirs: 0,
      failedOurs: 0,
      blocked: 0,
      interrupted: 0,
      failedBy: {},
      availability: { part: 0, of: 0 },
      coverage: { part: 0, of: dayMs },
    });
  });

  test('count a run that failed without a failed step as a fault of the monitor', () => {
    const table = new RunTable();
    const problems = [{ kind: 'hook', message: 'teardown failed' }] as const;
    table.add(runRecord(noonMs, good, { state: 'failed', problems }));
    expect(table.figures(wholeRun, from(noonMs, noonMs + 1)).failedBy).toEqual({ monitor: 1 });
  });
});

describe('coverage', () => {
  const coverage = (table: RunTable, fromMs: number, toMs: number) =>
    table.figures('CreateUser', from(fromMs, toMs)).coverage;

  test('is expected from the first run on, or from when the history began', () => {
    const table = tableOf([good]);
    expect(coverage(table, midnightMs, noonMs + intervalMs)).toEqual({ part: intervalMs, of: intervalMs });
    const older = new RunTable({ beganMs: midnightMs - dayMs });
    older.add(runRecord(noonMs, good));
    expect(coverage(older, midnightMs, noonMs + intervalMs)).toEqual({ part: intervalMs, of: dayMs / 2 + intervalMs });
  });

  test('has no gap where a run is late by a quarter of the interval, and one where it is later', () => {
    const at = (delayMs: number): RunTable => {
      const table = new RunTable();
      table.add(runRecord(noonMs, good));
      table.add(runRecord(noonMs + intervalMs + delayMs, good));
      return table;
    };
    const endMs = noonMs + 2 * intervalMs;
    expect(coverage(at(30_000), noonMs, endMs)).toEqual({ part: 2 * intervalMs, of: 2 * intervalMs });
    expect(coverage(at(30_001), noonMs, endMs)).toEqual({ part: 2 * intervalMs - 30_001, of: 2 * intervalMs });
  });

  test('is split at the edges of the window, also by a run of the day before', () => {
    const table = new RunTable();
    table.add(runRecord(midnightMs - 30_000, good));
    expect(coverage(table, midnightMs, midnightMs + intervalMs)).toEqual({ part: 90_000, of: intervalMs });
    expect(coverage(table, midnightMs - dayMs, midnightMs)).toEqual({ part: 30_000, of: 30_000 });
  });

  test('lasts until the end of a run that takes longer than the interval', () => {
    const table = new RunTable();
    table.add(runRecord(noonMs, good, { durationMs: 3 * intervalMs }));
    expect(coverage(table, noonMs, noonMs + 4 * intervalMs)).toEqual({ part: 3 * intervalMs, of: 4 * intervalMs });
  });

  test('never exceeds what was expected, for runs at any times with any intervals', () => {
    const runs = fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 3 * dayMs }),
        fc.constantFrom(good, theirs, ours, interrupted),
        fc.integer({ min: 1, max: 86_400 }),
        fc.integer({ min: 0, max: 2 * 3_600_000 }),
      ),
      { maxLength: 30 },
    );
    const edges = fc.tuple(fc.integer({ min: 0, max: 4 * dayMs }), fc.integer({ min: 0, max: 4 * dayMs }));
    fc.assert(
      fc.property(runs, edges, (events, [a, b]) => {
        const table = new RunTable();
        for (const [atMs, story, intervalSecs, durationMs] of events.toSorted(([x], [y]) => x - y)) {
          table.add(runRecord(midnightMs + atMs, story, { intervalSecs, durationMs }));
        }
        const [fromMs, toMs] = [midnightMs + Math.min(a, b), midnightMs + Math.max(a, b)];
        const whole = coverage(table, fromMs, toMs);
        expect(whole.part).toBeGreaterThanOrEqual(0);
        expect(whole.part).toBeLessThanOrEqual(whole.of);
        expect(whole.of).toBeLessThanOrEqual(toMs - fromMs);
      }),
    );
  });
});

describe('failures', () => {
  test('are grouped by step, verdict and code, the most frequent first', () => {
    const table = tableOf([theirs, ours, theirs, theirs, good]);
    expect(table.failureGroups).toMatchObject([
      { step: 'CreateGroup', verdict: 'service', code: 'ServiceFailure', count: 3 },
      { step: 'CreateGroup', verdict: 'credentials', count: 1 },
    ]);
    expect(table.failureGroups[0]?.first.runMs).toBe(noonMs);
    expect(table.failureGroups[0]?.last.runMs).toBe(noonMs + 3 * intervalMs);
  });

  test('are kept with what a support case needs, the newest 200', () => {
    const table = new RunTable();
    for (let index = 0; index < 250; index += 1) {
      table.add(runRecord(noonMs + index * intervalMs, theirs, { region: 'eu-west-1', account: '123456789012' }));
    }
    expect(table.failures).toHaveLength(200);
    const last = table.failures.at(-1);
    expect(last).toMatchObject({
      runMs: noonMs + 249 * intervalMs,
      result: { name: 'CreateGroup', error: { code: 'ServiceFailure' } },
      run: { region: 'eu-west-1', account: '123456789012' },
    });
    expect(last?.run).not.toHaveProperty('problems');
    expect(table.failureGroups[0]?.count).toBe(250);
  });

  test('with more than 200 different codes are grouped as other codes', () => {
    const table = new RunTable();
    for (let index = 0; index < 300; index += 1) {
      const failed = failedStep({ name: 'CreateUser', error: stepError({ code: `E${index}` }) });
      const run = monitorRun({ state: 'failed', steps: [failed] });
      table.add({ ...run, schema: 1, intervalSecs: 120, frontEnd: 'vitest' });
    }
    expect(table.failureGroups[0]).toMatchObject({ code: 'other codes', count: 100 });
    expect(table.failureGroups.reduce((sum, { count }) => sum + count, 0)).toBe(300);
  });
});

describe('points', () => {
  test('say what each run says about a step', () => {
    const outcomes = [...tableOf([good, theirs, ours, interrupted]).points('DeleteUser', from(noonMs, noonMs + dayMs))];
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['passed', 'unreached', 'blind', 'skipped']);
  });

  test('hold time, attempts, refusals for too many requests, and propagation', () => {
    const table = new RunTable();
    const tries = [
      { offsetMs: 0, durationMs: 90, code: 'Throttling', throttled: true, wait: 'retry' },
      { offsetMs: 190, durationMs: 100 },
    ] as const;
    const step = passedStep({ durationMs: 1234.567, evidence: { attempts: 4, propagationMs: 900, tries } });
    table.add({ ...monitorRun({ steps: [step] }), schema: 1, intervalSecs: 120, frontEnd: 'vitest' });
    expect([...table.points('CreateUser', from(0, Infinity))]).toMatchObject([
      { outcome: 'passed', durationMs: 1234.567, attempts: 4, throttled: 1, propagationMs: 900 },
    ]);
  });

  test('of a step that a version before did not have begin with the first run that has it', () => {
    const table = new RunTable();
    const add = (atMs: number, names: readonly string[]): void => {
      const startedAt = new Date(atMs).toISOString();
      const steps = names.map((name) => passedStep({ name, startedAt }));
      table.add({ ...monitorRun({ startedAt, steps }), schema: 1, intervalSecs: 120, frontEnd: 'vitest' });
    };
    add(noonMs, ['CreateUser', 'OldStep']);
    add(noonMs + intervalMs, ['CreateUser', 'NewStep']);
    const window = from(noonMs, noonMs + dayMs);
    expect(table.stepNames).toEqual(['CreateUser', 'NewStep']);
    expect(table.figures('NewStep', window).runs).toBe(1);
    expect(table.figures('OldStep', window).runs).toBe(1);
  });
});
