/** One request that a step sent. */
export interface Attempt {
  /** From the start of the step to the start of this attempt. */
  readonly offsetMs: number;
  /** From the start of the attempt to its answer or its failure. */
  readonly durationMs: number;
  readonly httpStatus?: number;
  readonly requestId?: string;
  /** Why it failed, as in {@link StepError}. Absent if it succeeded. */
  readonly code?: string;
  /** Whether it was refused because there were too many requests. */
  readonly throttled?: true;
  /** What the step waited for after it: to try again, or for an earlier change to become visible. Absent if it did not wait. */
  readonly wait?: 'retry' | 'propagation';
}

/** What is known about a step besides its time. JSON-safe, and all of it is flat except `tries`. */
export interface Evidence {
  /** The service's id for the last request. AWS support asks for it. */
  readonly requestId?: string;
  /** HTTP status of the last answer. */
  readonly httpStatus?: number;
  /** How many requests were sent for this step. */
  readonly attempts?: number;
  /** How long the client waited between attempts. */
  readonly retryDelayMs?: number;
  /** How long the step waited for an earlier change to become visible. */
  readonly propagationMs?: number;
  /** How long it took to open connections during the step. Absent if an open one was reused. */
  readonly connectMs?: number;
  /** How long the last attempt took, from sending the request to the parsed answer. */
  readonly lastAttemptMs?: number;
  /** How an ambiguous answer was resolved, as a sentence. */
  readonly resolution?: string;
  /**
   * Each attempt, in order. Absent if there was only one and nothing to wait for, because then the other fields say all about
   * it. Of more than 32, only the first and the last 16.
   */
  readonly tries?: readonly Attempt[];
}

/** Why a step failed, in the reader's terms, without secrets. */
export interface StepError {
  readonly verdict: Verdict;
  /** The stable name that the service or Node.js gives the error: `Throttling`, `ECONNRESET`, `AccessDenied`. */
  readonly code: string;
  /** What was attempted and why it failed. */
  readonly message: string;
  /** What the reader can do about it, as a sentence. */
  readonly advice: string;
  readonly stack?: string;
}

/** What is known about every step that ran. */
export interface RanStep {
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** Until the step ended, by the monotonic clock. */
  readonly durationMs: number;
  readonly evidence: Evidence;
}

/** The step did what it was meant to do. */
export interface PassedStep extends RanStep {
  readonly state: 'passed';
}

/** The step failed; the steps after it are blocked. */
export interface FailedStep extends RanStep {
  readonly state: 'failed';
  readonly error: StepError;
}

/** The step did not run. */
export interface BlockedStep {
  readonly state: 'blocked';
  readonly name: string;
  /** Why, as a sentence: `CreateGroup failed`. */
  readonly reason: string;
}

/** Something outside cut the step off, such as a signal. That is neither a success nor a failure. */
export interface InterruptedStep extends RanStep {
  readonly state: 'interrupted';
  readonly reason: string;
}

/** The outcome of one step of a run. Every part of the program passes on this type; it is JSON-safe. */
export type StepResult = PassedStep | FailedStep | BlockedStep | InterruptedStep;

/** The first line of a failure in every report. It starts with the verdict. */
export function formatStepError(error: StepError): string {
  return `${error.verdict}: ${error.message}`;
}

/**
 * Whose fault a failure is: `theirs` is the watched service or the network, `ours` the monitor or the account it runs in. In
 * JUnit, `theirs` is a `<failure>` and `ours` an `<error>`.
 */
export const verdicts = {
  /** A 5xx, or an answer that does not come from the service. */
  service: 'theirs',
  throttled: 'theirs',
  timeout: 'theirs',
  network: 'theirs',
  propagation: 'theirs',
  credentials: 'ours',
  permission: 'ours',
  quota: 'ours',
  configuration: 'ours',
  /** A bug. */
  monitor: 'ours',
} as const;

export type Verdict = keyof typeof verdicts;

export type Side = (typeof verdicts)[Verdict];
