import { StandardRetryStrategy } from '@smithy/core/retry';
import type { RetryErrorInfo, StandardRetryToken } from '@smithy/types';

/** Names of AWS's refusals of a request whose time is wrong. */
const clockRefusals =
  /^(SignatureDoesNotMatch|InvalidSignature|RequestExpired|RequestInTheFuture|RequestTimeTooSkewed)/;

/**
 * The SDK's standard retries, with a record of what the SDK itself does not report: how the repeated attempts ended (a lost
 * answer means something else than a refusal), and when the last attempt began.
 *
 * It does not repeat a request that met a quota: the SDK takes `LimitExceeded` for throttling, but in IAM waiting does not
 * help. While the SDK corrects for this host's clock, it repeats every refusal; here only those about the time are repeated.
 */
export class RetryHistory extends StandardRetryStrategy {
  readonly #elapsedMs: () => number;
  /** Errors of this call's attempts that were repeated, or were about to be. */
  failed: unknown[] = [];
  /** How many attempts have begun. */
  attempts = 1;
  #lastAttemptAtMs = 0;

  constructor(maxAttempts: number, elapsedMs: () => number) {
    super(maxAttempts);
    this.#elapsedMs = elapsedMs;
  }

  /** How long ago the call's last attempt began. */
  get sinceLastAttemptMs(): number {
    return this.#elapsedMs() - this.#lastAttemptAtMs;
  }

  /** Starts the record of a new call. Also called directly, since a call without credentials fails before its first attempt. */
  begin(): void {
    this.failed = [];
    this.attempts = 1;
    this.#lastAttemptAtMs = this.#elapsedMs();
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
    const failed = this.failed;
    failed.push(error);
    try {
      // Returns after the delay.
      const next = await super.refreshRetryTokenForRetry(token, errorInfo);
      this.attempts += 1;
      this.#lastAttemptAtMs = this.#elapsedMs();
      return next;
    } catch (refusal) {
      failed.pop();
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
