import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StepResult } from '../runner/step-result.ts';
import {
  blockedStep,
  failedStep,
  interruptedStep,
  passedStep,
  monitorRun,
  stepError,
} from '../runner/testing/builders.ts';
import { collectRun, type RunContext, type VitestRun, withRelativeStacks } from './collect-run.ts';
import { fakeModule, fakeSuite, fakeTest } from './testing/fake-vitest.ts';

const context: RunContext = {
  monitor: 'awsiam',
  stepNames: ['CreateUser', 'CreateGroup', 'DeleteUser'],
  version: '0.1.0',
  mode: 'offline',
  startedAt: new Date('2026-11-22T10:00:00.000Z'),
  elapsedMs: 5000,
};

const recorded = (step: StepResult) =>
  fakeTest(step.name, {
    step,
    state: step.state === 'failed' ? 'failed' : step.state === 'passed' ? 'passed' : 'skipped',
  });

const passed = (name: string): StepResult => passedStep({ name, startedAt: '2026-11-22T10:00:01.000Z' });
const allPassed = context.stepNames.map(passed);

const collect = (run: Partial<VitestRun>, overrides: Partial<RunContext> = {}) =>
  collectRun({ testModules: [], unhandledErrors: [], reason: 'passed', ...run }, { ...context, ...overrides });

const moduleOf = (steps: readonly StepResult[]) => fakeModule([fakeSuite(steps.map(recorded))]);

/** A run, reduced to the states of its steps. */
const summaryOf = (steps: readonly StepResult[]): string[] =>
  steps.map((step) => `${step.name} ${'reason' in step ? step.reason : step.state}`);

