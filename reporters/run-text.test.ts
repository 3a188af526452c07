import { expect, test } from 'vitest';
import { blockedStep, failedStep, interruptedStep, monitorRun, passedStep } from '../runner/testing/builders.ts';
import {
  describeInterruption,
  evidenceEntries,
  problemsOutsideSteps,
  renderTimeline,
  summariseRun,
} from './run-text.ts';
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

test('a problem that a failed step already shows is left out', () => {
  expect(problemsOutsideSteps(loadErrorRun)).toEqual([]);
  expect(problemsOutsideSteps(emptyRun)).toEqual(emptyRun.problems);
});

test.for([
  [interruptedRun, 'the run was interrupted (SIGTERM)'],
  [monitorRun({ state: 'interrupted', steps: [blockedStep({ reason: 'a pause' })] }), 'a pause'],
  [monitorRun({ state: 'interrupted' }), 'the run was interrupted'],
  [theirFailureRun, undefined],
] as const)('says why a run was interrupted, if it was', ([run, reason]) => {
  expect(describeInterruption(run)).toBe(reason);
});

test('a timeline has one line for each part of a step', () => {
  const evidence = {
    requestId: 'r-1',
    httpStatus: 500,
    attempts: 3,
    retryDelayMs: 180,
    propagationMs: 2100,
    connectMs: 34,
    lastAttemptMs: 92,
    resolution: 'the user exists: the first attempt had worked',
  };
  expect(renderTimeline(failedStep({ evidence }))).toEqual([
    'started 2026-11-22T10:00:01.000Z',
    'connections opened in 34 ms',
    '3 attempts, 180 ms of waiting between them',
    '2.10 s of waiting for an earlier change to become visible',
    'last attempt took 92 ms: HTTP 500, request r-1',
    'the user exists: the first attempt had worked',
    'failed after 313 ms',
  ]);
});

test('a timeline leaves out what is unknown', () => {
  expect(renderTimeline(passedStep({ evidence: {} }))).toEqual([
    'started 2026-11-22T10:00:00.000Z',
    'passed after 84 ms',
  ]);
});

test('a timeline shows the last answer even if its time is unknown', () => {
  expect(renderTimeline(passedStep({ evidence: { attempts: 1, httpStatus: 200 } }))).toContain('last answer: HTTP 200');
});

test('a timeline ends with the reason of an interruption', () => {
  expect(renderTimeline(interruptedStep()).at(-1)).toBe('interrupted after 40 ms: the run was interrupted (SIGTERM)');
});

test('the evidence that reports show one by one is what is flat', () => {
  const tries = [{ offsetMs: 0, durationMs: 1 }];
  expect(evidenceEntries({ attempts: 2, retryDelayMs: 0, tries })).toEqual([
    ['attempts', 2],
    ['retryDelayMs', 0],
  ]);
});
