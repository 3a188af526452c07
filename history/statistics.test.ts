import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RunStatistics } from './statistics.ts';
import { noonMs, runRecord, type Story } from './testing/builders.ts';

const good: Story = { kind: 'passed' };
const theirs: Story = { kind: 'theirs', at: 1 };
const ours: Story = { kind: 'ours', at: 1 };
const interrupted: Story = { kind: 'interrupted', at: 1 };
const intervalMs = 120_000;
const dayMs = 86_400_000;

function count(stories: readonly Story[], startMs = noonMs, everyMs = intervalMs): RunStatistics {
  const statistics = new RunStatistics();
  for (const [index, story] of stories.entries()) statistics.add(runRecord(startMs + index * everyMs, story));
  return statistics;
}

describe('the statistics', () => {
  test('count each step by what happened, and failures on our side only against coverage', () => {
    const stories = [good, theirs, ours, interrupted, good];
    const { steps, day } = count(stories).days({ nowMs: noonMs + 5 * intervalMs })[0] ?? {};
    expect(day).toBe('2026-11-22');
    expect(steps?.get('CreateGroup')).toEqual({
      runs: 5,
      passed: 2,
      failedTheirs: 1,
      failedOurs: 1,
      blocked: 0,
      interrupted: 1,
      failedBy: { service: 1, credentials: 1 },
      medianMs: expect.closeTo(100, 0) as number,
      p95Ms: expect.closeTo(100, 0) as number,
      availability: { part: 2, of: 3 },
      coverage: { part: 3 * intervalMs, of: 5 * intervalMs },
    });
    expect(steps?.get('DeleteUser')).toMatchObject({
      runs: 5,
      passed: 2,
      blocked: 3,
      availability: { part: 2, of: 2 },
    });
  });

  test('give median and p95 within 0.1 percent, also over several days', () => {
    const stories = Array.from({ length: 1000 }, (_, index): Story => ({ kind: 'passed', durationMs: index + 1 }));
    const statistics = count(stories, noonMs, 10 * intervalMs);
    const step = statistics.total({ nowMs: noonMs + 20 * dayMs }).get('CreateUser');
    expect(Math.abs((step?.medianMs ?? 0) - 500)).toBeLessThanOrEqual(0.5);
    expect(Math.abs((step?.p95Ms ?? 0) - 950)).toBeLessThanOrEqual(1);
  });

  test('show days without a run, with no coverage', () => {
    const statistics = count([good]);
    const days = statistics.days({ nowMs: noonMs + 2 * dayMs });
    expect(days.map(({ day }) => day)).toEqual(['2026-11-22', '2026-11-23', '2026-11-24']);
    expect(days[1]?.steps.get('CreateUser')).toMatchObject({ runs: 0, coverage: { part: 0, of: dayMs } });
  });

  test('split coverage at midnight', () => {
    const midnightMs = noonMs + dayMs / 2;
    const days = count([good], midnightMs - 30_000).days({ nowMs: midnightMs + 90_000 });
    const coverage = days.map(({ steps }) => steps.get('CreateUser')?.coverage);
    expect(coverage).toEqual([
      { part: 30_000, of: 30_000 },
      { part: 90_000, of: 90_000 },
    ]);
  });

  test('take a run that is a little late for one that is on time', () => {
    const coverage = (everyMs: number): unknown =>
      count([good, good, good], noonMs, everyMs)
        .total({ nowMs: noonMs + 2 * everyMs })
        .get('CreateUser')?.coverage;
    expect(coverage(150_000)).toEqual({ part: 300_000, of: 300_000 });
    expect(coverage(151_000)).toEqual({ part: 240_000, of: 302_000 });
  });

  const stories = fc.array(
    fc.tuple(
      fc.integer({ min: 0, max: 3 * dayMs }),
      fc.constantFrom(good, theirs, ours, interrupted),
      fc.integer({ min: 1, max: 7200 }),
    ),
    { maxLength: 40 },
  );
  const addAll = (runs: readonly (readonly [number, Story, number])[]): RunStatistics => {
    const statistics = new RunStatistics();
    for (const [atMs, story, intervalSecs] of runs) statistics.add(runRecord(noonMs + atMs, story, { intervalSecs }));
    return statistics;
  };

  test('keep coverage between 0 and 1, and availability at most 1, whatever the order of the runs', () => {
    fc.assert(
      fc.property(stories, fc.integer({ min: 0, max: 4 * dayMs }), (runs, laterMs) => {
        const period = { nowMs: noonMs + laterMs };
        const statistics = addAll(runs);
        for (const steps of [statistics.total(period), ...statistics.days(period).map((each) => each.steps)]) {
          for (const { coverage, availability } of steps.values()) {
            for (const { part, of } of [coverage, availability]) {
              expect(part).toBeGreaterThanOrEqual(0);
              expect(part).toBeLessThanOrEqual(of);
            }
          }
        }
      }),
    );
  });

  test('count the same in any order of the runs', () => {
    fc.assert(
      fc.property(stories, (runs) => {
        const figures = (all: typeof runs): unknown[] =>
          [...addAll(all).total({ nowMs: noonMs + 4 * dayMs })].map(([name, step]) => [
            name,
            { ...step, coverage: undefined },
          ]);
        expect(figures(runs.toReversed())).toEqual(figures(runs));
      }),
    );
  });

  test('do not lower availability for failures on our side', () => {
    fc.assert(
      fc.property(stories, (runs) => {
        const period = { nowMs: noonMs + 4 * dayMs };
        const availability = (all: typeof runs): unknown => addAll(all).total(period).get('CreateGroup')?.availability;
        const seen = runs.filter(([, story]) => story !== ours);
        fc.pre(seen.length > 0);
        expect(availability(runs)).toEqual(availability(seen));
      }),
    );
  });
});
