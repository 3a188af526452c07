import pRetry from 'p-retry';
import type { Leftover, TeardownReport } from '../../../runner/monitor-run.ts';
import type { EntityName, Existence } from '../entities.ts';
import { codeOf, httpStatusOf, isAnswer, isWithoutEffect } from '../errors/error-kinds.ts';
import { explainError } from '../errors/explain-error.ts';
import { groupPath, userPath } from '../names.ts';
import { assertOwn, ownNamePattern } from './own-names.ts';
import { policyArnOf, type Session } from '../session.ts';

/** So long one removal may take, so that one that hangs leaves time for the others. */
const removalTimeoutMs = 15_000;

/** In vain: `NoSuchEntity` is believed after so many repetitions, about 3 s for what may exist and 10 s for what does. */
const doubts: Readonly<Record<Existence, number>> = { absent: 0, possible: 3, present: 5 };

interface Removal {
  readonly entity: EntityName;
  readonly send: (options: { readonly abortSignal: AbortSignal }) => Promise<unknown>;
}

/**
 * Removes what this run made or may have made, in dependency order. What could not be removed is named, with the
 * command that does it; the next sweep will try again.
 */
export async function teardown(
  session: Session,
  { signal }: { readonly signal: AbortSignal },
): Promise<TeardownReport> {
  const reasons = new Map<EntityName, string>();
  for (const removal of removalsOf(session)) {
    try {
      await remove(session, removal, signal);
    } catch (error) {
      reasons.set(removal.entity, explainError(error, 'teardown').message);
    }
  }
  const leftovers = (['group', 'user'] as const).flatMap((entity): Leftover[] => {
    const reason = reasons.get(entity);
    if (reason === undefined) return [];
    const certainty = session.entities[entity] === 'possible' ? ' (may exist)' : '';
    return [{ entity: `${entity} ${session.names[entity]}${certainty}`, reason, command: commandFor(session, entity) }];
  });
  return { leftovers, warnings: [] };
}

function removalsOf(session: Session): Removal[] {
  const { iam, names, config, entities } = session;
  assertOwn({ path: userPath, name: names.user }, userPath, ownNamePattern('testuser', config.namespace));
  assertOwn({ path: groupPath, name: names.group }, groupPath, ownNamePattern('testgroup', config.namespace));
  const user = { UserName: names.user };
  const group = { GroupName: names.group };
  const all: Removal[] = [
    { entity: 'membership', send: (options) => iam.removeUserFromGroup({ ...user, ...group }, options) },
    {
      entity: 'attachment',
      send: async (options) => await iam.detachUserPolicy({ ...user, PolicyArn: policyArnOf(session) }, options),
    },
    { entity: 'group', send: (options) => iam.deleteGroup(group, options) },
    { entity: 'user', send: (options) => iam.deleteUser(user, options) },
  ];
  return all.filter(({ entity }) => entities[entity] !== 'absent');
}

async function remove({ entities }: Session, { entity, send }: Removal, signal: AbortSignal): Promise<void> {
  const existence = entities[entity];
  const within = AbortSignal.any([signal, AbortSignal.timeout(removalTimeoutMs)]);
  let unknown = 0;
  let lost = false;
  await pRetry(
    async () => {
      try {
        await send({ abortSignal: within });
      } catch (error) {
        if (codeOf(error) !== 'NoSuchEntity') {
          lost ||= !isWithoutEffect(error);
          throw error;
        }
        // After a removal whose answer was lost this is the answer; else the entity may not be visible yet.
        if (!lost && unknown++ < doubts[existence]) throw error;
      }
    },
    {
      retries: 8,
      minTimeout: 300,
      factor: 2,
      maxTimeout: 3000,
      signal: within,
      shouldRetry: ({ error }) => !isHopeless(error),
    },
  );
  entities[entity] = 'absent';
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
