import { describe, expect, test } from 'vitest';
import { MetristState } from './metrist-state.ts';
import { noonMs, runRecord, type Story } from './testing/builders.ts';

const good: Story = { kind: 'passed' };
/** More than five times the average after enough good runs. */
const slow: Story = { kind: 'passed', durationMs: 2000 };
const bad = (at = 0): Story => ({ kind: 'theirs', at });
const ours = (at = 0): Story => ({ kind: 'ours', at });
const minuteMs = 60_000;
const repeat = (count: number, story: Story): readonly Story[] => Array.from({ length: count }, () => story);
const many = repeat(50, good);

function play(stories: readonly Story[], intervalMs = 2 * minuteMs): MetristState {
  const state = new MetristState();
  for (const [index, story] of stories.entries()) state.add(runRecord(noonMs + index * intervalMs, story));
  return state;
}

const statesOf = (state: MetristState): unknown[] => [...state.checks.values()].map((check) => check.state);

describe('Metrist’s state, by the contract’s worked examples', () => {
  test.for<[string, readonly Story[], string | undefined, readonly string[]]>([
    ['nothing', [], undefined, []],
    ['one error alone', [good, bad()], 'up', ['up', 'up', 'up']],
    ['error, success, error', [good, bad(), good, bad()], 'up', ['up', 'up', 'up']],
    ['two errors in a row', [good, bad(), bad()], 'down', ['down', 'blocked', 'blocked']],
    ['two errors in a row of a check without telemetry', [bad(), bad()], 'down', ['down']],
    ['two errors on our side', [good, ours(), ours()], 'down', ['down', 'blocked', 'blocked']],
    ['two errors of the last step', [good, bad(2), bad(2)], 'issues', ['up', 'up', 'down']],
    ['one good run after an outage', [good, bad(), bad(), good], 'issues', ['down', 'up', 'up']],
    ['two good runs after an outage', [good, bad(), bad(), good, good], 'up', ['up', 'up', 'up']],
    ['two good runs of which one is slow', [...many, bad(), bad(), good, slow], 'issues', ['down', 'up', 'up']],
    [
      'a third good run after a slow one',
      [...many, bad(), bad(), good, slow, good],
      'degraded',
      ['degraded', 'up', 'up'],
    ],
    ['two slow runs', [...many, slow, slow], 'up', ['up', 'up', 'up']],
    ['three slow runs', [...many, slow, slow, slow], 'degraded', ['degraded', 'degraded', 'degraded']],
    [
      'two fast runs after slow ones',
      [...many, slow, slow, slow, good, good],
      'degraded',
      ['degraded', 'degraded', 'degraded'],
    ],
    ['three fast runs after slow ones', [...many, slow, slow, slow, good, good, good], 'up', ['up', 'up', 'up']],
    [
      'an interrupted run',
      [good, bad(), { kind: 'interrupted', at: 0 }, bad()],
      'down',
      ['down', 'blocked', 'blocked'],
    ],
  ])('%s', ([, stories, monitor, checks]) => {
    const state = play(stories);
    expect([state.monitor, statesOf(state)]).toEqual([monitor, checks]);
  });

  test('two errors count only within sixty minutes', () => {
    expect(play([good, bad(), bad()], 59 * minuteMs).monitor).toBe('down');
    expect(play([good, bad(), bad()], 60 * minuteMs).monitor).toBe('up');
  });

  test('three slow times count only within sixty minutes', () => {
    expect(play([...many, slow, slow, slow], 29 * minuteMs).monitor).toBe('degraded');
    expect(play([...many, slow, slow, slow], 30 * minuteMs).monitor).toBe('up');
  });

  test('exactly five times the average is not slow', () => {
    const times = (slowMs: number): readonly Story[] => [
      ...repeat(24, good),
      ...repeat(3, { kind: 'passed', durationMs: slowMs }),
    ];
    // The average of 24 × 100 ms and 3 × 1000 ms is 200 ms.
    expect(play(times(1000)).monitor).toBe('up');
    expect(play(times(1001)).monitor).toBe('degraded');
  });

  test('two times over 900 s make a check down, and exactly 900 s do not', () => {
    const timed = (durationMs: number): string | undefined =>
      play(repeat(2, { kind: 'passed', durationMs }), 20 * minuteMs).monitor;
    expect([timed(900_000), timed(900_001)]).toEqual(['up', 'down']);
  });

  test('a success and an error at the same moment do not make a check down, in either order', () => {
    for (const stories of [
      [good, bad()],
      [bad(), good],
    ])
      expect(play(stories, 0).monitor).toBe('up');
  });

  test('a state has begun with the point that changed it', () => {
    expect(play([good, bad(), bad(), bad()]).checks.get('CreateUser')?.sinceMs).toBe(noonMs + 4 * minuteMs + 100);
  });

  test('a step without results for a day is no longer shown', () => {
    const state = play([good, bad(1), bad(1)]);
    state.add(runRecord(noonMs + 25 * 60 * minuteMs, bad()));
    expect([...state.checks.keys()]).toEqual(['CreateUser']);
  });

  test('stays small, whatever the clock and the names of the steps were', () => {
    const backwards = new MetristState();
    for (let hour = 1000; hour > 0; hour -= 1) backwards.add(runRecord(noonMs + hour * 60 * minuteMs, good));
    expect(backwards.save().points[0]?.hours.length).toBeLessThanOrEqual(2 * 7 * 24 + 1);
    const renamed = new MetristState();
    for (let week = 0; week < 5; week += 1) {
      const { steps, ...run } = runRecord(noonMs + week * 10 * 24 * 60 * minuteMs, good);
      renamed.add({ ...run, steps: steps.map((step) => ({ ...step, name: `${step.name}${week}` })) });
    }
    expect(renamed.save().points.map(({ name }) => name)).toEqual(['CreateUser4', 'CreateGroup4', 'DeleteUser4']);
  });
});
