import { copyError } from '../../../text/copy-error.ts';
import type { StepError } from '../../../runner/step-result.ts';

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
