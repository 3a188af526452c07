import { IamError, invalidClientTokenId, noSuchEntity } from './aws-error.ts';
import {
  arnOf,
  type DeleteBlocker,
  foldName,
  type GroupRecord,
  type IamState,
  type PolicyHolder,
  randomId,
  type UserRecord,
} from './state.ts';
import { requireName } from './validate.ts';

/** What a new user or group is made from. */
interface NewEntity {
  readonly name: string;
  /** Begins and ends with a slash. */
  readonly path: string;
  readonly createDate: Date;
}

interface NewUser extends NewEntity {
  /** The ARN of a policy. */
  readonly permissionsBoundary?: string | undefined;
}

/** Makes a user without groups, policies and credentials. The caller puts it into the state. */
export function newUserRecord(state: IamState, { name, path, createDate, permissionsBoundary }: NewUser): UserRecord {
  return {
    ...newPolicyHolder(state, createDate),
    entity: {
      Path: path,
      UserName: name,
      UserId: randomId(state.random, 'AIDA'),
      Arn: arnOf(state, `user${path}${name}`),
      CreateDate: createDate,
      ...(permissionsBoundary !== undefined && {
        PermissionsBoundary: {
          PermissionsBoundaryType: 'PermissionsBoundaryPolicy',
          PermissionsBoundaryArn: permissionsBoundary,
        },
      }),
    },
    groups: new Map(),
    accessKeys: new Map(),
    mfaDevices: new Map(),
    signingCertificates: new Map(),
    sshPublicKeys: new Map(),
    serviceSpecificCredentials: new Map(),
  };
}

/** Makes a group without members and policies. The caller puts it into the state. */
export function newGroupRecord(state: IamState, { name, path, createDate }: NewEntity): GroupRecord {
  return {
    ...newPolicyHolder(state, createDate),
    entity: {
      Path: path,
      GroupName: name,
      GroupId: randomId(state.random, 'AGPA'),
      Arn: arnOf(state, `group${path}${name}`),
      CreateDate: createDate,
    },
    members: new Map(),
  };
}

function newPolicyHolder(state: IamState, createDate: Date): PolicyHolder {
  return {
    attachedPolicies: new Map(),
    inlinePolicies: new Map(),
    blockedUntilMs: new Map(),
    visibleAtMs: createDate.getTime() + state.propagation.creationMs,
  };
}

/** Whose access key signed a request. */
export interface Caller {
  readonly arn: string;
  readonly userId: string;
  /** What operations use that get no user's name. */
  readonly userName: string;
}

/**
 * Finds the user to whom an access key belongs. If nobody in the account has the key, it counts as that of a user
 * `awsiam-monitor`, whom the account's lists do not have.
 * @throws InvalidClientTokenId for such a key if the account is strict
 */
export function findCaller(state: IamState, accessKeyId: string | undefined): Caller {
  for (const { entity, accessKeys } of state.users.values()) {
    if (accessKeyId !== undefined && accessKeys.has(accessKeyId)) {
      return { arn: entity.Arn, userId: entity.UserId, userName: entity.UserName };
    }
  }
  if (state.isStrict) throw invalidClientTokenId();
  const userName = 'awsiam-monitor';
  return { arn: arnOf(state, `user/${userName}`), userId: 'AIDAMOCKMOCKMOCKMOCKM', userName };
}

/**
 * Finds the user that a request names, in upper or lower case.
 * @throws ValidationError, NoSuchEntity also for a user that is not visible yet
 */
export function findUser(state: IamState, userName: string | undefined): UserRecord {
  const name = requireName('userName', userName);
  const record = state.users.get(foldName(name));
  if (record && isVisible(state, record)) return record;
  throw noSuchEntity(`The user with name ${name} cannot be found.`);
}

/**
 * Finds the group that a request names, in upper or lower case.
 * @throws ValidationError, NoSuchEntity also for a group that is not visible yet
 */
export function findGroup(state: IamState, groupName: string | undefined): GroupRecord {
  const name = requireName('groupName', groupName);
  const record = state.groups.get(foldName(name));
  if (record && isVisible(state, record)) return record;
  throw noSuchEntity(`The group with name ${name} cannot be found.`);
}

/** Whether requests find a user or group: it takes time until a new one is seen everywhere. */
export function isVisible(state: IamState, holder: PolicyHolder): boolean {
  return holder.visibleAtMs <= state.now().getTime();
}

/**
 * AWS's sentence for each thing that can block a delete. It is the same for a user in groups and for a group with users,
 * and for SSH keys and service-specific credentials. The wording is quoted in the issue trackers of rebuy-de/aws-nuke
 * (281, 522, 671) and cloud-custodian (1663); only that of `serviceSpecificCredentials` is inferred.
 */
export const blockerSentences: Readonly<Record<DeleteBlocker, string>> = {
  membership: 'Cannot delete entity, must remove users from group first.',
  attachedPolicies: 'Cannot delete entity, must detach all policies first.',
  inlinePolicies: 'Cannot delete entity, must delete policies first.',
  accessKeys: 'Cannot delete entity, must delete access keys first.',
  loginProfile: 'Cannot delete entity, must delete login profile first.',
  mfaDevices: 'Cannot delete entity, must delete MFA device first.',
  signingCertificates: 'Cannot delete entity, must delete certificates first.',
  sshPublicKeys: 'Cannot delete entity, must remove referenced objects first.',
  serviceSpecificCredentials: 'Cannot delete entity, must remove referenced objects first.',
};

/**
 * Refuses to delete a user or group that still has something, or had it until recently: it takes time until a removal is
 * seen everywhere.
 * @param counts How many of each kind there are, in the order in which AWS complains about them.
 * @throws DeleteConflict
 */
export function refuseWhileBlocked(
  state: IamState,
  holder: PolicyHolder,
  counts: Partial<Record<DeleteBlocker, number>>,
): void {
  const nowMs = state.now().getTime();
  for (const [blocker, count] of Object.entries(counts) as [DeleteBlocker, number][]) {
    if (count > 0 || nowMs < (holder.blockedUntilMs.get(blocker) ?? 0)) {
      throw new IamError('DeleteConflict', 409, blockerSentences[blocker]);
    }
  }
}

/** Notes that something was removed just now, so that it blocks a delete for a while longer. */
export function noteRemoval(state: IamState, holder: PolicyHolder, blocker: DeleteBlocker): void {
  const { removalMs } = state.propagation;
  if (removalMs > 0) holder.blockedUntilMs.set(blocker, state.now().getTime() + removalMs);
}
