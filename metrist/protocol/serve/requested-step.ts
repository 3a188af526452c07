import { abortWith } from '../../../runner/deadline.ts';
import type { Monitor } from '../../../runner/monitor.ts';
import type { MonitorRunner } from '../../../runner/run-monitor.ts';
import type { Evidence, FailedStep, PassedStep, StepError } from '../../../runner/step-result.ts';
import { copyError } from '../../../text/copy-error.ts';
import { describeStepError, toMetadata } from '../../result-text.ts';
import type { SentMessage } from '../messages.ts';

/** A requested step that did not pass, for any reason. */
export type StepFailure = Pick<FailedStep, 'state' | 'evidence' | 'error'>;

/** A monitor that has its configuration. */
export interface ConfiguredRun<Config, Session> {
  readonly monitor: Monitor<Config, Session>;
  readonly runner: MonitorRunner<Config, Session>;
}

interface RequestedStepOptions<Config, Session> {
  /** `undefined` before the Config has arrived. */
  readonly run: ConfiguredRun<Config, Session> | undefined;
  /** The step whose failure ended the run. */
  readonly failedStep: string | undefined;
  /** Aborted when the run must end. */
  readonly stop: AbortSignal;
  /** Aborted with the first uncaught error. */
  readonly crash: AbortSignal;
}

/**
 * Runs a step that the Orchestrator asked for, or says why it does not run.
 *
 * @returns `undefined` if the step was interrupted from outside, which is neither a success nor a failure
 */
export async function runRequestedStep<Config, Session>(
  name: string,
  { run, failedStep, stop, crash }: RequestedStepOptions<Config, Session>,
): Promise<PassedStep | StepFailure | undefined> {
  if (failedStep !== undefined) return refuse('StepNotRun', name, `the run ended when ${failedStep} failed`);
  if (run === undefined) {
    if (crash.aborted) return fail(explainBug(crash.reason, name));
    const startAdvice = 'The Metrist Orchestrator starts a monitor. To play its part, use awsiam drive.';
    return refuse('NoConfig', name, 'the Orchestrator asked for a step before it sent its Config', startAdvice);
  }
  const { monitor, runner } = run;
  const known = monitor.steps.map((step) => step.name);
  if (!known.includes(name)) {
    return refuse('UnknownStep', name, `${monitor.name} has no such step; it has ${known.join(', ')}`);
  }
  using end = abortWith(stop, crash);
  const result = await runner.step(name, end.signal);
  switch (result.state) {
    case 'passed':
    case 'failed':
      return result;
    case 'blocked':
      return refuse('StepNotRun', name, result.reason);
    case 'interrupted':
      return crash.aborted ? fail(explainBug(crash.reason, name), result.evidence) : undefined;
    default:
      return result satisfies never;
  }
}

/** The one message that answers `Run Step`. */
export function toAnswer(result: PassedStep | StepFailure): SentMessage {
  if (result.state === 'passed') {
    return { kind: 'stepTime', durationMs: result.durationMs, metadata: toMetadata(result.evidence) };
  }
  const { verdict, code } = result.error;
  const metadata = toMetadata(result.evidence, { verdict, code });
  return { kind: 'stepError', text: describeStepError(result.error), metadata };
}

/** Describes an uncaught error, which belongs to no step. */
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

function refuse(
  code: string,
  name: string,
  reason: string,
  advice = 'Register the steps with their own names and in their order: awsiam register does it.',
): StepFailure {
  return fail({ verdict: 'configuration', code, message: `${code} at ${name}: ${reason}`, advice });
}

function fail(error: StepError, evidence: Evidence = {}): StepFailure {
  return { state: 'failed', evidence, error };
}
