import type { Monitor } from '../../../runner/monitor.ts';
import type { MonitorRunner } from '../../../runner/run-monitor.ts';
import type { Evidence, PassedStep, StepError } from '../../../runner/step-result.ts';
import { describeStepError, toMetadata } from '../../result-text.ts';
import type { FromMonitor } from '../messages.ts';
import { explainBug, refuseStep, refuseUnknownStep } from './refusals.ts';

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
