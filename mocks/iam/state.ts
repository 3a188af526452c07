import type {
  AccessKeyMetadata,
  AttachedPolicy,
  Group,
  LoginProfile,
  MFADevice,
  ServiceSpecificCredentialMetadata,
  SigningCertificate,
  SSHPublicKeyMetadata,
  User,
} from '@aws-sdk/client-iam';
import type { DeleteBlocker } from './blocker-sentences.ts';
import { createRandom, type Random } from './random.ts';
import { SortedMap } from './sorted-map.ts';

/** How many there may be: AWS's defaults unless a test says otherwise. */
export interface IamLimits {
  /** @default 5000 */
  readonly users: number;
  /** @default 300 */
  readonly groups: number;
  /** @default 10 */
  readonly groupsPerUser: number;
  /** @default 10 */
  readonly attachedPoliciesPerUser: number;
  /** @default 10 */
  readonly attachedPoliciesPerGroup: number;
  /** @default 2 */
  readonly accessKeysPerUser: number;
  /** @default 8 */
  readonly mfaDevicesPerUser: number;
  /** @default 2 */
  readonly signingCertificatesPerUser: number;
  /** @default 5 */
  readonly sshPublicKeysPerUser: number;
  /** For each service. @default 2 */
  readonly serviceSpecificCredentialsPerUser: number;
}

/** How long a change stays unseen by the requests after it, on the state's own clock. */
export interface Propagation {
  /** Until a created user or group is found. @default 0 */
  readonly creationMs: number;
  /** Until a removed membership, policy or credential no longer stands in the way of a delete. @default 0 */
  readonly removalMs: number;
}

/** What policies can be given to: a user or a group. */
export interface PolicyHolder {
  /** By ARN. */
  readonly attachedPolicies: SortedMap<AttachedPolicy>;
  /** Documents by name. */
  readonly inlinePolicies: SortedMap<string>;
  /** Until when (ms since the epoch) something that is gone still blocks the delete. */
  readonly lingering: Map<DeleteBlocker, number>;
  /** From when on (ms since the epoch) requests find it. */
  readonly visibleAt: number;
}

/** A user and everything that hangs on it. All maps but those of policies are by folded name or by id. */
export interface UserRecord extends PolicyHolder {
  readonly entity: User & { readonly Path: string; readonly UserName: string; readonly Arn: string };
  readonly groups: SortedMap<GroupRecord>;
  readonly accessKeys: SortedMap<AccessKeyMetadata>;
  readonly mfaDevices: SortedMap<MFADevice>;
  readonly signingCertificates: SortedMap<SigningCertificate>;
  readonly sshPublicKeys: SortedMap<SSHPublicKeyMetadata>;
  readonly serviceSpecificCredentials: SortedMap<ServiceSpecificCredentialMetadata>;
  loginProfile?: LoginProfile;
}

/** A group and its members. */
export interface GroupRecord extends PolicyHolder {
  readonly entity: Group & { readonly Path: string; readonly GroupName: string; readonly Arn: string };
  readonly members: SortedMap<UserRecord>;
}

/** One AWS account, as far as IAM's users and groups go. Changed by the operations alone. */
export interface IamState {
  readonly now: () => Date;
  readonly random: Random;
  readonly accountId: string;
  readonly partition: string;
  readonly limits: IamLimits;
  readonly propagation: Propagation;
  /** ARNs of policies that exist besides those that always do; see `requireExistingPolicy`. */
  readonly policies: ReadonlySet<string>;
  readonly users: SortedMap<UserRecord>;
  readonly groups: SortedMap<GroupRecord>;
  /** Serial numbers of the MFA devices in use: a device belongs to one user. */
  readonly mfaSerials: Set<string>;
}

/** What can be chosen about an account. */
export interface IamStateOptions {
  /** @default the system's clock */
  readonly now?: () => Date;
  /** Makes the ids. @default seeded with 1 */
  readonly random?: Random;
  /** @default '123456789012' */
  readonly accountId?: string;
  /** `aws`, `aws-cn`, `aws-us-gov`, … @default 'aws' */
  readonly partition?: string;
  readonly limits?: Partial<IamLimits>;
  readonly propagation?: Partial<Propagation>;
  /** ARNs of further managed policies that exist. @default none */
  readonly policies?: Iterable<string>;
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const defaultLimits: IamLimits = {
  users: 5000,
  groups: 300,
  groupsPerUser: 10,
  attachedPoliciesPerUser: 10,
  attachedPoliciesPerGroup: 10,
  accessKeysPerUser: 2,
  mfaDevicesPerUser: 8,
  signingCertificatesPerUser: 2,
  sshPublicKeysPerUser: 5,
  serviceSpecificCredentialsPerUser: 2,
};

/** An account without users and groups. */
export function createIamState(options: IamStateOptions = {}): IamState {
  return {
    now: options.now ?? (() => new Date()),
    random: options.random ?? createRandom(1),
    accountId: options.accountId ?? '123456789012',
    partition: options.partition ?? 'aws',
    limits: { ...defaultLimits, ...options.limits },
    propagation: { creationMs: 0, removalMs: 0, ...options.propagation },
    policies: new Set(options.policies),
    users: new SortedMap(),
    groups: new SortedMap(),
    mfaSerials: new Set(),
  };
}

/** IAM's names are unique without regard to case: this is what they are looked up by. */
export function foldName(name: string): string {
  return name.toLowerCase();
}

/** The ARN of one of the account's entities. `resource` begins with its kind: `user/path/name`. */
export function arnOf(state: IamState, resource: string): string {
  return `arn:${state.partition}:iam::${state.accountId}:${resource}`;
}
