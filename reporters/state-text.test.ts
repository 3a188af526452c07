import { describe, expect, test } from 'vitest';
import { noonMs, overviewOf, runRecord, type Story } from '../history/testing/builders.ts';
import { currentFailures, explainMetristDifference, explainState, headlineOf } from './state-text.ts';

const minuteMs = 60_000;
const passed: Story = { kind: 'passed' };
const theirs = (at: number): Story => ({ kind: 'theirs', at });
const ours = (at: number): Story => ({ kind: 'ours', at });

/** The overview after runs every two minutes until noon. */
function after(stories: readonly Story[], overrides: Parameters<typeof overviewOf>[1] = {}) {
  const runs = stories.map((story, index) => runRecord(noonMs - (stories.length - 1 - index) * 2 * minuteMs, story));
  return overviewOf(runs, overrides);
}

describe('what a state means', () => {
  test('needs no words if all is well', () => {
    expect(explainState(after([passed]))).toBeUndefined();
  });

  test('says that one failure alone does not change the state', () => {
    expect(explainState(after([passed, theirs(0)]))?.meaning).toContain('one failure alone');
    expect(headlineOf(after([passed, theirs(0)]))).toBe('IAM is up');
  });

  test.for([
    [[passed, theirs(0), theirs(0)], 'down', 'every step is down or blocked'],
    [[passed, theirs(1), theirs(1)], 'issues', 'A part of IAM does not work: CreateGroup down, DeleteUser blocked.'],
    [[passed, ours(0), ours(0)], 'blind', 'looking at CreateUser, CreateGroup and DeleteUser. IAM may be up or down.'],
    [[passed, ours(2), ours(2)], 'blind', 'looking at DeleteUser. IAM may be up or down.'],
  ] as const)('after %j, %s', ([stories, state, words]) => {
    const overview = after(stories);
    expect(overview.state.overall.state).toBe(state);
    const { meaning = '', advice = '' } = explainState(overview) ?? {};
    expect(meaning).toContain(words);
    expect(advice).toContain('Follow "What to do" of the failure');
  });

  test('names the slow steps of a degraded IAM', () => {
    const usual = Array.from({ length: 40 }, () => passed);
    const slow: Story = { kind: 'passed', durationMs: 5000 };
    const { meaning, advice } = explainState(after([...usual, slow, slow, slow])) ?? {};
    expect(meaning).toBe(
      'IAM works, but CreateUser, CreateGroup and DeleteUser took more than five times as long as usual.',
    );
    expect(advice).toContain('AWS Health Dashboard');
  });

  test('tells a monitor that does not run from one whose runs are interrupted', () => {
    const stopped = after([passed], { nowMs: noonMs + 60 * minuteMs });
    expect(explainState(stopped)).toEqual({
      meaning: 'No run has ended for 59 min; one is due every 2 min. IAM may be up or down.',
      advice: 'Find out why the monitor does not run: cron, systemd, the host.',
    });
    const interrupted: Story = { kind: 'interrupted', at: 0 };
    const { meaning } = explainState(after([passed, ...Array.from({ length: 6 }, () => interrupted)])) ?? {};
    expect(meaning).toContain('its last runs were interrupted');
  });
});

describe("Metrist's answer", () => {
  test('is not mentioned if it is the same', () => {
    expect(explainMetristDifference(after([passed]))).toBeUndefined();
    expect(explainMetristDifference(after([theirs(0), theirs(0)]))).toBeUndefined();
  });

  test('is explained where failures on our side count as errors', () => {
    expect(explainMetristDifference(after([passed, ours(0), ours(0)]))).toBe(
      "Metrist's rules say down: they count failures on our side as errors.",
    );
  });

  test('is explained where silence changes nothing', () => {
    expect(explainMetristDifference(after([passed], { nowMs: noonMs + 60 * minuteMs }))).toBe(
      "Metrist's rules say up: for them, silence changes nothing.",
    );
  });

  test('is explained where errors are too far apart for it', () => {
    const runs = [ours(0), ours(0)].map((story, index) =>
      runRecord(noonMs - (1 - index) * 90 * minuteMs, story, { intervalSecs: 5400 }),
    );
    const first = runRecord(noonMs - 180 * minuteMs, passed, { intervalSecs: 5400 });
    expect(explainMetristDifference(overviewOf([first, ...runs]))).toBe(
      "Metrist's rules say up: for them, only errors within one hour count.",
    );
  });

  test('does not exist for rehearsals, which are not sent', () => {
    expect(explainMetristDifference(after([ours(0), ours(0)], { mode: 'offline' }))).toBeUndefined();
  });
});

describe('the current failures', () => {
  test('are the last one of the step that is down', () => {
    const failures = currentFailures(after([passed, theirs(1), theirs(1)]));
    expect(failures.map(({ result, runMs }) => [result.name, runMs])).toEqual([['CreateGroup', noonMs]]);
  });

  test('leave out a step that only cannot be reached, even if it failed long ago', () => {
    const old = runRecord(noonMs - 300 * minuteMs, theirs(2));
    const now = [4, 2, 0].map((ago) => runRecord(noonMs - ago * minuteMs, ago === 4 ? passed : ours(0)));
    const failures = currentFailures(overviewOf([old, ...now]));
    expect(failures.map(({ result }) => result.name)).toEqual(['CreateUser']);
  });

  test('are none while all is well', () => {
    expect(currentFailures(after([theirs(1), passed, passed]))).toEqual([]);
  });
});