describe('collectRun', () => {
  test('takes the results as the steps recorded them', () => {
    const run = collect({ testModules: [moduleOf(allPassed)] }, { instance: 'us-east-1' });
    expect(run).toEqual({
      monitor: 'awsiam',
      version: '0.1.0',
      mode: 'offline',
      instance: 'us-east-1',
      startedAt: '2026-11-22T10:00:01.000Z',
      durationMs: 252.75,
      state: 'passed',
      steps: allPassed,
      problems: [],
      leftovers: [],
      warnings: [],
    });
  });

  test('puts the warnings from before the run first', () => {
    const teardown = { leftovers: [], warnings: ['afterwards'] };
    const module = fakeModule([fakeSuite(allPassed.map(recorded), { meta: { teardown } })]);
    expect(collect({ testModules: [module] }, { warnings: ['before'] }).warnings).toEqual(['before', 'afterwards']);
    expect(collect({ testModules: [module] }).warnings).toEqual(['afterwards']);
  });

  test('has no instance if none is set', () => {
    expect(collect({ testModules: [moduleOf(allPassed)] })).not.toHaveProperty('instance');
  });

  test('puts the steps into the monitor’s order', () => {
    const run = collect({ testModules: [moduleOf(allPassed.toReversed())] });
    expect(run.steps).toEqual(allPassed);
  });

  test('fails a run with a failed step, and keeps the other results as they were recorded', () => {
    const steps = [passed('CreateUser'), failedStep(), blockedStep({ name: 'DeleteUser' })];
    const run = collect({ testModules: [moduleOf(steps)], reason: 'failed' });
    expect(run).toMatchObject({ state: 'failed', steps, problems: [] });
  });

  test('contains the leftovers and warnings of teardown', () => {
    const teardown = {
      leftovers: [{ entity: 'user u', reason: 'AccessDenied', command: 'aws iam delete-user' }],
      warnings: ['teardown was slow'],
    };
    const run = collect({ testModules: [fakeModule([fakeSuite(allPassed.map(recorded), { meta: { teardown } })])] });
    expect(run).toMatchObject({ ...teardown, state: 'passed' });
  });

  test('turns a test that failed without a result into a failure of the monitor', () => {
    const broken = fakeTest('CreateGroup', {
      state: 'failed',
      errors: [{ message: 'task.meta is gone', stack: 'Error: task.meta is gone\n    at x' }],
      startTime: Date.parse('2026-11-22T10:00:02.000Z'),
      duration: 12.5,
    });
    const run = collect({
      testModules: [fakeModule([fakeSuite([recorded(passed('CreateUser')), broken])])],
      reason: 'failed',
    });
    expect(run.state).toBe('failed');
    expect(run.steps[1]).toMatchObject({
      state: 'failed',
      startedAt: '2026-11-22T10:00:02.000Z',
      durationMs: 12.5,
      error: {
        verdict: 'monitor',
        code: 'NoResult',
        message: 'NoResult at CreateGroup: the test ended without a result: task.meta is gone',
        stack: 'Error: task.meta is gone\n    at x',
      },
    });
    expect(summaryOf(run.steps)[2]).toBe('DeleteUser CreateGroup failed');
  });

  test('handles a test that failed without a result and without an error', () => {
    const run = collect({ testModules: [fakeModule([fakeSuite([fakeTest('CreateUser', { state: 'failed' })])])] });
    expect(run.steps[0]).toMatchObject({
      state: 'failed',
      error: { message: 'NoResult at CreateUser: the test ended without a result: no error was given' },
    });
  });

  test.for([
    ['load', { testModules: [fakeModule([], [{ message: 'it is broken', stack: 'at x' }])] }],
    ['hook', { testModules: [fakeModule([fakeSuite([], { errors: [{ message: 'it is broken', stack: 'at x' }] })])] }],
    ['unhandled', { unhandledErrors: [{ message: 'it is broken', stack: 'at x' }] }],
  ] as const)('fails the first step and blocks the rest after a %s error that left no result', ([kind, run]) => {
    const collected = collect({ ...run, reason: 'failed' });
    expect(collected).toMatchObject({
      state: 'failed',
      problems: [{ kind, message: 'it is broken', stack: 'at x' }],
      startedAt: '2026-11-22T10:00:00.000Z',
    });
    expect(collected.steps[0]).toMatchObject({
      state: 'failed',
      error: { verdict: 'monitor', code: 'NoResult', message: 'NoResult at CreateUser: it is broken' },
    });
    expect(summaryOf(collected.steps).slice(1)).toEqual([
      'CreateGroup CreateUser failed',
      'DeleteUser CreateUser failed',
    ]);
  });

  test.for([
    [
      'hook',
      { testModules: [fakeModule([fakeSuite(allPassed.map(recorded), { errors: [{ message: 'afterAll' }] })])] },
    ],
    ['unhandled', { testModules: [moduleOf(allPassed)], unhandledErrors: [{ message: 'somewhere' }] }],
    ['load', { testModules: [moduleOf(allPassed), fakeModule([], [{ message: 'another module' }])] }],
  ] as const)('fails a run in which every step passed after a %s error', ([kind, run]) => {
    const collected = collect(run);
    expect(collected).toMatchObject({ state: 'failed', steps: allPassed, problems: [{ kind }] });
  });

  test('adds the cause to an error that only says where vitest noticed it', () => {
    const error = { message: 'Worker threads emitted error.', cause: { message: 'permission denied' } };
    const { problems } = collect({ unhandledErrors: [error] });
    expect(problems).toEqual([{ kind: 'unhandled', message: 'Worker threads emitted error. permission denied' }]);
  });

  test('fails a run in which nothing ran', () => {
    const run = collect({});
    expect(run).toMatchObject({ state: 'failed', problems: [{ kind: 'empty' }] });
    expect(run.steps.map(({ state }) => state)).toEqual(['blocked', 'blocked', 'blocked']);
  });

  test('fails a run in which every step was skipped', () => {
    const tests = context.stepNames.map((name) => fakeTest(name, { state: 'skipped' }));
    expect(collect({ testModules: [fakeModule([fakeSuite(tests)])] })).toMatchObject({
      state: 'failed',
      problems: [{ kind: 'empty' }],
    });
  });

  test('fails a run without any step', () => {
    expect(collect({}, { stepNames: [] })).toMatchObject({ state: 'failed', problems: [{ kind: 'empty' }], steps: [] });
  });

  test('passes a run of selected steps, and says that the others were not selected', () => {
    const tests = [recorded(passed('CreateUser')), fakeTest('CreateGroup', { state: 'skipped' })];
    const run = collect({ testModules: [fakeModule([fakeSuite(tests)])] });
    expect(run).toMatchObject({ state: 'passed', problems: [] });
    expect(summaryOf(run.steps).slice(1)).toEqual([
      'CreateGroup not selected for this run',
      'DeleteUser not selected for this run',
    ]);
  });

  test('calls an interrupted run neither a success nor a failure', () => {
    const steps = [passed('CreateUser'), interruptedStep()];
    const run = collect({ testModules: [moduleOf(steps)], reason: 'interrupted' });
    expect(run).toMatchObject({ state: 'interrupted', problems: [] });
    expect(summaryOf(run.steps)).toEqual([
      'CreateUser passed',
      'CreateGroup the run was interrupted (SIGTERM)',
      'DeleteUser the run was interrupted',
    ]);
  });

  test('calls a run that was interrupted before its first step interrupted, and not empty', () => {
    const run = collect({ reason: 'interrupted' });
    expect(run).toMatchObject({ state: 'interrupted', problems: [] });
    expect(new Set(summaryOf(run.steps).map((each) => each.replace(/^\w+ /, '')))).toEqual(
      new Set(['the run was interrupted']),
    );
  });

  test('keeps a failure from before the interruption', () => {
    const steps = [failedStep({ name: 'CreateUser' })];
    expect(collect({ testModules: [moduleOf(steps)], reason: 'interrupted' }).state).toBe('failed');
  });

  test('ignores tests of the same name in other suites', () => {
    const other = fakeSuite([recorded(failedStep({ name: 'CreateUser' }))], { name: 'somebody else' });
    const run = collect({ testModules: [fakeModule([other]), moduleOf(allPassed)] });
    expect(run).toMatchObject({ state: 'passed', steps: allPassed });
  });

  test('takes the duration that the worker measured, even if the wall clock jumped', () => {
    const steps = [
      passed('CreateUser'),
      passedStep({ name: 'CreateGroup', startedAt: '2026-11-22T11:00:03.000Z', durationMs: 10.5 }),
      passedStep({ name: 'DeleteUser', startedAt: '2026-11-22T09:00:03.000Z', durationMs: 5.25 }),
    ];
    const suite = fakeSuite(steps.map(recorded), { meta: { durationMs: 110.25 } });
    expect(collect({ testModules: [fakeModule([suite])] }).durationMs).toBe(110.25);
    // The worker ended before it could report it.
    expect(collect({ testModules: [moduleOf(steps)] }).durationMs).toBe(100);
  });

  test('takes the duration of the whole vitest run if no step ran', () => {
    expect(collect({ reason: 'interrupted' }).durationMs).toBe(5000);
  });

  test('calls a run interrupted if its worker did not start because of a pause', () => {
    const pause = 'the run was interrupted by a pause of 70 s';
    const run = collect({ unhandledErrors: [{ message: 'Timeout waiting for worker to respond' }] }, { pause });
    expect(run).toMatchObject({ state: 'interrupted', problems: [] });
    expect(summaryOf(run.steps)).toEqual(context.stepNames.map((name) => `${name} ${pause}`));
  });

  test('does not let a pause hide the results of steps', () => {
    const steps = [failedStep({ name: 'CreateUser' })];
    const run = collect({ testModules: [moduleOf(steps)], unhandledErrors: [{ message: 'x' }] }, { pause: 'a pause' });
    expect(run).toMatchObject({ state: 'failed', problems: [{ kind: 'unhandled' }] });
  });

  test('contains where it worked, and what the sweep removed, left and warned about', () => {
    const meta = {
      teardown: { leftovers: [], warnings: ['of teardown'] },
      sweep: { removed: 3, remaining: 1, warnings: ['of the sweep'] },
      facts: { namespace: 'prod', account: '123456789012' },
    };
    const run = collect({ testModules: [fakeModule([fakeSuite(allPassed.map(recorded), { meta })])] });
    expect(run).toMatchObject({
      swept: 3,
      sweptRemaining: 1,
      namespace: 'prod',
      account: '123456789012',
      warnings: ['of teardown', 'of the sweep'],
      state: 'passed',
    });
    expect(collect({ testModules: [moduleOf(allPassed)] })).not.toHaveProperty('swept');
  });

  test('lists every step once and in order, and never passes a run in which a step failed', () => {
    const { stepNames } = context;
    const anyTest = fc
      .tuple(
        fc.constantFrom(...stepNames, 'Unknown'),
        fc.constantFrom<StepResult['state'] | 'none'>('passed', 'failed', 'blocked', 'interrupted', 'none'),
        fc.constantFrom('passed', 'failed', 'skipped', 'pending'),
      )
      .map(([name, recordedAs, state]) => {
        const made = { passed: passedStep, failed: failedStep, blocked: blockedStep, interrupted: interruptedStep };
        return fakeTest(name, { state, ...(recordedAs !== 'none' && { step: made[recordedAs]({ name }) }) });
      });
    const anyErrors = fc.array(fc.record({ message: fc.string() }), { maxLength: 2 });
    const anySuite = fc
      .tuple(fc.uniqueArray(anyTest, { selector: ({ name }) => name }), anyErrors)
      .map(([tests, errors]) => fakeSuite(tests, { errors }));
    const anyModule = fc
      .tuple(fc.array(anySuite, { maxLength: 2 }), anyErrors)
      .map(([suites, errors]) => fakeModule(suites, errors));
    fc.assert(
      fc.property(
        fc.array(anyModule, { maxLength: 2 }),
        anyErrors,
        fc.constantFrom('passed', 'failed', 'interrupted'),
        (testModules, unhandledErrors, reason) => {
          const run = collect({ testModules, unhandledErrors, reason });
          expect(run.steps.map(({ name }) => name)).toEqual(stepNames);
          const wrong = run.problems.length > 0 || run.steps.some(({ state }) => state === 'failed');
          expect(run.state === 'failed').toBe(wrong);
          if (run.state === 'passed') expect(run.steps.some(({ state }) => state === 'passed')).toBe(true);
          expect(JSON.parse(JSON.stringify(run))).toEqual(run);
        },
      ),
      { numRuns: 500 },
    );
  });
});

test('paths in stacks become relative to the project, and nothing else changes', () => {
  const stack = 'Error: x\n    at a (/srv/awsiam/suites/steps.ts:1:2)\n    at file:///srv/awsiam/runner/run.ts:3:4';
  const relative = 'Error: x\n    at a (suites/steps.ts:1:2)\n    at runner/run.ts:3:4';
  const run = monitorRun({
    steps: [passedStep(), failedStep({ error: stepError({ stack, message: '/srv/awsiam/ stays' }) })],
    problems: [
      { kind: 'load', message: 'm', stack },
      { kind: 'empty', message: 'no stack' },
    ],
  });
  expect(withRelativeStacks(run, '/srv/awsiam')).toEqual({
    ...run,
    steps: [passedStep(), failedStep({ error: stepError({ stack: relative, message: '/srv/awsiam/ stays' }) })],
    problems: [
      { kind: 'load', message: 'm', stack: relative },
      { kind: 'empty', message: 'no stack' },
    ],
  });
});
