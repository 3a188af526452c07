import { expect, test } from 'vitest';
import { failedStep, interruptedStep, monitorRun, passedStep } from '../runner/testing/builders.ts';
import { traceOf } from './trace.ts';

let next = 0;
const randomBytes = (count: number): Uint8Array => new Uint8Array(count).fill(++next);

test('a run that was interrupted is aborted, and so is its step', () => {
  const run = monitorRun({ state: 'interrupted', steps: [passedStep(), interruptedStep()] });
  const [root, , step] = traceOf(run, { randomBytes }).filter(({ kind }) => kind === 'internal');
  expect(root?.attributes['test.suite.run.status']).toBe('aborted');
  expect(step?.attributes['test.case.result.status']).toBe('aborted');
  expect([root?.failure, step?.failure]).toEqual([undefined, undefined]);
});

test('a run that failed outside of its steps says how', () => {
  const run = monitorRun({ state: 'failed', steps: [], problems: [{ kind: 'load', message: 'no such file' }] });
  expect(traceOf(run, { randomBytes })).toMatchObject([
    { failure: 'no such file', attributes: { 'error.type': 'load', 'test.suite.run.status': 'failure' } },
  ]);
});

test('the only attempt is the last part of its step', () => {
  const step = failedStep({ durationMs: 100, evidence: { attempts: 1, lastAttemptMs: 60, httpStatus: 500 } });
  const span = traceOf(monitorRun({ steps: [step] }), { randomBytes }).at(-1);
  const startMs = Date.parse(step.startedAt);
  expect(span).toMatchObject({
    name: 'IAM.CreateGroup',
    startMs: startMs + 40,
    endMs: startMs + 100,
    failure: 'ServiceFailure',
  });
  expect(span?.attributes).not.toHaveProperty('http.request.resend_count');
});

test('attempts are counted over those that the evidence leaves out', () => {
  const tries = Array.from({ length: 32 }, (_, index) => ({ offsetMs: index, durationMs: 1 }));
  const run = monitorRun({ steps: [passedStep({ evidence: { attempts: 100, tries } })] });
  const resends = traceOf(run, { randomBytes })
    .slice(2)
    .map(({ attributes }) => attributes['http.request.resend_count']);
  expect([resends[0], resends[1], resends[15], resends[16], resends[31]]).toEqual([undefined, 1, 15, 84, 99]);
});
