import type { Metadata } from '../../result-text.ts';
import type { LogLevel } from '../messages.ts';

/** The monitor said that the step succeeded: telemetry. */
export interface DrivenPass {
  readonly state: 'passed';
  readonly name: string;
  readonly durationMs: number;
  /** Whose clock the time is from: `Step Time` brings the monitor's own; with `Step OK` it is the Orchestrator's. */
  readonly source: 'monitor' | 'orchestrator';
  readonly metadata: Metadata;
  /** From writing `Run Step` to the answer. */
  readonly answeredAfterMs: number;
}

/** The step failed: an error. */
export interface DrivenFailure {
  readonly state: 'failed';
  readonly name: string;
  /** Who says so: after a timeout it is the Orchestrator. */
  readonly source: 'monitor' | 'orchestrator';
  readonly text: string;
  readonly metadata: Metadata;
  /** From writing `Run Step` to the answer, or to giving up. */
  readonly answeredAfterMs: number;
}

/** What became of one step. Plain and JSON-safe. */
export type DrivenStep =
  | DrivenPass
  | DrivenFailure
  /** An earlier step failed: named in its error. */
  | { readonly state: 'blocked'; readonly name: string }
  /** It ran, and the Orchestrator would report nothing of it. `reason`: `the monitor ended`. */
  | { readonly state: 'lost'; readonly name: string; readonly reason: string }
  /** The run ended without a failed step before it: nothing is reported either. */
  | { readonly state: 'notRun'; readonly name: string };

/** How a process ended. One of the two is `null`. */
export interface MonitorExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What happens while a monitor is driven, at once. */
export type DriveEvent =
  | { readonly kind: 'step'; readonly step: DrivenStep }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly text: string }
  /** One line of the monitor's stderr. */
  | { readonly kind: 'stderr'; readonly line: string }
  | { readonly kind: 'problem'; readonly text: string }
  /** Not the monitor's fault. */
  | { readonly kind: 'notice'; readonly text: string };

/** How a monitor spoke the protocol, and what would be reported. Plain and JSON-safe. */
export interface DriveReport {
  /** One for each step that was asked for, in order. */
  readonly steps: readonly DrivenStep[];
  /** Where the monitor broke the protocol: a sentence each. */
  readonly problems: readonly string[];
  /** From starting the process to its `Started`. */
  readonly startedAfterMs?: number;
  /** From starting the process to its `Configured`. */
  readonly configuredAfterMs?: number;
  /** From starting the process to its end, with all of its output read. */
  readonly wallMs: number;
  readonly exit: MonitorExit;
  /** Bytes on stdout that were no message. */
  readonly strayBytes: number;
  /** Whether the run was stopped from outside. */
  readonly interrupted: boolean;
}

/** Whether every step succeeded and the monitor broke no rule. */
export function isFlawless({ steps, problems, interrupted }: DriveReport): boolean {
  return !interrupted && problems.length === 0 && steps.every(({ state }) => state === 'passed');
}

/** How long the Orchestrator waits for what, in milliseconds. */
export interface DriveLimits {
  /** For output during the handshake. */
  readonly handshakeSilenceMs: number;
  /** Without any sign of the monitor and without a word to it. */
  readonly inactivityMs: number;
  /** From `Exit` after the last step to the end of the process. */
  readonly finishMs: number;
  /** From `Exit` after a failed step to SIGTERM. */
  readonly terminateAfterMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly killAfterMs: number;
}

/** Metrist-Software/orchestrator `protocol_handler.ex`, and erlexec's own for the last. */
export const orchestratorLimits: DriveLimits = {
  handshakeSilenceMs: 60_000,
  inactivityMs: 15 * 60_000,
  finishMs: 5 * 60_000,
  terminateAfterMs: 5,
  killAfterMs: 5_000,
};
