import { StandardRetryStrategy } from '@smithy/core/retry';
import type { RetryErrorInfo, StandardRetryToken } from '@smithy/types';

/** How AWS refuses a request whose time is wrong. */
const clockRefusals =
  /^(SignatureDoesNotMatch|InvalidSignature|RequestExpired|RequestInTheFuture|RequestTimeTooSkewed)/;

/**
 * The SDK's standard retries, which remember what the SDK itself does not tell: how the attempts ended that were
 * followed by another one (a lost answer is something else than a refusal), and when the last one began.
 *
 * A quota is not retried: the SDK takes `LimitExceeded` for throttling, but in IAM it is an answer that waiting does not change.
 * Nor is a refusal because this host's clock is wrong: the SDK repeats each of them as long as it corrects the clock.
 */
export class RetryHistory extends StandardRetryStrategy {
  readonly #elapsedMs: () => number;
  #failed: unknown[] = [];
  #lastAttemptAtMs = 0;

  constructor(maxAttempts: number, elapsedMs: () => number) {
    super(maxAttempts);
    this.#elapsedMs = elapsedMs;
  }

  /** Errors of the attempts that were repeated, since the call began. */
  get failed(): readonly unknown[] {
    return this.#failed;
  }

  /** How long ago the call's last attempt began. */
  get sinceLastAttemptMs(): number {
    return this.#elapsedMs() - this.#lastAttemptAtMs;
  }

  /** Forgets the call before. One that fails before its first attempt, for want of credentials, has no attempts. */
  begin(): void {
    this.#failed = [];
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
    if (error instanceof Error && isRefusalBesideTheClock(error, errorInfo)) throw error;
    // Waits out the delay before it returns.
    const next = await super.refreshRetryTokenForRetry(token, errorInfo);
    this.#failed.push(error);
    this.#lastAttemptAtMs = this.#elapsedMs();
    return next;
  }
}

interface ClockMetadata {
  readonly $metadata?: { readonly clockSkewCorrected?: boolean; readonly httpStatusCode?: number };
}

function isRefusalBesideTheClock(error: Error, { errorType }: RetryErrorInfo): boolean {
  const { clockSkewCorrected, httpStatusCode = 0 } = (error as ClockMetadata).$metadata ?? {};
  const isRefusal = errorType === 'TRANSIENT' && httpStatusCode >= 400 && httpStatusCode < 500;
  return clockSkewCorrected === true && isRefusal && !clockRefusals.test(error.name);
}
