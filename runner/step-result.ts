/** What is known about how a step went, beyond its time. Flat and JSON-safe: every report can carry it as it is. */
export interface Evidence {
  /** The service's id of the last request, for a support case. */
  readonly requestId?: string;
  /** HTTP status of the last answer. */
  readonly httpStatus?: number;
  /** Requests sent for this step, the first one included. */
  readonly attempts?: number;
  /** Time that the client waited between attempts. */
  readonly retryDelayMs?: number;
  /** Time spent waiting for an earlier change to become visible. */
  readonly propagationMs?: number;
  /** Time to open connections during the step. Absent when an open one was reused. */
  readonly connectMs?: number;
  /** Time of the last attempt alone, from sending the request to the parsed answer. */
  readonly lastAttemptMs?: number;
  /** How an ambiguous answer was resolved, as a sentence. */
  readonly resolution?: string;
}

/** Why a step failed, in the reader's terms. All texts are free of secrets. */
export interface StepError {
  readonly verdict: Verdict;
  /** The service's or the platform's stable name of the error: `Throttling`, `ECONNRESET`, `AccessDenied`. */
  readonly code: string;
  /** What was attempted and why it failed. */
  readonly message: string;
  /** What the reader can do about it, as a sentence. */
  readonly advice: string;
  readonly stack?: string;
}

/** The step did what it should. */
export interface PassedStep {
  readonly state: 'passed';
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly evidence: Evidence;
}

/** The step failed; the steps after it are blocked. */
export interface FailedStep {
  readonly state: 'failed';
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly evidence: Evidence;
  readonly error: StepError;
}

/** The step did not run. */
export interface BlockedStep {
  readonly state: 'blocked';
  readonly name: string;
  /** Why, as a sentence: `CreateGroup failed`. */
  readonly reason: string;
}

/** The step was cut off from outside (a signal): neither a success nor a failure. */
export interface InterruptedStep {
  readonly state: 'interrupted';
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly evidence: Evidence;
  readonly reason: string;
}

/** What became of one step of a run. The one type that crosses every border; plain and JSON-safe. */
export type StepResult = PassedStep | FailedStep | BlockedStep | InterruptedStep;

/** The first line of a failure in every report: its verdict comes first. */
export function formatStepError(error: StepError): string {
  return `${error.verdict}: ${error.message}`;
}

/**
 * Whose fault a failure is.
 *
 * Theirs, the watched service or the way to it:
 * `service` (5xx or an answer that is not the service's) · `throttled` · `timeout` · `network` · `propagation`.
 * Ours, the monitor or the account it runs in:
 * `credentials` · `permission` · `quota` · `configuration` · `monitor` (a bug).
 */
export const verdicts = {
  service: 'theirs',
  throttled: 'theirs',
  timeout: 'theirs',
  network: 'theirs',
  propagation: 'theirs',
  credentials: 'ours',
  permission: 'ours',
  quota: 'ours',
  configuration: 'ours',
  monitor: 'ours',
} as const;

export type Verdict = keyof typeof verdicts;
export type Side = (typeof verdicts)[Verdict];

/** Which side a verdict blames: `theirs` is a `<failure>` in JUnit, `ours` an `<error>`. */
export function sideOf(verdict: Verdict): Side {
  return verdicts[verdict];
}
