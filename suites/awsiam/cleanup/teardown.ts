import { abortAfter, pause, settleWithin } from '../../../runner/deadline.ts';
import type { Leftover, TeardownReport } from '../../../runner/monitor-run.ts';
import type { Remaining } from '../../../runner/progress.ts';
import { isSelfStanding, mayExist, type EntityName, type Existence } from '../entities.ts';
import { codeOf, httpStatusOf, isAnswer, isWithoutEffect } from '../errors/error-kinds.ts';
import { explainError } from '../errors/explain-error.ts';
import { groupPath, userPath, assertOwn, ownNamePattern } from '../names.ts';
import { type Answer, removals } from '../call.ts';
import { policyArnOf, type Session } from '../session.ts';

/** Time limit for one removal, so that a hanging one leaves time for the others. */
const removalTimeoutMs = 15_000;

/** Pauses between two attempts at one removal. They double. */
const firstPauseMs = 300;
const longestPauseMs = 3000;
/** The longest pause while something may still appear. */
const watchPauseMs = 1000;

/**
 * How many `NoSuchEntity` answers we take for eventual consistency before we treat the entity as gone: about 2 s for what
 * may exist. What certainly was made is never treated as gone.
 */
const notFoundTolerance: Readonly<Record<Existence, number>> = { absent: 0, possible: 3, present: Infinity };

export interface TeardownOptions {
  /** Aborted when there is no time left. */
  readonly signal: AbortSignal;
  /** How long to look for what an unanswered request may still make. */
  readonly watchMs: number;
}

/**
 * Removes what this run made or may have made, in dependency order. What could not be removed is named, with the
 * command that does it; the next sweep will try again.
 *
 * There may be three seconds for all of it. So everything is tried once first, and what is known to exist does not wait
 * for what only may; what is in doubt is then repeated side by side. Where a creation had an attempt without an answer,
 * IAM may carry it out at any time: that is looked for until every such attempt has been seen or `watchMs` have passed.
 */
export async function teardown(session: Session, { signal, watchMs }: TeardownOptions): Promise<TeardownReport> {
  const { names, config } = session;
  assertOwn({ path: userPath, name: names.user }, userPath, ownNamePattern('testuser', config.namespace));
  assertOwn({ path: groupPath, name: names.group }, groupPath, ownNamePattern('testgroup', config.namespace));
  const deadlines: Deadlines = {
    limit: () => within(signal, removalTimeoutMs),
    watch: within(signal, watchMs),
    longest: within(signal, Math.max(watchMs, removalTimeoutMs)),
  };
  const pending = stages.flat().flatMap((entity) => (mayExist(session, entity) ? [new Removal(session, entity)] : []));
  for (const stage of stages) {
    await Promise.all(
      pending.filter(({ entity }) => stage.includes(entity)).map((removal) => removal.tryOnce(deadlines)),
    );
  }
  await Promise.all(pending.map((removal) => removal.finish(deadlines)));
  const leftovers = pending.flatMap(({ entity, reason }): Leftover[] =>
    isSelfStanding(entity) && mayExist(session, entity) ? [{ ...nameRemaining(session, entity), reason }] : [],
  );
  return { leftovers, warnings: [] };
}

/** The user and the group of this run, as far as they exist or may yet appear. */
export function remainingOf(session: Session): Remaining[] {
  return (['group', 'user'] as const)
    .filter((entity) => mayExist(session, entity))
    .map((entity) => ({
      ...nameRemaining(session, entity),
      ...(session.entities[entity] === 'absent' && { isAwaited: true }),
    }));
}

function nameRemaining(session: Session, entity: 'group' | 'user'): Remaining {
  const certainty = { present: '', possible: ' (may exist)', absent: ' (may still appear)' }[session.entities[entity]];
  return { entity: `${entity} ${session.names[entity]}${certainty}`, command: commandFor(session, entity) };
}

/** What hangs on a user or a group goes first. */
const stages: readonly (readonly EntityName[])[] = [
  ['membership', 'attachment'],
  ['group', 'user'],
];

interface Deadlines {
  /** Aborts when a removal that begins now has taken too long. */
  readonly limit: () => AbortSignal;
  /** Aborts when nothing can appear any more. */
  readonly watch: AbortSignal;
  /** Aborts when the time is up for something that is there and may appear again. */
  readonly longest: AbortSignal;
}

/** The removal of one entity, and what it has shown so far. */
class Removal {
  readonly entity: EntityName;
  readonly #session: Session;
  /** IAM may make it, or make it again, while it is being removed. */
  readonly #mayAppear: boolean;
  #notFound = 0;
  /** An answer did not come: the removal may have been carried out. */
  #isLost = false;
  /** IAM will not change its mind. */
  #isRefused = false;
  /** What kept the last attempts from removing it. */
  #objection: unknown;
  /** Why there were no more attempts. */
  #end: unknown;

  constructor(session: Session, entity: EntityName) {
    this.#session = session;
    this.entity = entity;
    this.#mayAppear = session.unanswered[entity] > 0;
  }

