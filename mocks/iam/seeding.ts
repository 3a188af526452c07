import type { AccessKey } from '@aws-sdk/client-iam';
import { createAccessKey } from './operations/credentials.ts';
import { denyAll, newPolicyRecord } from './operations/managed-policies.ts';
import { attachPolicy } from './operations/policies.ts';
import { newGroupRecord, newUserRecord } from './records.ts';
import { foldName, type GroupRecord, type IamState, type PolicyHolder, type UserRecord } from './state.ts';
import { requirePolicyArn } from './validate.ts';

/** A group that a test wants to have in the account. */
interface GroupSeed {
  readonly name: string;
  /** @default '/' */
  readonly path?: string;
  /** @default the state's clock */
  readonly createDate?: Date;
  /** ARNs of attached policies. @default none */
  readonly policies?: readonly string[];
  /** Names of inline policies. @default none */
  readonly inlinePolicies?: readonly string[];
}

/** A user that a test wants to have in the account. */
interface UserSeed extends GroupSeed {
  /** Names of the user's groups; missing groups are created. @default none */
  readonly groups?: readonly string[];
}

/** Puts a user into the account, without checking quotas. Replaces a user of the same name. */
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

/** Puts a group into the account, without checking quotas. Replaces a group of the same name. */
export function seedGroup(state: IamState, seed: GroupSeed): GroupRecord {
  const { name, path = '/', createDate = state.now() } = seed;
  const group = newGroupRecord(state, { name, path, createDate });
  state.groups.set(foldName(name), group);
  seedPolicies(state, group, seed);
  return group;
}

/** Puts a managed policy into the account. Its document denies everything. */
export function seedPolicy(
  state: IamState,
  policyArn: string,
  options: { readonly isAttachable?: boolean } = {},
): void {
  const policy = requirePolicyArn(state, policyArn);
  state.policies.set(policy.arn, newPolicyRecord(state, { ...policy, document: denyAll, ...options }));
}

/** Puts a user with an access key into the account. */
export function seedKeyHolder(state: IamState, name: string): AccessKey {
  return createAccessKey(state, seedUser(state, { name }));
}

/** The names of all users and groups, in IAM's order. */
export function listEntities(state: IamState): { readonly users: string[]; readonly groups: string[] } {
  return {
    users: sortedValues(state.users).map(({ entity }) => entity.UserName),
    groups: sortedValues(state.groups).map(({ entity }) => entity.GroupName),
  };
}

function sortedValues<Value>(map: ReadonlyMap<string, Value>): Value[] {
  return [...map.keys()].toSorted().map((key) => map.get(key) as Value);
}

function seedPolicies(state: IamState, holder: PolicyHolder, seed: GroupSeed): void {
  for (const arn of seed.policies ?? []) attachPolicy(state, holder, arn, { name: 'seed', limit: Infinity });
  for (const name of seed.inlinePolicies ?? []) holder.inlinePolicies.set(name, '{}');
}
