import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MetristState } from './metrist-state.ts';
import { MonitorState } from './state.ts';
import { noonMs, runRecord, type Story } from './testing/builders.ts';

const good: Story = { kind: 'passed' };
const theirs = (at = 0): Story => ({ kind: 'theirs', at });
const ours = (at = 0): Story => ({ kind: 'ours', at });
const interrupted: Story = { kind: 'interrupted', at: 1 };
const minuteMs = 60_000;

function play(stories: readonly Story[]): MonitorState {
  const state = new MonitorState();
  for (const [index, story] of stories.entries()) state.add(runRecord(timeOf(index), story));
  return state;
}

const timeOf = (index: number): number => noonMs + index * 2 * minuteMs;
const endOf = (stories: readonly Story[]): number => timeOf(stories.length - 1) + 300;

const at = fc.integer({ min: 0, max: 2 });
const goodStories = fc.record({ kind: fc.constant('passed'), durationMs: fc.constantFrom(100, 3000) } as const);
const storiesOf = (...kinds: ('theirs' | 'ours' | 'interrupted')[]): fc.Arbitrary<Story[]> =>
  fc.array(fc.oneof(goodStories, ...kinds.map((kind) => fc.record({ kind: fc.constant(kind), at }))), {
    minLength: 1,
    maxLength: 60,
  });

describe('our own state', () => {
  test.for<[string, readonly Story[], string, readonly string[]]>([
    ['good runs', [good, good], 'up', ['up', 'up', 'up']],
    ['IAM fails twice', [good, theirs(), theirs()], 'down', ['down', 'blocked', 'blocked']],
    ['we fail once', [good, ours()], 'up', ['up', 'up', 'up']],
    ['we fail twice', [good, ours(), ours()], 'blind', ['blind', 'blind', 'blind']],
    ['we fail twice at a later step', [good, ours(1), ours(1)], 'blind', ['up', 'blind', 'blind']],
    ['the first run fails because of us', [ours()], 'blind', ['blind', 'blind', 'blind']],
    [
      'IAM was down, and then we fail',
      [good, theirs(), theirs(), ours(), ours()],
      'blind',
      ['blind', 'blind', 'blind'],
    ],
    ['one good run after we failed', [good, ours(), ours(), good], 'blind', ['blind', 'up', 'up']],
    ['two good runs after we failed', [good, ours(), ours(), good, good], 'up', ['up', 'up', 'up']],
    ['IAM fails once and we once', [good, theirs(), ours()], 'blind', ['blind', 'blind', 'blind']],
    ['interrupted runs between good ones', [good, interrupted, good], 'up', ['up', 'up', 'up']],
  ])('%s', ([, stories, overall, steps]) => {
    const report = play(stories).read(endOf(stories));
    expect([report.overall.state, report.steps.map(({ state }) => state)]).toEqual([overall, steps]);
  });

  test('is not known without a run', () => {
    expect(new MonitorState().read(noonMs)).toEqual({ overall: { state: 'no fresh data' }, steps: [] });
  });

  test('is no fresh data after three intervals without a usable run, and since then', () => {
    const stories = [good, interrupted, interrupted, interrupted, interrupted];
    const state = play(stories);
    const limitMs = noonMs + 300 + 6 * minuteMs;
    expect(state.read(limitMs).overall.state).toBe('up');
    expect(state.read(limitMs + 1).overall).toEqual({ state: 'no fresh data', sinceMs: limitMs });
    state.add(runRecord(timeOf(9), good));
    expect(state.read(timeOf(9) + 300).overall).toEqual({ state: 'up', sinceMs: timeOf(9) + 300 });
  });

  test('has begun with the run that changed it', () => {
    const stories = [good, good, ours(), ours(), ours()];
    expect(play(stories).read(endOf(stories)).overall).toEqual({ state: 'blind', sinceMs: timeOf(3) + 300 });
  });

  test('is blind three intervals after a run last could look, even if we failed only once since', () => {
    const state = play([good]);
    state.add(runRecord(noonMs + 5 * minuteMs, ours()));
    const limitMs = noonMs + 300 + 6 * minuteMs;
    expect(state.read(limitMs).overall.state).toBe('up');
    expect(state.read(limitMs + 1).overall).toEqual({ state: 'blind', sinceMs: limitMs });
  });

  test('is never down because of us', () => {
    fc.assert(
      fc.property(storiesOf('ours', 'interrupted'), fc.nat(3_600_000), (stories, laterMs) => {
        const { overall, steps } = play(stories).read(endOf(stories) + laterMs);
        for (const { state } of [overall, ...steps]) expect(['down', 'blocked', 'issues']).not.toContain(state);
      }),
    );
  });

  test('is Metrist’s if no failure is ours and the data is fresh', () => {
    fc.assert(
      fc.property(storiesOf('theirs'), (stories) => {
        const metrist = new MetristState();
        for (const [index, story] of stories.entries()) metrist.add(runRecord(timeOf(index), story));
        const { overall, steps } = play(stories).read(endOf(stories));
        expect(overall.state).toBe(metrist.monitor);
        for (const { name, state } of steps) {
          expect(state).toBe(metrist.checks.get(name)?.state ?? 'no fresh data');
        }
      }),
    );
  });

  test('is never up or degraded where Metrist’s is down', () => {
    fc.assert(
      fc.property(storiesOf('theirs', 'ours'), (stories) => {
        const metrist = new MetristState();
        for (const [index, story] of stories.entries()) metrist.add(runRecord(timeOf(index), story));
        for (const { name, state } of play(stories).read(endOf(stories)).steps) {
          if (metrist.checks.get(name)?.state === 'down') expect(['up', 'degraded']).not.toContain(state);
        }
      }),
    );
  });

  test('depends on the runs only, not on when it is read in between', () => {
    fc.assert(
      fc.property(storiesOf('theirs', 'ours', 'interrupted'), (stories) => {
        const watched = new MonitorState();
        for (const [index, story] of stories.entries()) {
          watched.add(runRecord(timeOf(index), story));
          watched.read(timeOf(index) + 1000);
        }
        expect(watched.read(endOf(stories))).toEqual(play(stories).read(endOf(stories)));
      }),
    );
  });

  test('does not become better by silence', () => {
    fc.assert(
      fc.property(storiesOf('theirs', 'ours', 'interrupted'), fc.nat(7_200_000), (stories, silenceMs) => {
        const state = play(stories);
        const before = state.read(endOf(stories)).overall.state;
        const after = state.read(endOf(stories) + silenceMs).overall.state;
        if (after !== before) expect(['blind', 'no fresh data']).toContain(after);
      }),
    );
  });
});
