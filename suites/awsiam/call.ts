import type { MetadataBearer } from '@smithy/types';
import { roundMs } from '../../runner/clock.ts';
import { pause } from '../../runner/deadline.ts';
import type { StepContext } from '../../runner/monitor.ts';
import { AttemptLog, metadataOf, type Outcome } from './attempt-log.ts';
import { isOwner, linksOf, mayNeedRemoval, type Change, type EntityName } from './entities.ts';
import {
  codeOf,
  hadNoEffect,
  isAlreadyDone,
  isNotYetVisible,
  isUnanswered,
  PropagationError,
} from './errors/error-kinds.ts';
import { policyArnOf, type Session } from './session.ts';

interface Removal {
  /** IAM's name of the request. */
  readonly operation: string;
  readonly send: (session: Session, options: { readonly abortSignal: AbortSignal }) => Promise<MetadataBearer>;
}

/** The one request that removes each entity of this run. Steps and teardown share it. */
export const removals = {
  user: {
    operation: 'DeleteUser',
    send: ({ iam, names }, options) => iam.deleteUser({ UserName: names.user }, options),
  },
  group: {
    operation: 'DeleteGroup',
    send: ({ iam, names }, options) => iam.deleteGroup({ GroupName: names.group }, options),
  },
  membership: {
    operation: 'RemoveUserFromGroup',
    send: ({ iam, names }, options) =>
      iam.removeUserFromGroup({ UserName: names.user, GroupName: names.group }, options),
  },
  attachment: {
    operation: 'DetachUserPolicy',
    send: async (session, options) =>
      await session.iam.detachUserPolicy({ UserName: session.names.user, PolicyArn: policyArnOf(session) }, options),
  },
} as const satisfies Record<EntityName, Removal>;

/** Pauses between requests while a change is not visible yet. */
const propagationPauses = { firstMs: 200, factor: 1.5, maxMs: 5000 } as const;

/**
 * Makes one IAM call of a step. Sends it with the SDK's retries, waits while an earlier change of this run is not visible
 * yet, works out what became of a request whose answer was lost, keeps track of what exists, and records the evidence.
 *
 * @returns the answer, or `undefined` if the call was carried out but its answer was lost
 * @throws the SDK's error, or {@link PropagationError} when the change did not become visible in time
 */
export async function call<A extends MetadataBearer>(
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
  /** Whether an earlier request may have been carried out although no answer said so. */
  let mayBeDone = false;
  /** Whether an answer with a failure left open if the entity exists. IAM will not carry out that request later. */
  let isUncertain = false;
  /** Why the request before this one failed. */
  let earlierFailure: unknown;
  const log = new AttemptLog(context.evidence, { operation, startMs: elapsedMs() });

  let waitingSinceMs: number | undefined;
  try {
    for (let pauseMs: number = propagationPauses.firstMs; ; pauseMs *= propagationPauses.factor) {
      entities[entity] = 'possible';
      history.begin();
      context.waitingFor = describeWait(operation, earlierFailure);
      // Counted before the answer: the SDK may ignore an abort for a while, and teardown starts in the meantime.
      const inFlight = 'makes' in change ? 1 : 0;
      unanswered[entity] += inFlight;
      try {
        const answer = await send({ abortSignal: context.signal });
        unanswered[entity] -= inFlight;
        recordAttempts(session, context.evidence, log, { answer });
        if ('makes' in change) unanswered[entity] += history.failed.filter(isUnanswered).length;
        entities[entity] = after;
        return answer;
      } catch (error) {
        unanswered[entity] -= inFlight;
        recordAttempts(session, context.evidence, log, { error });
        // The error of a call that was cut off between two attempts belongs to no attempt.
        const failures = history.attempts > history.failed.length ? [...history.failed, error] : history.failed;
        const inconclusive = failures.filter((failure) => !hadNoEffect(failure));
        const withoutAnswer = 'makes' in change ? inconclusive.filter(isUnanswered).length : 0;
        mayBeDone ||= inconclusive.length > 0;
        isUncertain ||= inconclusive.length > withoutAnswer;
        unanswered[entity] += withoutAnswer;
        if (mayBeDone && isAlreadyDone(error, change)) {
          // One of the unanswered requests made it, unless a request that was answered with a failure did.
          if ('makes' in change && !isUncertain) unanswered[entity] -= 1;
          entities[entity] = after;
          const found = 'makes' in change ? 'was there already' : 'was gone already';
          context.evidence.resolution = `an answer was lost; the repeated request found that the ${entity} ${found}`;
          return undefined;
        }
        if (!isUncertain) entities[entity] = before;
        if (context.signal.aborted) {
          // The failures before a deadline or a signal explain more than the abort.
          context.waitingFor = describeWait(operation, history.failed.at(-1) ?? earlierFailure);
          throw context.signal.reason;
        }
        earlierFailure = error;
        if (!isNotYetVisible(error, change)) throw error;
        waitingSinceMs ??= elapsedMs();
        const leftMs = propagationTimeoutMs - (elapsedMs() - waitingSinceMs);
        if (leftMs <= 0) throw new PropagationError(error as Error, elapsedMs() - waitingSinceMs);
        log.waitForPropagation();
        context.waitingFor = `an earlier change to become visible to ${operation}, which IAM answers with ${codeOf(error)}`;
        if (codeOf(error) === 'DeleteConflict') await removeLateLinks(session, context, entity);
        // Random, so that monitors that were paused together do not all send at once.
        const jitteredMs = pauseMs * (1 + Math.random());
        await pause(Math.min(jitteredMs, propagationPauses.maxMs, leftMs), context.signal);
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
 * IAM may carry out an unanswered AddUserToGroup or AttachUserPolicy after its step was undone. Then it refuses to delete
 * the user or the group however long we wait, so the link is removed once more.
 */
async function removeLateLinks(session: Session, context: StepContext, entity: EntityName): Promise<void> {
  if (!isOwner(entity)) return;
  for (const link of linksOf[entity]) {
    if (session.unanswered[link] === 0 || !mayNeedRemoval(session, link)) continue;
    try {
      await removals[link].send(session, { abortSignal: context.signal });
      context.evidence.resolution = `IAM carried out an unanswered request late; the ${link} was removed once more`;
    } catch {
      // The link is not there, or IAM fails. The deletion is repeated, and its answer counts.
    }
  }
}

/** Adds one call of the SDK, with all of its attempts, to a step's evidence. */
function recordAttempts(
  { history, transport, elapsedMs }: Session,
  evidence: StepContext['evidence'],
  log: AttemptLog,
  outcome: Outcome,
): void {
  const endMs = elapsedMs();
  log.add(history, outcome, endMs);
  const { requestId, httpStatusCode, attempts, totalRetryDelay } = metadataOf(outcome);
  evidence.attempts = (evidence.attempts ?? 0) + (attempts ?? history.attempts);
  evidence.retryDelayMs = roundMs((evidence.retryDelayMs ?? 0) + (totalRetryDelay ?? 0));
  evidence.lastAttemptMs = roundMs(endMs - history.lastAttemptAtMs);
  const connectMs = transport.takeConnectMs();
  if (connectMs !== undefined) evidence.connectMs = roundMs((evidence.connectMs ?? 0) + connectMs);
  // Both from the last answer only: an id from one attempt beside a status from another would mislead.
  delete evidence.requestId;
  delete evidence.httpStatus;
  if (requestId !== undefined) evidence.requestId = requestId;
  if (httpStatusCode !== undefined) evidence.httpStatus = httpStatusCode;
}
