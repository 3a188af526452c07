import type { StepResult } from './step-result.ts';

/** `live` watches the real service; `offline` runs the same steps over a mock. */
export type RunMode = 'live' | 'offline';

/** Something that went wrong outside of every step: a refused setting, a module that did not load, an unhandled error, an empty run. */
export interface RunProblem {
  readonly kind: 'configuration' | 'load' | 'unhandled' | 'empty' | 'hook';
  readonly message: string;
  readonly stack?: string;
}

/** An entity that this run made and could not remove. */
export interface Leftover {
  /** What it is and its name: `user testuser-prod-…`. */
  readonly entity: string;
  /** Why it is still there. */
  readonly reason: string;
  /** The command that removes it. Absent offline: it is gone with the process. */
  readonly command?: string;
}

/** What a run's teardown has to say. */
export interface TeardownReport {
  readonly leftovers: readonly Leftover[];
  readonly warnings: readonly string[];
}

/** What became of the entities that earlier, killed runs left. */
export interface SweepReport {
  readonly removed: number;
  /** Entities of this namespace that are still there: too young, or not to be removed. */
  readonly remaining: number;
  readonly warnings: readonly string[];
}

/** One pass over the steps, as every reporter gets it: whole, in step order, plain and JSON-safe, free of secrets. */
export interface MonitorRun {
  /** The monitor's logical name: `awsiam`. */
  readonly monitor: string;
  /** Version of this product. */
  readonly version: string;
  readonly mode: RunMode;
  /** Where it ran (`METRIST_INSTANCE_ID`), if that was said. */
  readonly instance?: string;
  /** When the first step started, or the run itself where no step did. ISO 8601, UTC. */
  readonly startedAt: string;
  /** From `startedAt` to the end of the last step. */
  readonly durationMs: number;
  readonly state: 'passed' | 'failed' | 'interrupted';
  /** Every step of the monitor once, in order, also those that never ran. */
  readonly steps: readonly StepResult[];
  readonly problems: readonly RunProblem[];
  readonly leftovers: readonly Leftover[];
  /** How many entities of earlier, killed runs the sweep removed; absent where it did not run. */
  readonly swept?: number;
  readonly warnings: readonly string[];
}