  /** Never rejects. */
  async tryOnce(deadlines: Deadlines): Promise<void> {
    await this.#attempt(this.#deadline(deadlines, deadlines.limit()));
  }

  /** Repeats it until the entity is gone and cannot come back, or no time is left. Never rejects. */
  async finish(deadlines: Deadlines): Promise<void> {
    const limit = deadlines.limit();
    for (let pauseMs = firstPauseMs; !this.#isRefused && mayExist(this.#session, this.entity); pauseMs *= 2) {
      const deadline = this.#deadline(deadlines, limit);
      try {
        await pause(Math.min(pauseMs, this.#mayAppear ? watchPauseMs : longestPauseMs), deadline);
      } catch (reason) {
        this.#end = reason;
        return;
      }
      await this.#attempt(deadline);
    }
  }

  /** Why the entity is still there, or may be. */
  get reason(): string {
    if (this.#objection !== undefined) return explainError(this.#objection, 'teardown').message;
    const { entities, unanswered } = this.#session;
    if (entities[this.entity] === 'absent') {
      const operation = this.entity === 'user' ? 'CreateUser' : 'CreateGroup';
      const count = unanswered[this.entity];
      return count === 1
        ? `a ${operation} request had no answer; IAM may still carry it out`
        : `${count} ${operation} requests had no answer; IAM may still carry them out`;
    }
    return `not removed in time: ${this.#end instanceof Error ? this.#end.message : String(this.#end)}`;
  }

  #deadline({ watch, longest }: Deadlines, limit: AbortSignal): AbortSignal {
    if (!this.#mayAppear) return limit;
    return isSelfStanding(this.entity) && this.#session.entities[this.entity] === 'absent' ? watch : longest;
  }

  async #attempt(abortSignal: AbortSignal): Promise<void> {
    const { entities } = this.#session;
    if (!mayExist(this.#session, this.entity)) return;
    try {
      await settleWithin(removals[this.entity](this.#session, { abortSignal }), abortSignal, 0);
      this.#noteExistence();
      this.#noteAbsence();
    } catch (error) {
      if (codeOf(error) === 'NoSuchEntity') {
        // After a removal whose answer was lost this is the answer; else the entity may not be visible yet.
        this.#isLost ||= wasRepeated(error);
        if (this.#isLost || this.#notFound++ >= notFoundTolerance[entities[this.entity]]) {
          this.#noteAbsence();
          return;
        }
      } else this.#isLost ||= !isWithoutEffect(error);
      if (codeOf(error) === 'DeleteConflict') this.#noteExistence();
      this.#isRefused = isHopeless(error);
      // Our own deadline explains nothing, and what IAM says explains more than how a request failed on the way.
      const isOwnAbort = abortSignal.aborted && !isAnswer(error);
      if (isOwnAbort) this.#end ??= abortSignal.reason;
      else if (isAnswer(error) || !isAnswer(this.#objection)) this.#objection = error;
    }
  }

  /** Notes that it is there. If it was gone before, one of the unanswered requests has made it. */
  #noteExistence(): void {
    const { entities, unanswered } = this.#session;
    if (entities[this.entity] === 'absent' && isSelfStanding(this.entity)) {
      unanswered[this.entity] = Math.max(0, unanswered[this.entity] - 1);
    }
    entities[this.entity] = 'present';
  }

  #noteAbsence(): void {
    this.#session.entities[this.entity] = 'absent';
    this.#objection = undefined;
  }
}

/** The SDK had sent the request before, and had no answer that it took for one. */
function wasRepeated(error: unknown): boolean {
  const { attempts = 1 } = (error as Partial<Answer>).$metadata ?? {};
  return attempts > 1;
}

function within(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, abortAfter(ms, `gave up after ${ms / 1000} s`)]);
}

/** What passes: an earlier change that is still on its way, a concurrent one, too many requests. */
const repeatable: ReadonlySet<string> = new Set([
  'NoSuchEntity',
  'DeleteConflict',
  'EntityTemporarilyUnmodifiable',
  'ConcurrentModification',
  'Throttling',
  'RequestLimitExceeded',
  'TooManyRequests',
]);

/** Repeating it would only be refused again. */
function isHopeless(error: unknown): boolean {
  const status = httpStatusOf(error) ?? 0;
  return isAnswer(error) && status < 500 && status !== 429 && !repeatable.has(codeOf(error));
}

/**
 * What a person types to remove a leftover. IAM's names need no quoting in a shell. Nothing depends on the success of what
 * stands before it: what may be in the way is perhaps not there.
 */
function commandFor(session: Session, entity: 'group' | 'user'): string {
  const { names } = session;
  const user = `--user-name ${names.user}`;
  const group = `--group-name ${names.group}`;
  const commands: string[] = [];
  if (mayExist(session, 'membership')) commands.push(`aws iam remove-user-from-group ${user} ${group}`);
  if (entity === 'group') return [...commands, `aws iam delete-group ${group}`].join('; ');
  if (mayExist(session, 'attachment')) {
    commands.push(`aws iam detach-user-policy ${user} --policy-arn ${policyArnOf(session)}`);
  }
  return [...commands, `aws iam delete-user ${user}`].join('; ');
}
