/**
 * What IAM's answers say of an entity of this run. `possible`: IAM or a gateway answered a request with a failure, or the
 * answer to a removal was lost, so that it may exist.
 */
export type Existence = 'absent' | 'possible' | 'present';

/** What this run has made so far: what teardown must remove, and what a step may rely on. */
export interface Entities {
  user: Existence;
  group: Existence;
  /** The user's membership in the group. */
  membership: Existence;
  /** The test policy's attachment to the user. */
  attachment: Existence;
}

export type EntityName = keyof Entities;

/**
 * How many requests that make an entity had no answer. IAM may carry each of them out later, whatever has become of the
 * entity since: the repeated request may have made it, and a step may have deleted it again.
 */
export type UnansweredCreations = Record<EntityName, number>;

/** What is known of the entities of this run: the part of its session that this file needs. */
export interface KnownEntities {
  readonly entities: Entities;
  readonly unanswered: UnansweredCreations;
}

/** What a call does to the entities of this run. */
export type Change = { readonly makes: EntityName } | { readonly removes: EntityName };

/** Users and groups. The other two exist only as long as these do. */
export function isSelfStanding(entity: EntityName): entity is 'user' | 'group' {
  return entity === 'user' || entity === 'group';
}

/** What IAM refuses to delete a user or a group with. */
export const tiesOf = {
  user: ['membership', 'attachment'],
  group: ['membership'],
} as const satisfies Record<'user' | 'group', readonly EntityName[]>;

/** Whether there may be something to remove, now or later. What hangs on a user or a group is gone when that is gone. */
export function mayExist(known: KnownEntities, entity: EntityName): boolean {
  if (known.entities[entity] === 'absent' && known.unanswered[entity] === 0) return false;
  switch (entity) {
    case 'user':
    case 'group':
      return true;
    case 'membership':
      return mayExist(known, 'user') && mayExist(known, 'group');
    case 'attachment':
      return mayExist(known, 'user');
    default:
      return entity satisfies never;
  }
}
