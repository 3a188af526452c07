import { expect, test } from 'vitest';
import { failedStep, interruptedStep, passedStep } from '../runner/testing/builders.ts';
import { renderTimeline } from './run-text.ts';

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

test('a timeline leaves out what is not known', () => {
  expect(renderTimeline(passedStep({ evidence: {} }))).toEqual([
    'started 2026-11-22T10:00:00.000Z',
    'passed after 84 ms',
  ]);
});

test('a timeline names the last answer where its time is not known', () => {
  expect(renderTimeline(passedStep({ evidence: { attempts: 1, httpStatus: 200 } }))).toContain('last answer: HTTP 200');
});

test('a timeline ends with the reason of an interruption', () => {
  expect(renderTimeline(interruptedStep()).at(-1)).toBe('interrupted after 40 ms: the run was interrupted (SIGTERM)');
});
