import { newGroupRecord, newUserRecord } from './records.ts';
import { attachPolicy } from './policies.ts';
import { foldName, type GroupRecord, type IamState, type UserRecord } from './state.ts';

/** A user as a test wants to find it. Whatever is left out is empty, or as `CreateUser` would make it. */
export interface UserSeed {
  readonly name: string;
  /** @default '/' */
  readonly path?: string;
  /** @default the state's clock */
  readonly createDate?: Date;
  /** Names of groups that the user is in; those that are missing are created. */
  readonly groups?: readonly string[];
  /** ARNs of attached policies. */
  readonly policies?: readonly string[];
  /** Names of inline policies. */
  readonly inlinePolicies?: readonly string[];
}

/** A group as a test wants to find it. */
export interface GroupSeed {
  readonly name: string;
  /** @default '/' */
  readonly path?: string;
  /** @default the state's clock */
  readonly createDate?: Date;
  /** ARNs of attached policies. */
  readonly policies?: readonly string[];
  /** Names of inline policies. */
  readonly inlinePolicies?: readonly string[];
}

/** Puts a user into the account without asking for quotas, over one of the same name. */
export function seedUser(state: IamState, seed: UserSeed): UserRecord {
  const { name, path = '/', createDate = state.now() } = seed;
  const user = newUserRecord(state, { name, path, createDate });
  state.users.set(foldName(name), user);
  for (const groupName of seed.groups ?? []) {
    const group = state.groups.get(foldName(groupName)) ?? seedGroup(state, { name: groupName, createDate });
    user.groups.set(foldName(groupName), group);
    group.members.set(foldName(name), user);
  }
  seedPolicies(state, user, seed);
  return user;
}

/** Puts a group into the account without asking for quotas, over one of the same name. */
export function seedGroup(state: IamState, seed: GroupSeed): GroupRecord {
  const { name, path = '/', createDate = state.now() } = seed;
  const group = newGroupRecord(state, { name, path, createDate });
  state.groups.set(foldName(name), group);
  seedPolicies(state, group, seed);
  return group;
}

/** The names of all users and groups, in IAM's order: what a run left behind is one `expect` away. */
export function listEntities(state: IamState): { readonly users: string[]; readonly groups: string[] } {
  return {
    users: state.users.values().map(({ entity }) => entity.UserName),
    groups: state.groups.values().map(({ entity }) => entity.GroupName),
  };
}

function seedPolicies(
  state: IamState,
  holder: UserRecord | GroupRecord,
  seed: Pick<UserSeed, 'policies' | 'inlinePolicies'>,
): void {
  for (const arn of seed.policies ?? []) attachPolicy(state, holder, arn, { name: 'seed', limit: Infinity });
  for (const name of seed.inlinePolicies ?? []) holder.inlinePolicies.set(name, '{}');
}
