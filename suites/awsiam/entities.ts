/** `possible`: a request was sent that may have been carried out although its answer never came. */
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

/** What a call does to the entities of this run. */
export type Change = { readonly makes: EntityName } | { readonly removes: EntityName };
