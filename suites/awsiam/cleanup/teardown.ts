import type { MetadataBearer } from '@smithy/types';
import { formatLimit } from '../../../text/duration.ts';
import { abortAfter, abortWith, pause, settleWithin } from '../../../runner/deadline.ts';
import type { Leftover, TeardownReport } from '../../../runner/monitor-run.ts';
import type { Remaining } from '../../../runner/progress.ts';
import {
  isOwner,
  links,
  linksOf,
  mayNeedRemoval,
  owners,
  type EntityName,
  type Existence,
  type Owner,
} from '../entities.ts';
import { codeOf, hadNoEffect, httpStatusOf, isAnswer, isPassingRefusal } from '../errors/error-kinds.ts';
import { explainError } from '../errors/explain-error.ts';
import { groupPath, userPath, assertOwn, ownNamePattern } from '../names.ts';
import { removals } from '../call.ts';
import { policyArnOf, type Session } from '../session.ts';

/** Time limit for one removal, so that a hanging one leaves time for the others. */
const removalTimeoutMs = 15_000;

/** Time limit for removing what exists and may appear again. */
const lateRemovalTimeoutMs = 20_000;

/** Pauses between two attempts at one removal. Each is twice as long as the one before. */
const firstPauseMs = 300;
const maxPauseMs = 3000;
/** The longest pause while the entity may still appear. */
const maxWatchPauseMs = 1000;

/**
 * How many `NoSuchEntity` answers we put down to eventual consistency before we treat the entity as gone: for about 2 s if
 * it may exist. If it was certainly made, we never do.
 */
const notFoundTolerance: Readonly<Record<Existence, number>> = { absent: 0, possible: 3, present: Infinity };

/**
 * Removes what this run made or may have made, in the order that IAM demands. What could not be removed is reported with the
 * command that removes it, and the next sweep tries again.
 *
 * There may be only three seconds for everything. So each removal is first tried once, and what is known to exist does not
 * wait for what only may exist. The rest is then repeated side by side. If a request to make something got no answer, IAM may
 * still carry it out. So we look for what it makes, until every such request has been carried out or `watch` aborts.
 */
export async function teardown(
  session: Session,
  { signal, watch }: { readonly signal: AbortSignal; readonly watch: AbortSignal },
): Promise<TeardownReport> {
  const { names, config } = session;
  assertOwn({ path: userPath, name: names.user }, userPath, ownNamePattern('testuser', config.namespace));
  assertOwn({ path: groupPath, name: names.group }, groupPath, ownNamePattern('testgroup', config.namespace));
  using limits = new DisposableStack();
  const within = (ms: number): AbortSignal =>
    limits.use(abortAfter(ms, `gave up after ${formatLimit(ms)}`, signal)).signal;
  const deadlines: Deadlines = {
    limit: () => within(removalTimeoutMs),
    watch: limits.use(abortWith(watch, signal)).signal,
    longest: within(lateRemovalTimeoutMs),
  };
  const pending: Removal[] = [];
  // A user or a group can be deleted once its links are gone.
  for (const stage of [links, owners]) {
    const begun = stage
      .filter((entity) => mayNeedRemoval(session, entity))
      .map((entity) => new Removal(session, entity));
    pending.push(...begun);
    await Promise.all(begun.map((removal) => removal.tryOnce(deadlines)));
  }
  await Promise.all(pending.map((removal) => removal.finish(deadlines)));
  const leftovers = pending.flatMap(({ entity, reason }): Leftover[] =>
    isOwner(entity) && mayNeedRemoval(session, entity) ? [{ ...nameRemaining(session, entity), reason }] : [],
  );
  return { leftovers, warnings: [] };
}

/** The user and the group of this run, if they exist or may still appear. */
export function remainingOf(session: Session): Remaining[] {
  return owners
    .filter((entity) => mayNeedRemoval(session, entity))
    .map((entity) => ({
      ...nameRemaining(session, entity),
      ...(session.entities[entity] === 'absent' && { isAwaited: true }),
    }));
}

function nameRemaining(session: Session, entity: Owner): Remaining {
  const certainty = { present: '', possible: ' (may exist)', absent: ' (may still appear)' }[session.entities[entity]];
  return { entity: `${entity} ${session.names[entity]}${certainty}`, command: commandFor(session, entity) };
}

interface Deadlines {
  /** Gives a signal that aborts when a removal that begins now has taken too long. */
  readonly limit: () => AbortSignal;
  /** Aborts when we stop waiting for an entity that may still appear. */
  readonly watch: AbortSignal;
  /** Aborts when we give up on an entity that exists, or may exist, and may appear again. */
  readonly longest: AbortSignal;
}

/** The removal of one entity, and what its attempts have shown so far. */
class Removal {
  readonly entity: EntityName;
  readonly #session: Session;
  /** Whether IAM may make the entity, or make it again, during the removal. */
  readonly #mayAppear: boolean;
  #notFound = 0;
  /** Whether an answer was lost, so that the removal may have been carried out. */
  #isAnswerLost = false;
  /** Whether IAM refused the removal and would refuse it again. */
  #isRefused = false;
  /** Why the last attempts did not remove it. */
  #failure: unknown;
  /** Why there were no more attempts. */
  #endReason: unknown;

