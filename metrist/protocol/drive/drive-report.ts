import { commonFields, formatMetristTime, type MetristResult } from '../../delivery/results.ts';
import type { Metadata } from '../../result-text.ts';
import type { LogLevel } from '../messages.ts';

/** A step that the monitor reported as passed. It becomes telemetry. */
export interface DrivenPass {
  readonly state: 'passed';
  readonly name: string;
  /** With `Step Time`, the monitor's own measurement. With `Step OK`, the Orchestrator's, in whole milliseconds. */
  readonly durationMs: number;
  readonly metadata: Metadata;
  /** From writing `Run Step` to the answer. */
  readonly answeredAfterMs: number;
}

/** A step that the monitor reported as failed, or that took too long for the Orchestrator. It becomes an error. */
export interface DrivenFailure {
  readonly state: 'failed';
  readonly name: string;
  readonly text: string;
  readonly metadata: Metadata;
  /** From writing `Run Step` to the answer, or to the timeout. */
  readonly answeredAfterMs: number;
}

/** The outcome of one step. Plain and JSON-safe. */
export type DrivenStep =
  | DrivenPass
  | DrivenFailure
  /** An earlier step failed; its error names this one. */
  | { readonly state: 'blocked'; readonly name: string }
  /** It started, but the Orchestrator would report nothing about it. `reason`: `the monitor ended while CreateUser ran`. */
  | { readonly state: 'lost'; readonly name: string; readonly reason: string }
  /** The run ended before this step, although no step had failed. Nothing is reported about this one. */
  | { readonly state: 'notRun'; readonly name: string };

/** How a process ended. One of the two is `null`. */
export interface MonitorExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What happens during a run, reported at once. */
export type DriveEvent =
  | { readonly kind: 'step'; readonly step: DrivenStep }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly text: string }
  /** One line of the monitor's stderr. */
  | { readonly kind: 'stderr'; readonly line: string }
  /** The monitor broke the protocol. */
  | { readonly kind: 'problem'; readonly text: string }
  /** Worth knowing, but not the monitor's fault. */
  | { readonly kind: 'notice'; readonly text: string };

/** How well a monitor followed the protocol, and what would be reported. Plain and JSON-safe. */
export interface DriveReport {
  /** One for each requested step, in order. */
  readonly steps: readonly DrivenStep[];
  /** Where the monitor broke the protocol: a sentence each. */
  readonly problems: readonly string[];
  /** From the start of the process to its `Started`. */
  readonly startedAfterMs?: number;
  /** From the start of the process to its `Configured`. */
  readonly configuredAfterMs?: number;
  /** From the start of the process until it has ended and all of its output is read. */
  readonly wallMs: number;
  readonly exit: MonitorExit;
  /** Whether the run was stopped from outside. */
  readonly interrupted: boolean;
}

/** Whether every step passed and the monitor followed the protocol. */
export function isSuccessful({ steps, problems, interrupted }: DriveReport): boolean {
  return !interrupted && problems.length === 0 && steps.every(({ state }) => state === 'passed');
}

/**
 * What the Orchestrator would post after a run, in order: telemetry for each step that passed, and an error for the one
 * that failed, with the steps that it blocks. It posts nothing about steps that were lost or did not run.
 *
 * @param as the monitor's logical name, the place of the run as Metrist shows it, and the time of an error
 */
export function toReportedResults(
  { steps }: Pick<DriveReport, 'steps'>,
  as: { readonly monitor: string; readonly instance: string; readonly now: Date },
): MetristResult[] {
  return steps.flatMap((step, index): MetristResult[] => {
    if (step.state !== 'passed' && step.state !== 'failed') return [];
    const common = commonFields(as.monitor, as.instance, step.name, step.metadata);
    if (step.state === 'passed') return [{ kind: 'telemetry', body: { ...common, value: step.durationMs } }];
    const time = formatMetristTime(as.now.getTime());
    const blocked = steps.slice(index + 1).map(({ name }) => name);
    return [{ kind: 'error', body: { ...common, message: step.text, time, blocked_steps: blocked } }];
  });
}
