import type { StepResult } from './step-result.ts';

/** `live` watches the real service; `offline` runs the same steps over a mock. */
export type RunMode = 'live' | 'offline';

/** What went wrong outside of the steps: a wrong setting, a module that did not load, an unhandled error, an empty run. */
export interface RunProblem {
  readonly kind: 'configuration' | 'load' | 'unhandled' | 'empty' | 'hook';
  readonly message: string;
  readonly stack?: string;
}

/** An entity that this run made and could not remove. */
export interface Leftover {
  /** Its kind and its name: `user testuser-prod-…`. */
  readonly entity: string;
  /** Why it was not removed. */
  readonly reason: string;
  /** The command that removes it. Absent offline, because the entity disappears with the process. */
  readonly command?: string;
}

/** The outcome of a run's teardown. */
export interface TeardownReport {
  readonly leftovers: readonly Leftover[];
  readonly warnings: readonly string[];
}

/** The outcome of a sweep, which removes what earlier runs left when they were killed. */
export interface SweepReport {
  readonly removed: number;
  /** Entities of this namespace that are left: too young, or impossible to remove. */
  readonly remaining: number;
  readonly warnings: readonly string[];
}

/** Where a run worked, as its settings and its session know it. */
export interface RunFacts {
  readonly namespace?: string;
  readonly region?: string;
  /** Host name of the endpoint that it called. Absent if the session did not open, and offline. */
  readonly endpoint?: string;
  /** Number of the account, 12 digits, from the ARN of an entity that the run made. Absent if it made none. */
  readonly account?: string;
  /** Name of the test user that the run made or tried to make. Absent if the session did not open. */
  readonly testUser?: string;
}

/** The outcome of one run, as every reporter gets it: complete, in step order, JSON-safe, without secrets. */
export interface MonitorRun extends RunFacts {
  /** The monitor's logical name, which is also the title of its vitest suite: `awsiam`. */
  readonly monitor: string;
  /** The version of this product. */
  readonly version: string;
  readonly mode: RunMode;
  /** Where it ran (`METRIST_INSTANCE_ID`), if that is set. */
  readonly instance?: string;
  /** When the first step started, or the run itself if no step did. ISO 8601, UTC. */
  readonly startedAt: string;
  /** From `startedAt` to the end of the last step. */
  readonly durationMs: number;
  readonly state: 'passed' | 'failed' | 'interrupted';
  /** Every step of the monitor once, in order, including those that did not run. */
  readonly steps: readonly StepResult[];
  readonly problems: readonly RunProblem[];
  readonly leftovers: readonly Leftover[];
  /** How many entities of earlier runs the sweep removed. Absent if it did not run. */
  readonly swept?: number;
  /** How many entities of this namespace the sweep left. Absent if it did not run. */
  readonly sweptRemaining?: number;
  /** How many beats of a watch passed without a run since its run before this one. Absent if none did. */
  readonly skippedBeats?: number;
  readonly warnings: readonly string[];
}

/** The state of a run. One that saw something fail did not pass, even if it was also interrupted. */
export function stateOfRun({
  steps,
  problems,
  isInterrupted = false,
}: Pick<MonitorRun, 'steps' | 'problems'> & {
  /** Whether it was interrupted outside of its steps. @default false */
  readonly isInterrupted?: boolean;
}): MonitorRun['state'] {
  if (problems.length > 0 || steps.some(({ state }) => state === 'failed')) return 'failed';
  if (isInterrupted || steps.some(({ state }) => state === 'interrupted')) return 'interrupted';
  return 'passed';
}
