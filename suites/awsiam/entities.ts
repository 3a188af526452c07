/**
 * `possible`: a request failed that may have been carried out all the same. `pending`: the request that makes it had no
 * answer at all, and may yet be carried out.
 */
export type Existence = 'absent' | 'possible' | 'pending' | 'present';

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

/** What a call does to the entities of this run. */
export type Change = { readonly makes: EntityName } | { readonly removes: EntityName };
