import { StandardRetryStrategy } from '@smithy/core/retry';
import type { RetryErrorInfo, StandardRetryToken } from '@smithy/types';

/** Names of AWS's refusals of a request whose time is wrong. */
const clockRefusals =
  /^(SignatureDoesNotMatch|InvalidSignature|RequestExpired|RequestInTheFuture|RequestTimeTooSkewed)/;

/** An attempt that failed and was repeated, or was about to be. Times are those of the history's clock. */
export interface RepeatedAttempt {
  readonly startMs: number;
  readonly endMs: number;
  readonly error: unknown;
}

/**
 * The SDK's standard retries, with a record of what the SDK itself does not report: when the attempts began, and how the
 * repeated ones ended (a lost answer means something else than a refusal).
 *
 * It does not repeat a request that met a quota: the SDK takes `LimitExceeded` for throttling, but in IAM waiting does not
 * help. While the SDK corrects for this host's clock, it repeats every refusal; here only those about the time are repeated.
 */
export class RetryHistory extends StandardRetryStrategy {
  readonly #elapsedMs: () => number;
  /** This call's attempts that were repeated, or were about to be. */
  repeated: RepeatedAttempt[] = [];
  /** How many attempts have begun. */
  attempts = 1;
  /** When the last attempt began. */
  lastAttemptAtMs = 0;

  constructor(maxAttempts: number, elapsedMs: () => number) {
    super(maxAttempts);
    this.#elapsedMs = elapsedMs;
  }

  /** The errors of {@link repeated}. */
  get failed(): unknown[] {
    return this.repeated.map(({ error }) => error);
  }

  /** Starts the record of a new call. Also called directly, since a call without credentials fails before its first attempt. */
  begin(): void {
    this.repeated = [];
    this.attempts = 1;
    this.lastAttemptAtMs = this.#elapsedMs();
  }

  override async acquireInitialRetryToken(scope: string): Promise<StandardRetryToken> {
    this.begin();
    return await super.acquireInitialRetryToken(scope);
  }

  override async refreshRetryTokenForRetry(
    token: StandardRetryToken,
    errorInfo: RetryErrorInfo,
  ): Promise<StandardRetryToken> {
    const error: unknown = errorInfo.error;
    if (error instanceof Error && error.name.startsWith('LimitExceeded')) throw error;
    if (error instanceof Error && isUnrelatedToClock(error, errorInfo)) throw error;
    // Recorded before the delay, because the call may be aborted during it.
    const { repeated, lastAttemptAtMs: startMs } = this;
    repeated.push({ startMs, endMs: this.#elapsedMs(), error });
    try {
      // Returns after the delay.
      const next = await super.refreshRetryTokenForRetry(token, errorInfo);
      this.attempts += 1;
      this.lastAttemptAtMs = this.#elapsedMs();
      return next;
    } catch (refusal) {
      repeated.pop();
      throw refusal;
    }
  }
}

interface ClockMetadata {
  readonly $metadata?: { readonly clockSkewCorrected?: boolean; readonly httpStatusCode?: number };
}

function isUnrelatedToClock(error: Error, { errorType }: RetryErrorInfo): boolean {
  const { clockSkewCorrected, httpStatusCode = 0 } = (error as ClockMetadata).$metadata ?? {};
  const isRefusal = errorType === 'TRANSIENT' && httpStatusCode >= 400 && httpStatusCode < 500;
  return clockSkewCorrected === true && isRefusal && !clockRefusals.test(error.name);
}
