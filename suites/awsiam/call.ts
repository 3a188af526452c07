import { pause } from '../../runner/deadline.ts';
import type { StepContext } from '../../runner/monitor.ts';
import { roundMs } from '../../runner/clock.ts';
import { isSelfStanding, mayExist, tiesOf, type Change, type EntityName } from './entities.ts';
import {
  codeOf,
  isAlreadyDone,
  isNotYetVisible,
  isUnanswered,
  isWithoutEffect,
  PropagationError,
} from './errors/error-kinds.ts';
import { type Session, policyArnOf } from './session.ts';

/** Pauses between two requests while a change is not visible: the first one, how they grow, and the longest. */
const propagationPauses = { firstMs: 200, factor: 1.5, longestMs: 5000 } as const;

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
  const { entities, unanswered, history, elapsedMs } = session;
  const { propagationTimeoutMs } = session.config;
  const entity = 'makes' in change ? change.makes : change.removes;
  const before = entities[entity];
  const after = 'makes' in change ? 'present' : 'absent';
  /** An attempt may have been carried out although its answer did not come. */
  let lost = false;
  /** IAM's answers leave open whether the entity exists, but IAM will not carry out a request later. */
  let isOpen = false;
  /** Why the request before this one failed. */
  let earlierFailure: unknown;

  const attempt = async (): Promise<A | undefined> => {
    entities[entity] = 'possible';
    history.begin();
    context.waitingFor = describeWait(operation, earlierFailure);
    // Counts until the SDK says more: it may ignore an abort for a while, and teardown begins in the meantime.
    const inFlight = 'makes' in change ? 1 : 0;
    unanswered[entity] += inFlight;
    try {
      const answer = await send({ abortSignal: context.signal });
      unanswered[entity] -= inFlight;
      recordAttempts(session, context.evidence, answer);
      if ('makes' in change) unanswered[entity] += history.failed.filter(isUnanswered).length;
      entities[entity] = after;
      return answer;
    } catch (error) {
      unanswered[entity] -= inFlight;
      recordAttempts(session, context.evidence, error);
      // A call that was cut off between two attempts fails with an error that is no attempt's.
      const failures = history.attempts > history.failed.length ? [...history.failed, error] : history.failed;
      const doubtful = failures.filter((failure) => !isWithoutEffect(failure));
      const silent = 'makes' in change ? doubtful.filter(isUnanswered).length : 0;
      lost ||= doubtful.length > 0;
      isOpen ||= doubtful.length > silent;
      unanswered[entity] += silent;
      if (lost && isAlreadyDone(error, change)) {
        // One of the unanswered requests has made it, unless it was one that was answered with a failure.
        if ('makes' in change && !isOpen) unanswered[entity] -= 1;
        entities[entity] = after;
        const found = 'makes' in change ? 'was there already' : 'was gone already';
        context.evidence.resolution = `an answer was lost; the repeated request found that the ${entity} ${found}`;
        return undefined;
      }
      if (!isOpen) entities[entity] = before;
      // A deadline or a signal cut the request off. The failures before it explain more.
      if (context.signal.aborted) context.waitingFor = describeWait(operation, history.failed.at(-1) ?? earlierFailure);
      else earlierFailure = error;
      throw error;
    }
  };

  let waitingSinceMs: number | undefined;
  try {
    for (let pauseMs: number = propagationPauses.firstMs; ; pauseMs *= propagationPauses.factor) {
      try {
        return await attempt();
      } catch (error) {
        context.signal.throwIfAborted();
        if (!isNotYetVisible(error, change)) throw error;
        waitingSinceMs ??= elapsedMs();
        const leftMs = propagationTimeoutMs - (elapsedMs() - waitingSinceMs);
        if (leftMs <= 0) throw new PropagationError(error as Error, elapsedMs() - waitingSinceMs);
        context.waitingFor = `an earlier change to become visible to ${operation}, which IAM answers with ${codeOf(error)}`;
        if (codeOf(error) === 'DeleteConflict') await undoLateTies(session, context, entity);
        // A random pause, so that monitors that were paused together do not all ask at once.
        const jitteredMs = pauseMs * (1 + Math.random());
        await pause(Math.min(jitteredMs, propagationPauses.longestMs, leftMs), context.signal);
      }
    }
  } finally {
    if (waitingSinceMs !== undefined) context.evidence.propagationMs = roundMs(elapsedMs() - waitingSinceMs);
  }
}

function describeWait(operation: string, earlierFailure: unknown): string {
  const repeated = earlierFailure === undefined ? '' : `, repeated after ${codeOf(earlierFailure)}`;
  return `the answer to ${operation}${repeated}`;
}

/**
 * An unanswered AddUserToGroup or AttachUserPolicy of this run may be carried out after its step was undone, and then IAM
 * rightly refuses to delete the user or the group. No waiting helps there: it has to be undone once more.
 */
async function undoLateTies(session: Session, context: StepContext, entity: EntityName): Promise<void> {
  if (!isSelfStanding(entity)) return;
  for (const tie of tiesOf[entity]) {
    if (session.unanswered[tie] === 0 || !mayExist(session, tie)) continue;
    try {
      await removals[tie](session, { abortSignal: context.signal });
      context.evidence.resolution = `IAM carried out an unanswered request late; the ${tie} was removed once more`;
    } catch {
      // The entity is not there, or IAM fails. The deletion is repeated, and its answer counts.
    }
  }
}

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

type Removal = (session: Session, options: { readonly abortSignal: AbortSignal }) => Promise<Answer>;

/** The one request that removes each entity of this run. */
export const removals: Readonly<Record<EntityName, Removal>> = {
  user: ({ iam, names }, options) => iam.deleteUser({ UserName: names.user }, options),
  group: ({ iam, names }, options) => iam.deleteGroup({ GroupName: names.group }, options),
  membership: ({ iam, names }, options) =>
    iam.removeUserFromGroup({ UserName: names.user, GroupName: names.group }, options),
  attachment: async (session, options) =>
    await session.iam.detachUserPolicy({ UserName: session.names.user, PolicyArn: policyArnOf(session) }, options),
};
