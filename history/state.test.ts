import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MetristState } from './metrist-state.ts';
import { MonitorState } from './state.ts';
import { noonMs, runRecord, stepNames, type Story } from './testing/builders.ts';

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

  test('is no fresh data after three intervals without a run that could look at every step, and since then', () => {
    const limitMs = noonMs + 300 + 6 * minuteMs;
    const state = play([good, interrupted, interrupted, interrupted]);
    expect(state.read(limitMs).overall.state).toBe('up');
    expect(state.read(limitMs + 1).overall).toEqual({ state: 'no fresh data', sinceMs: limitMs });
    state.add(runRecord(timeOf(4), interrupted));
    expect(state.read(timeOf(4) + 300)).toEqual({
      overall: { state: 'no fresh data', sinceMs: limitMs },
      // The interrupted runs passed the first step.
      steps: [
        { name: 'CreateUser', state: 'up', sinceMs: noonMs + 300 },
        { name: 'CreateGroup', state: 'no fresh data', sinceMs: limitMs },
        { name: 'DeleteUser', state: 'no fresh data', sinceMs: limitMs },
      ],
    });
    state.add(runRecord(timeOf(9), good));
    expect(state.read(timeOf(9) + 300).overall).toEqual({ state: 'up', sinceMs: timeOf(9) + 300 });
  });

  test('is not known before a run could look at every step', () => {
    expect(play([interrupted]).read(noonMs + 300).overall.state).toBe('no fresh data');
    expect(play([interrupted, good]).read(timeOf(1) + 300).overall.state).toBe('up');
  });

  test('counts the passed steps of interrupted runs', () => {
    expect(play([good, theirs(), theirs(), interrupted, interrupted]).read(timeOf(4) + 300).steps).toMatchObject([
      { name: 'CreateUser', state: 'up', sinceMs: timeOf(4) + 300 },
      { state: 'blocked' },
      { state: 'blocked' },
    ]);
  });

  test('becomes no fresh data if the monitor stops while a step is blind', () => {
    const state = play([good, ours(), ours()]);
    expect(state.read(timeOf(2) + 300 + 6 * minuteMs + 1).steps.map((step) => step.state)).toEqual([
      'no fresh data',
      'no fresh data',
      'no fresh data',
    ]);
  });

  test('knows its changes, also those that time alone made', () => {
    const state = play([good, theirs(), theirs(), good, good]);
    const [downMs, issuesMs, upMs] = [timeOf(2) + 300, timeOf(3) + 300, timeOf(4) + 300];
    const toUp = [
      { state: 'up', atMs: noonMs + 300 },
      { state: 'down', atMs: downMs },
      { state: 'issues', atMs: issuesMs },
      { state: 'up', atMs: upMs },
    ];
    expect(state.changes).toEqual(toUp);
    // The gap is among them when it has ended.
    state.add(runRecord(timeOf(60), good));
    expect(state.changes).toEqual([
      ...toUp,
      { state: 'no fresh data', atMs: upMs + 6 * minuteMs },
      { state: 'up', atMs: timeOf(60) + 300 },
    ]);
  });

  test('is issues if one step is down and the others were not looked at for too long', () => {
    const state = play([good, theirs(), theirs(), interrupted]);
    expect(state.read(timeOf(3) + 300).overall.state).toBe('down');
    const limitMs = timeOf(2) + 300 + 6 * minuteMs;
    expect(state.read(limitMs + 1).overall).toEqual({ state: 'issues', sinceMs: limitMs });
  });

  test('finds no change before the last run when the interval becomes shorter', () => {
    const state = play([good, theirs(1), theirs(1), { kind: 'interrupted', at: 2 }]);
    state.add(runRecord(timeOf(4), interrupted, { intervalSecs: 10 }));
    expect(state.read(timeOf(4) + 301).overall).toEqual({ state: 'no fresh data', sinceMs: timeOf(4) + 300 });
  });

  test('keeps the newest 200 changes', () => {
    const stories = Array.from({ length: 150 }, () => [good, good, ours(), ours()]).flat();
    const { changes } = play(stories);
    expect(changes).toHaveLength(200);
    expect(changes.at(-1)).toEqual({ state: 'blind', atMs: timeOf(stories.length - 1) + 300 });
  });

  test('recovers from a clock that was far ahead', () => {
    const state = play([good]);
    state.add(runRecord(noonMs + 365 * 24 * 60 * minuteMs, good));
    state.add(runRecord(timeOf(1), good));
    const { overall } = state.read(timeOf(1) + 300);
    expect(overall.state).toBe('up');
    expect(overall.sinceMs).toBeLessThanOrEqual(timeOf(1) + 300);
    expect(state.read(timeOf(1) + 300 + 6 * minuteMs + 1).overall.state).toBe('no fresh data');
    expect(state.changes.every(({ atMs }) => atMs <= timeOf(1) + 300)).toBe(true);
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

  test('is Metrist’s if no failure is ours and no run was interrupted', () => {
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
      fc.property(storiesOf('theirs', 'ours', 'interrupted'), (stories) => {
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

  test('knows Metrist’s answer', () => {
    fc.assert(
      fc.property(storiesOf('theirs', 'ours', 'interrupted'), (stories) => {
        const metrist = new MetristState();
        for (const [index, story] of stories.entries()) metrist.add(runRecord(timeOf(index), story));
        expect(play(stories).metrist.save()).toEqual(metrist.save());
      }),
    );
  });

  test('goes on where it was saved, wherever that was', () => {
    fc.assert(
      fc.property(storiesOf('theirs', 'ours', 'interrupted'), fc.nat(60), (stories, savedAfter) => {
        let state = new MonitorState();
        for (const [index, story] of stories.entries()) {
          state.add(runRecord(timeOf(index), story));
          if (index === savedAfter) state = MonitorState.load(JSON.parse(JSON.stringify(state.save())));
        }
        expect(state.save()).toEqual(play(stories).save());
        expect(state.read(endOf(stories))).toEqual(play(stories).read(endOf(stories)));
      }),
    );
  });

  test('is up or degraded only if every step was looked at within three intervals', () => {
    fc.assert(
      fc.property(storiesOf('theirs', 'ours', 'interrupted'), fc.nat(1_200_000), (stories, laterMs) => {
        const { overall } = play(stories).read(endOf(stories) + laterMs);
        if (overall.state !== 'up' && overall.state !== 'degraded') return;
        for (const [step] of stepNames.entries()) {
          const last = stories.findLastIndex((story) => !('at' in story) || story.kind === 'theirs' || step < story.at);
          expect(endOf(stories) + laterMs - (timeOf(last) + 300)).toBeLessThanOrEqual(6 * minuteMs);
        }
      }),
    );
  });

  test('takes little space after a month', () => {
    const state = new MonitorState();
    for (let index = 0; index < 30 * 24; index += 1) {
      state.add(runRecord(noonMs + index * 60 * minuteMs, index % 7 === 0 ? theirs() : good));
    }
    const size = JSON.stringify(state.save()).length;
    // Three steps with 169 hours each, twice.
    expect(size).toBeLessThan(40_000);
  });

  test.for<[string, (snapshot: Record<string, unknown>) => unknown]>([
    ['nothing', () => undefined],
    ['a list', () => []],
    ['an unknown state', (snapshot) => ({ ...snapshot, changes: [{ state: 'fine', atMs: 1 }] })],
    ['a step without a name', (snapshot) => ({ ...snapshot, steps: [{ state: 'up', sinceMs: 1, ownFailures: 0 }] })],
    ['a time that is no number', (snapshot) => ({ ...snapshot, endMs: '1' })],
    ['damaged points', (snapshot) => ({ ...snapshot, metrist: { points: [{}], details: [] } })],
    ['no second answer', (snapshot) => ({ ...snapshot, withoutOurs: undefined })],
  ])('is not loaded from %s', ([, damage]) => {
    const snapshot = JSON.parse(JSON.stringify(play([good, ours()]).save())) as Record<string, unknown>;
    expect(() => MonitorState.load(snapshot)).not.toThrow();
    expect(() => MonitorState.load(damage(snapshot))).toThrow(TypeError);
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
