/** What has to be removed before IAM deletes a group or a user. */
export const linksOf = { group: ['membership'], user: ['membership', 'attachment'] } as const;

/** What memberships and attachments belong to. */
export type Owner = keyof typeof linksOf;

/** The entities that one run makes. A membership puts the user into the group, an attachment the test policy on the user. */
export type EntityName = Owner | (typeof linksOf)[Owner][number];

/** Each list is in the order of removal. */
export const owners = Object.keys(linksOf) as readonly Owner[];
export const links = [...new Set(Object.values(linksOf).flat())];

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

/** Whether it is a user or a group. Memberships and attachments exist only as long as their owners do. */
export function isOwner(entity: EntityName): entity is Owner {
  return entity in linksOf;
}

/** Whether there is or may be something to remove, now or later. Removing a user or a group also ends its links. */
export function mayNeedRemoval(
  known: { readonly entities: Entities; readonly unanswered: UnansweredCreations },
  entity: EntityName,
): boolean {
  if (known.entities[entity] === 'absent' && known.unanswered[entity] === 0) return false;
  if (isOwner(entity)) return true;
  const isLinkOf = (owner: Owner): boolean => (linksOf[owner] as readonly EntityName[]).includes(entity);
  return owners.filter(isLinkOf).every((owner) => mayNeedRemoval(known, owner));
}
