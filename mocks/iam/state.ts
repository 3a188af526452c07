import type {
  AccessKeyMetadata,
  AttachedPolicy,
  Group,
  LoginProfile,
  MFADevice,
  Policy,
  PolicyVersion,
  ServiceSpecificCredentialMetadata,
  SigningCertificate,
  SSHPublicKeyMetadata,
  User,
} from '@aws-sdk/client-iam';

/** One AWS account, as far as IAM's users, groups and policies go. Only operations change it. */
export interface IamState {
  /** @default the system's clock */
  readonly now: () => Date;
  /** Makes the ids. @default seeded with 1 */
  readonly random: Random;
  /** @default '123456789012' */
  readonly accountId: string;
  /** `aws`, `aws-cn`, `aws-us-gov`, … @default 'aws' */
  readonly partition: string;
  readonly limits: IamLimits;
  readonly propagation: Propagation;
  /**
   * Whether the account is as strict as a real one: the test policy exists only once somebody creates it, and only access
   * keys of its users are accepted. Otherwise every test policy exists and every key works. @default false
   */
  readonly isStrict: boolean;
  /** The account's own policies by ARN. More exist without a record: see `policyExists`. */
  readonly policies: Map<string, PolicyRecord>;
  /** By folded name, as are the groups. */
  readonly users: Map<string, UserRecord>;
  readonly groups: Map<string, GroupRecord>;
  /** Serial numbers of the MFA devices in use: a device belongs to one user. */
  readonly mfaSerials: Set<string>;
}

/** A user and everything that belongs to it. */
export interface UserRecord extends PolicyHolder {
  readonly entity: User & {
    readonly Path: string;
    readonly UserName: string;
    readonly UserId: string;
    readonly Arn: string;
  };
  /** By folded name. */
  readonly groups: Map<string, GroupRecord>;
  /** By id, as are all the following. */
  readonly accessKeys: Map<string, AccessKeyMetadata>;
  readonly mfaDevices: Map<string, MFADevice>;
  readonly signingCertificates: Map<string, SigningCertificate>;
  readonly sshPublicKeys: Map<string, SSHPublicKeyMetadata>;
  readonly serviceSpecificCredentials: Map<string, ServiceSpecificCredentialMetadata>;
  loginProfile?: LoginProfile;
}

/** A managed policy and its versions. How often it is attached is counted when it is asked for. */
export interface PolicyRecord {
  readonly entity: Policy & { readonly Path: string; readonly PolicyName: string; readonly Arn: string };
  /** By id, from the oldest to the newest: `v1`, `v2`, … */
  readonly versions: Map<string, PolicyVersionRecord>;
  defaultVersionId: string;
  /** How many versions there have been. The number of a deleted version is not used again. */
  versionCount: number;
  updatedAt: Date;
}

/** Whether a version is the default one is up to its policy. */
export type PolicyVersionRecord = Omit<PolicyVersion, 'IsDefaultVersion'> & {
  readonly VersionId: string;
  readonly Document: string;
};

/** A group and its members. */
export interface GroupRecord extends PolicyHolder {
  readonly entity: Group & { readonly Path: string; readonly GroupName: string; readonly Arn: string };
  /** By folded name. */
  readonly members: Map<string, UserRecord>;
}

/** What a user and a group have in common. */
export interface PolicyHolder {
  /** By ARN. */
  readonly attachedPolicies: Map<string, AttachedPolicy>;
  /** Documents by name. */
  readonly inlinePolicies: Map<string, string>;
  /** When something that was removed stops blocking a deletion, in milliseconds since the epoch. */
  readonly blockedUntilMs: Map<DeleteBlocker, number>;
  /** When requests begin to find it, in milliseconds since the epoch. */
  readonly visibleAtMs: number;
}

/** The kinds of things that must be removed before their user or group can be deleted. */
export type DeleteBlocker =
  | 'membership'
  | 'attachedPolicies'
  | 'inlinePolicies'
  | 'accessKeys'
  | 'loginProfile'
  | 'mfaDevices'
  | 'signingCertificates'
  | 'sshPublicKeys'
  | 'serviceSpecificCredentials';

/** How long requests do not see a change yet, by the state's own clock. */
interface Propagation {
  /** Until a created user or group is found. @default 0 */
  readonly creationMs: number;
  /** Until a removed membership, policy or credential no longer blocks a delete. @default 0 */
  readonly removalMs: number;
}

type IamLimits = Readonly<typeof defaultLimits>;

/**
 * AWS's quotas.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
const defaultLimits = {
  users: 5000,
  groups: 300,
  policies: 1500,
  versionsPerPolicy: 5,
  /** Characters of a managed policy's document, without white space. */
  policySize: 6144,
  /** Characters of all inline policies of a user or group, without white space. */
  userPolicySize: 2048,
  groupPolicySize: 5120,
  groupsPerUser: 10,
  attachedPoliciesPerUser: 10,
  attachedPoliciesPerGroup: 10,
  accessKeysPerUser: 2,
  mfaDevicesPerUser: 8,
  signingCertificatesPerUser: 2,
  sshPublicKeysPerUser: 5,
  /** For each service. */
  serviceSpecificCredentialsPerUser: 2,
};

export interface IamStateOptions extends Partial<
  Pick<IamState, 'now' | 'random' | 'accountId' | 'partition' | 'isStrict'>
> {
  /** @default AWS's own */
  readonly limits?: Partial<IamLimits>;
  readonly propagation?: Partial<Propagation>;
}

/** An account without users and groups. */
export function createIamState(options: IamStateOptions = {}): IamState {
  return {
    now: () => new Date(),
    random: createRandom(1),
    accountId: '123456789012',
    partition: 'aws',
    isStrict: false,
    ...options,
    limits: { ...defaultLimits, ...options.limits },
    propagation: { creationMs: 0, removalMs: 0, ...options.propagation },
    policies: new Map(),
    users: new Map(),
    groups: new Map(),
    mfaSerials: new Set(),
  };
}

/** The key of a user or group: IAM's names are unique without regard to case. */
export function foldName(name: string): string {
  return name.toLowerCase();
}

/** The ARN of one of the account's entities. `resource` begins with its kind: `user/path/name`. */
export function arnOf(state: IamState, resource: string): string {
  return `arn:${state.partition}:iam::${state.accountId}:${resource}`;
}

/** A source of numbers in `[0, 1)`, like `Math.random`. */
export type Random = () => number;

/**
 * Numbers that are the same in every run with the same seed (mulberry32), so that a failed run can be repeated.
 * Not for secrets.
 */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * An id as AWS makes them: a prefix for the kind (`AIDA` a user, `AGPA` a group, `ANPA` a policy, `AKIA` an access key), then letters and
 * digits of base 32.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
 */
export function randomId(random: Random, prefix: string, length = 17): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return prefix + Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
}