  constructor(session: Session, entity: EntityName) {
    this.#session = session;
    this.entity = entity;
    this.#mayAppear = session.unanswered[entity] > 0;
  }

  /** Never rejects. */
  async tryOnce(deadlines: Deadlines): Promise<void> {
    await this.#attempt(this.#deadline(deadlines, deadlines.limit()));
  }

  /** Repeats the removal until the entity is gone and cannot come back, or no time is left. Never rejects. */
  async finish(deadlines: Deadlines): Promise<void> {
    const limit = deadlines.limit();
    for (let pauseMs = firstPauseMs; !this.#isRefused && mayNeedRemoval(this.#session, this.entity); pauseMs *= 2) {
      const deadline = this.#deadline(deadlines, limit);
      try {
        await pause(Math.min(pauseMs, this.#mayAppear ? maxWatchPauseMs : maxPauseMs), deadline);
      } catch (reason) {
        this.#endReason = reason;
        return;
      }
      await this.#attempt(deadline);
    }
  }

  /** Why the entity is still there, or may be there. */
  get reason(): string {
    if (this.#failure !== undefined) return explainError(this.#failure, 'teardown').message;
    const { entities, unanswered } = this.#session;
    if (entities[this.entity] === 'absent') {
      const operation = this.entity === 'user' ? 'CreateUser' : 'CreateGroup';
      const count = unanswered[this.entity];
      return count === 1
        ? `a ${operation} request had no answer; IAM may still carry it out`
        : `${count} ${operation} requests had no answer; IAM may still carry them out`;
    }
    return `not removed in time: ${this.#endReason instanceof Error ? this.#endReason.message : String(this.#endReason)}`;
  }

  #deadline({ watch, longest }: Deadlines, limit: AbortSignal): AbortSignal {
    if (!this.#mayAppear) return limit;
    return isOwner(this.entity) && this.#session.entities[this.entity] === 'absent' ? watch : longest;
  }

  async #attempt(abortSignal: AbortSignal): Promise<void> {
    const { entities } = this.#session;
    if (!mayNeedRemoval(this.#session, this.entity)) return;
    try {
      await settleWithin(removals[this.entity].send(this.#session, { abortSignal }), abortSignal, 0);
      this.#noteExistence();
      this.#noteAbsence();
    } catch (error) {
      if (codeOf(error) === 'NoSuchEntity') {
        // After a lost answer this means that the removal worked. Otherwise the entity may not be visible yet.
        this.#isAnswerLost ||= wasRepeated(error);
        if (this.#isAnswerLost || this.#notFound++ >= notFoundTolerance[entities[this.entity]]) {
          this.#noteAbsence();
          return;
        }
      } else this.#isAnswerLost ||= !hadNoEffect(error);
      if (codeOf(error) === 'DeleteConflict') this.#noteExistence();
      this.#isRefused = isFinalRefusal(error);
      // Our own deadline explains nothing. An answer of IAM explains more than a failure on the way to it.
      const isOwnAbort = abortSignal.aborted && !isAnswer(error);
      if (isOwnAbort) this.#endReason ??= abortSignal.reason;
      else if (isAnswer(error) || !isAnswer(this.#failure)) this.#failure = error;
    }
  }

  /** If it was absent before, one of the unanswered requests has made it. */
  #noteExistence(): void {
    const { entities, unanswered } = this.#session;
    if (entities[this.entity] === 'absent' && isOwner(this.entity)) {
      unanswered[this.entity] = Math.max(0, unanswered[this.entity] - 1);
    }
    entities[this.entity] = 'present';
  }

  #noteAbsence(): void {
    this.#session.entities[this.entity] = 'absent';
    this.#failure = undefined;
  }
}

/** Whether the SDK had sent the request before and had got no usable answer. */
function wasRepeated(error: unknown): boolean {
  const { attempts = 1 } = (error as Partial<MetadataBearer>).$metadata ?? {};
  return attempts > 1;
}

/** Whether IAM would refuse it again. */
function isFinalRefusal(error: unknown): boolean {
  const mayPass = isPassingRefusal(error) || explainError(error, 'teardown').verdict === 'throttled';
  return isAnswer(error) && (httpStatusOf(error) ?? 0) < 500 && codeOf(error) !== 'NoSuchEntity' && !mayPass;
}

const removalCommands: Readonly<Record<EntityName, (session: Session) => string>> = {
  user: ({ names }) => `delete-user --user-name ${names.user}`,
  group: ({ names }) => `delete-group --group-name ${names.group}`,
  membership: ({ names }) => `remove-user-from-group --user-name ${names.user} --group-name ${names.group}`,
  attachment: (session) => `detach-user-policy --user-name ${session.names.user} --policy-arn ${policyArnOf(session)}`,
};

/**
 * What a person types to remove a leftover. IAM's names need no quoting in a shell. Each command runs even if the one before
 * it fails, because a link that may be in the way may not exist.
 */
function commandFor(session: Session, owner: Owner): string {
  return [...linksOf[owner], owner]
    .filter((entity) => entity === owner || mayNeedRemoval(session, entity))
    .map((entity) => `aws iam ${removalCommands[entity](session)}`)
    .join('; ');
}
