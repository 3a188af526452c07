/** The entities that one run makes. A membership puts the user into the group, an attachment the test policy on the user. */
export type EntityName = 'user' | 'group' | 'membership' | 'attachment';

/**
 * What IAM's answers say about an entity of this run. `possible`: it may exist, because a request was answered with a
 * failure by IAM or a gateway, or because the answer to its removal was lost.
 */
export type Existence = 'absent' | 'possible' | 'present';

/** What this run has made so far: what teardown must remove, and what a step may rely on. */
export type Entities = Record<EntityName, Existence>;

/**
 * How many requests to make an entity got no answer. IAM may carry out each of them later, even after the entity was made
 * by a repeated request and deleted by a step.
 */
export type UnansweredCreations = Record<EntityName, number>;

/** What a call does to the entities of this run. */
export type Change = { readonly makes: EntityName } | { readonly removes: EntityName };

/** Whether IAM keeps it on its own. Memberships and attachments exist only as long as their user or group does. */
export function isUserOrGroup(entity: EntityName): entity is 'user' | 'group' {
  return entity === 'user' || entity === 'group';
}

/** What has to be removed before IAM deletes a user or a group. */
export const linksOf = {
  user: ['membership', 'attachment'],
  group: ['membership'],
} as const satisfies Record<'user' | 'group', readonly EntityName[]>;

/** Whether there is or may be something to remove, now or later. Removing a user or a group also ends its links. */
export function mayNeedRemoval(
  known: { readonly entities: Entities; readonly unanswered: UnansweredCreations },
  entity: EntityName,
): boolean {
  if (known.entities[entity] === 'absent' && known.unanswered[entity] === 0) return false;
  switch (entity) {
    case 'user':
    case 'group':
      return true;
    case 'membership':
      return mayNeedRemoval(known, 'user') && mayNeedRemoval(known, 'group');
    case 'attachment':
      return mayNeedRemoval(known, 'user');
    default:
      return entity satisfies never;
  }
}
