import pRetry from 'p-retry';
import type { StepContext } from '../../runner/monitor.ts';
import { roundMs } from '../../runner/round-ms.ts';
import type { Change } from './entities.ts';
import {
  httpStatusOf,
  isAlreadyDone,
  isWithoutEffect,
  isNotYetVisible,
  PropagationError,
} from './errors/error-kinds.ts';
import { recordAttempts, type Answer } from './record-attempts.ts';
import type { Session } from './session.ts';

/** For a change to become visible: wait 200 ms first, then longer and longer. */
const backoff = { minTimeout: 200, factor: 1.5, maxTimeout: 5000, randomize: true, retries: Infinity } as const;

/**
 * Makes one IAM call of a step: sends it with the SDK's retries, waits while an earlier change of this run is not yet
 * visible, resolves answers that were lost, keeps track of what exists and writes down the evidence.
 *
 * @returns the answer, or `undefined` where the call is known to have been carried out but its answer was lost
 * @throws the SDK's error, or {@link PropagationError} when waiting was in vain
 */
export async function call<A extends Answer>(
  session: Session,
  context: StepContext,
  operation: string,
  change: Change,
  send: (options: { readonly abortSignal: AbortSignal }) => Promise<A>,
): Promise<A | undefined> {
  const { entities, history, elapsedMs } = session;
  const entity = 'makes' in change ? change.makes : change.removes;
  const before = entities[entity];
  const after = 'makes' in change ? 'present' : 'absent';
  /** An attempt may have been carried out although its answer did not come. */
  let lost = false;
  let waitingSinceMs: number | undefined;

  const attempt = async (): Promise<A | undefined> => {
    entities[entity] = 'possible';
    history.begin();
    context.waitingFor = `the answer to ${operation}`;
    try {
      const answer = await send({ abortSignal: context.signal });
      recordAttempts(session, context.evidence, answer);
      entities[entity] = after;
      return answer;
    } catch (error) {
      recordAttempts(session, context.evidence, error);
      lost ||= history.failed.some((failed) => !isWithoutEffect(failed));
      if (lost && isAlreadyDone(error, change)) {
        entities[entity] = after;
        const found = 'makes' in change ? 'was there already' : 'was gone already';
        context.evidence.resolution = `an answer was lost; the repeated request found that the ${entity} ${found}`;
        return undefined;
      }
      lost ||= !isWithoutEffect(error);
      if (!lost) entities[entity] = before;
      else if ('makes' in change && httpStatusOf(error) === undefined) entities[entity] = 'pending';
      throw error;
    }
  };

  try {
    return await pRetry(attempt, {
      ...backoff,
      maxRetryTime: session.config.propagationTimeoutMs,
      signal: context.signal,
      shouldRetry: ({ error }) => isNotYetVisible(error, change),
      onFailedAttempt: ({ error }) => {
        if (isNotYetVisible(error, change)) waitingSinceMs ??= elapsedMs();
        context.waitingFor = `an earlier change to become visible to ${operation}`;
      },
    });
  } catch (error) {
    if (waitingSinceMs === undefined || !isNotYetVisible(error, change)) throw error;
    throw new PropagationError(error as Error, elapsedMs() - waitingSinceMs);
  } finally {
    if (waitingSinceMs !== undefined) context.evidence.propagationMs = roundMs(elapsedMs() - waitingSinceMs);
  }
}
