import type { MonitorRun } from '../monitor-run.ts';
import type { BlockedStep, FailedStep, InterruptedStep, PassedStep, StepError } from '../step-result.ts';

/** One builder for each type. Every field can be overridden. */

export function passedStep(overrides: Partial<PassedStep> = {}): PassedStep {
  return {
    state: 'passed',
    name: 'CreateUser',
    startedAt: '2026-11-22T10:00:00.000Z',
    durationMs: 84.25,
    evidence: { requestId: '6b7f9f3e-0000-4000-8000-000000000001', httpStatus: 200, attempts: 1, retryDelayMs: 0 },
    ...overrides,
  };
}

export function stepError(overrides: Partial<StepError> = {}): StepError {
  return {
    verdict: 'service',
    code: 'ServiceFailure',
    message: 'CreateGroup failed: ServiceFailure (HTTP 500): The request processing has failed.',
    advice: 'AWS answered with an error of its own. Check the AWS Health Dashboard.',
    stack: 'Error: ServiceFailure\n    at runStep (runner/run-step.ts:1:1)',
    ...overrides,
  };
}

export function failedStep(overrides: Partial<FailedStep> = {}): FailedStep {
  return {
    state: 'failed',
    name: 'CreateGroup',
    startedAt: '2026-11-22T10:00:01.000Z',
    durationMs: 312.5,
    evidence: { requestId: '6b7f9f3e-0000-4000-8000-000000000002', httpStatus: 500, attempts: 3, retryDelayMs: 180 },
    error: stepError(),
    ...overrides,
  };
}

export function blockedStep(overrides: Partial<BlockedStep> = {}): BlockedStep {
  return { state: 'blocked', name: 'AddUserToGroup', reason: 'CreateGroup failed', ...overrides };
}

export function interruptedStep(overrides: Partial<InterruptedStep> = {}): InterruptedStep {
  return {
    state: 'interrupted',
    name: 'CreateGroup',
    startedAt: '2026-11-22T10:00:01.000Z',
    durationMs: 40,
    evidence: {},
    reason: 'the run was interrupted (SIGTERM)',
    ...overrides,
  };
}

export function monitorRun(overrides: Partial<MonitorRun> = {}): MonitorRun {
  return {
    monitor: 'awsiam',
    version: '0.1.0',
    mode: 'live',
    instance: 'us-east-1',
    startedAt: '2026-11-22T10:00:00.000Z',
    durationMs: 900,
    state: 'passed',
    steps: [passedStep()],
    problems: [],
    leftovers: [],
    warnings: [],
    ...overrides,
  };
}
