import { expect, test } from 'vitest';
import { blockedStep, monitorRun } from '../runner/testing/builders.ts';
import { describeInterruption, summariseRun, untoldProblems } from './run-text.ts';
import { emptyRun, interruptedRun, loadErrorRun, passedRun, theirFailureRun } from './testing/runs.ts';

test.for([
  ['every step passed', passedRun, '8 passed in 3.24 s'],
  ['a step failed', theirFailureRun, '1 failed, 2 blocked, 1 passed in 2.02 s'],
  ['a step was interrupted', interruptedRun, '1 interrupted, 1 blocked, 1 passed in 900 ms'],
  ['no step is known', emptyRun, 'run failed: no step ran'],
  ['a hook failed', monitorRun({ state: 'failed' }), 'run failed: 1 passed in 900 ms'],
  ['a signal came between two steps', monitorRun({ state: 'interrupted' }), 'run interrupted: 1 passed in 900 ms'],
] as const)('sums up a run in which %s', ([, run, text]) => {
  expect(summariseRun(run)).toBe(text);
});

test('a problem that a step tells is not told again', () => {
  expect(untoldProblems(loadErrorRun)).toEqual([]);
  expect(untoldProblems(emptyRun)).toEqual(emptyRun.problems);
});

test.for([
  [interruptedRun, 'the run was interrupted (SIGTERM)'],
  [monitorRun({ state: 'interrupted', steps: [blockedStep({ reason: 'a pause' })] }), 'a pause'],
  [monitorRun({ state: 'interrupted' }), 'the run was interrupted'],
  [theirFailureRun, undefined],
] as const)('says why a run was interrupted, if it was', ([run, reason]) => {
  expect(describeInterruption(run)).toBe(reason);
});
