import type { StepContext } from '../../runner/monitor.ts';
import { roundMs } from '../../runner/clock.ts';
import type { Session } from './session.ts';

/** The part of the SDK's answers, and of its errors, that is evidence. */
export interface Answer {
  readonly $metadata: {
    readonly requestId?: string | undefined;
    readonly httpStatusCode?: number | undefined;
    readonly attempts?: number | undefined;
    readonly totalRetryDelay?: number | undefined;
  };
}

/** Adds what one call of the SDK came to, all of its attempts included, to a step's evidence. */
export function recordAttempts(
  { history, transport }: Session,
  evidence: StepContext['evidence'],
  outcome: unknown,
): void {
  const { requestId, httpStatusCode, attempts, totalRetryDelay } = (outcome as Partial<Answer>)?.$metadata ?? {};
  evidence.attempts = (evidence.attempts ?? 0) + (attempts ?? history.attempts);
  evidence.retryDelayMs = roundMs((evidence.retryDelayMs ?? 0) + (totalRetryDelay ?? 0));
  evidence.lastAttemptMs = roundMs(history.sinceLastAttemptMs);
  const connectMs = transport.takeConnectMs();
  if (connectMs !== undefined) evidence.connectMs = roundMs((evidence.connectMs ?? 0) + connectMs);
  // Of the last answer only: an id that belongs to another attempt than the status would mislead.
  delete evidence.requestId;
  delete evidence.httpStatus;
  if (requestId !== undefined) evidence.requestId = requestId;
  if (httpStatusCode !== undefined) evidence.httpStatus = httpStatusCode;
}
