import type { Monitor } from '../../../runner/monitor.ts';
import type { MonitorRunner } from '../../../runner/run-monitor.ts';
import type { Evidence, PassedStep, StepError } from '../../../runner/step-result.ts';
import { describeStepError, toMetadata } from '../../result-text.ts';
import type { FromMonitor } from '../messages.ts';
import { copyError } from '../../../text/copy-error.ts';

/** A step that was asked for and did not succeed, for whatever reason. */
export interface StepFailure {
  readonly state: 'failed';
  readonly evidence: Evidence;
  readonly error: StepError;
}

export interface RequestedStepOptions<Config, Session> {
  readonly monitor: Monitor<Config, Session>;
  readonly runner: MonitorRunner<Config, Session>;
  /** Aborted when the run shall end. */
  readonly stop: AbortSignal;
  /** Aborted with the error that nobody caught. */
  readonly crash: AbortSignal;
}

/**
 * Runs the step that the Orchestrator asked for, whatever that is.
 *
 * @returns `undefined` where the step was cut off from outside: that is neither a success nor a failure
 */
export async function runRequestedStep<Config, Session>(
  name: string,
  { monitor, runner, stop, crash }: RequestedStepOptions<Config, Session>,
): Promise<PassedStep | StepFailure | undefined> {
  if (!monitor.steps.some((step) => step.name === name)) return fail(refuseUnknownStep(name, monitor));
  const result = await runner.step(name, AbortSignal.any([stop, crash]));
  switch (result.state) {
    case 'passed':
    case 'failed':
      return result;
    case 'blocked':
      return fail(refuseStep(name, result.reason));
    case 'interrupted':
      return crash.aborted ? fail(explainBug(crash.reason, name), result.evidence) : undefined;
    default:
      return result satisfies never;
  }
}

export function fail(error: StepError, evidence: Evidence = {}): StepFailure {
  return { state: 'failed', evidence, error };
}

/** The one message that answers `Run Step`. */
export function toAnswer(result: PassedStep | StepFailure): FromMonitor {
  if (result.state === 'passed') {
    return { kind: 'stepTime', durationMs: result.durationMs, metadata: toMetadata(result.evidence) };
  }
  const { verdict, code } = result.error;
  const metadata = toMetadata(result.evidence, { verdict, code });
  return { kind: 'stepError', text: describeStepError(result.error), metadata };
}

const register = 'Register the steps with their own names and in their order: awsiam register does it.';

/** Why a step that the Orchestrator asked for does not run, though nothing failed. */
export function refuseStep(name: string, reason: string): StepError {
  return {
    verdict: 'configuration',
    code: 'StepNotRun',
    message: `StepNotRun at ${name}: ${reason}`,
    advice: register,
  };
}

type NamedSteps = { readonly name: string; readonly steps: readonly { readonly name: string }[] };

/** The registration names a step that the monitor does not have. */
export function refuseUnknownStep(name: string, monitor: NamedSteps): StepError {
  const known = monitor.steps.map((step) => step.name).join(', ');
  return {
    verdict: 'configuration',
    code: 'UnknownStep',
    message: `UnknownStep at ${name}: ${monitor.name} has no such step; it has ${known}`,
    advice: register,
  };
}

/** The Orchestrator left out what a step needs. */
export function refuseUnconfigured(name: string): StepError {
  return {
    verdict: 'configuration',
    code: 'NoConfig',
    message: `NoConfig at ${name}: the Orchestrator asked for a step before it sent its Config`,
    advice: 'A monitor is started by the Metrist Orchestrator; awsiam drive plays its part.',
  };
}

/** Something broke that belongs to no step, and nobody else can say what. */
export function explainBug(error: unknown, name: string): StepError {
  const { name: code, message, stack } = copyError(error);
  return {
    verdict: 'monitor',
    code,
    message: `${code} at ${name}: ${message}`,
    advice: 'This is a fault of the monitor and says nothing about the service: report it with this message.',
    ...(stack !== undefined && { stack }),
  };
}
