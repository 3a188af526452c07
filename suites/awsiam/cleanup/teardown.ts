import pRetry from 'p-retry';
import type { Leftover, TeardownReport } from '../../../runner/monitor-run.ts';
import type { Remaining } from '../../../runner/progress.ts';
import type { Entities, EntityName, Existence } from '../entities.ts';
import { codeOf, httpStatusOf, isAnswer, isWithoutEffect } from '../errors/error-kinds.ts';
import { explainError } from '../errors/explain-error.ts';
import { groupPath, userPath } from '../names.ts';
import type { Answer } from '../record-attempts.ts';
import { assertOwn, ownNamePattern } from './own-names.ts';
import { policyArnOf, type Session } from '../session.ts';

/** So long one removal may take, so that one that hangs leaves time for the others. */
const removalTimeoutMs = 15_000;

/**
 * In vain: `NoSuchEntity` is believed after so many repetitions, about 2 s for what may exist, and 8 s for what a slow IAM
 * may yet make. Of what was made it is not believed.
 */
const doubts: Readonly<Record<Existence, number>> = { absent: 0, possible: 3, pending: 5, present: Infinity };

/**
 * Removes what this run made or may have made, in dependency order. What could not be removed is named, with the
 * command that does it; the next sweep will try again.
 *
 * There may be three seconds for all of it. So everything is tried once first, and what is known to exist does not wait
 * for what only may; what is in doubt is then repeated side by side.
 */
export async function teardown(
  session: Session,
  { signal }: { readonly signal: AbortSignal },
): Promise<TeardownReport> {
  const reasons = new Map<EntityName, string>();
  const removals = removalsOf(session);
  for (const stage of stages) {
    await Promise.all(
      removals.filter(({ entity }) => stage.includes(entity)).map((removal) => removal.tryOnce(signal)),
    );
  }
  await Promise.all(
    removals.map(async (removal) => {
      try {
        await removal.finish(signal);
      } catch (error) {
        reasons.set(removal.entity, explainError(error, 'teardown').message);
      }
    }),
  );
  const leftovers = (['group', 'user'] as const).flatMap((entity): Leftover[] => {
    const reason = reasons.get(entity);
    return reason === undefined ? [] : [{ ...nameRemaining(session, entity), reason }];
  });
  return { leftovers, warnings: [] };
}

/** The user and the group of this run, as far as they are not known to be gone. */
export function remainingOf(session: Session): Remaining[] {
  return (['group', 'user'] as const)
    .filter((entity) => session.entities[entity] !== 'absent')
    .map((entity) => nameRemaining(session, entity));
}

function nameRemaining(session: Session, entity: 'group' | 'user'): Remaining {
  const certainty = session.entities[entity] === 'present' ? '' : ' (may exist)';
  return { entity: `${entity} ${session.names[entity]}${certainty}`, command: commandFor(session, entity) };
}

/** What hangs on a user or a group goes first. */
const stages: readonly (readonly EntityName[])[] = [
  ['membership', 'attachment'],
  ['group', 'user'],
];

function removalsOf(session: Session): Removal[] {
  const { iam, names, config, entities } = session;
  assertOwn({ path: userPath, name: names.user }, userPath, ownNamePattern('testuser', config.namespace));
  assertOwn({ path: groupPath, name: names.group }, groupPath, ownNamePattern('testgroup', config.namespace));
  const user = { UserName: names.user };
  const group = { GroupName: names.group };
  const all = [
    new Removal(entities, 'membership', (options) => iam.removeUserFromGroup({ ...user, ...group }, options)),
    new Removal(
      entities,
      'attachment',
      async (options) => await iam.detachUserPolicy({ ...user, PolicyArn: policyArnOf(session) }, options),
    ),
    new Removal(entities, 'group', (options) => iam.deleteGroup(group, options)),
    new Removal(entities, 'user', (options) => iam.deleteUser(user, options)),
  ];
  return all.filter(({ entity }) => entities[entity] !== 'absent');
}

type Send = (options: { readonly abortSignal: AbortSignal }) => Promise<unknown>;

/** The removal of one entity, and what it has shown so far. */
class Removal {
  readonly entity: EntityName;
  readonly #entities: Entities;
  readonly #send: Send;
  readonly #mostDoubts: number;
  #doubts = 0;
  /** An answer did not come: the removal may have been carried out. */
  #isLost = false;
  #refusal: unknown;

  constructor(entities: Entities, entity: EntityName, send: Send) {
    this.entity = entity;
    this.#entities = entities;
    this.#send = send;
    this.#mostDoubts = doubts[entities[entity]];
  }

  /** Never rejects. */
  async tryOnce(signal: AbortSignal): Promise<void> {
    await this.#attempt(limit(signal)).catch((error: unknown) => {
      if (isHopeless(error)) this.#refusal = error;
    });
  }

  /** @throws why it is still there */
  async finish(signal: AbortSignal): Promise<void> {
    if (this.#isGone()) return;
    if (this.#refusal !== undefined) throw this.#refusal;
    const within = limit(signal);
    await pRetry(() => this.#attempt(within), {
      retries: 7,
      minTimeout: 300,
      factor: 2,
      maxTimeout: 3000,
      signal: within,
      shouldRetry: ({ error }) => !isHopeless(error),
    });
  }

  /** IAM deletes no group with members, and no user that is a member or has policies: with the one the other is gone. */
  #isGone(): boolean {
    const { user, group } = this.#entities;
    const isMember = user !== 'absent' && group !== 'absent';
    if (this.entity === 'membership' && !isMember) this.#entities.membership = 'absent';
    if (this.entity === 'attachment' && user === 'absent') this.#entities.attachment = 'absent';
    return this.#entities[this.entity] === 'absent';
  }

  async #attempt(abortSignal: AbortSignal): Promise<void> {
    if (this.#isGone()) return;
    try {
      await this.#send({ abortSignal });
    } catch (error) {
      if (codeOf(error) !== 'NoSuchEntity') {
        this.#isLost ||= !isWithoutEffect(error);
        throw error;
      }
      // After a removal whose answer was lost this is the answer; else the entity may not be visible yet.
      this.#isLost ||= wasRepeated(error);
      if (!this.#isLost && this.#doubts++ < this.#mostDoubts) throw error;
    }
    this.#entities[this.entity] = 'absent';
  }
}

/** The SDK had sent the request before, and had no answer that it took for one. */
function wasRepeated(error: unknown): boolean {
  const { attempts = 1 } = (error as Partial<Answer>).$metadata ?? {};
  return attempts > 1;
}

/** One removal that hangs must leave time for the others. */
function limit(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(removalTimeoutMs)]);
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

/** What a person types to remove a leftover. IAM's names need no quoting in a shell. */
function commandFor(session: Session, entity: 'group' | 'user'): string {
  const { names, entities } = session;
  const user = `--user-name ${names.user}`;
  const group = `--group-name ${names.group}`;
  const commands: string[] = [];
  if (entities.membership !== 'absent') commands.push(`aws iam remove-user-from-group ${user} ${group}`);
  if (entity === 'group') return [...commands, `aws iam delete-group ${group}`].join(' && ');
  if (entities.attachment !== 'absent') {
    commands.push(`aws iam detach-user-policy ${user} --policy-arn ${policyArnOf(session)}`);
  }
  return [...commands, `aws iam delete-user ${user}`].join(' && ');
}
