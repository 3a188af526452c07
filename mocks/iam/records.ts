import { randomId } from './random.ts';
import { SortedMap } from './sorted-map.ts';
import { arnOf, type GroupRecord, type IamState, type PolicyHolder, type UserRecord } from './state.ts';

/** What a new user or group is made from. */
export interface NewEntity {
  readonly name: string;
  /** Begins and ends with a slash. */
  readonly path: string;
  readonly createDate: Date;
}

/** A user to whom nothing belongs yet. Not put into the state. */
export function newUserRecord(state: IamState, { name, path, createDate }: NewEntity): UserRecord {
  return {
    ...newPolicyHolder(state, createDate),
    entity: {
      Path: path,
      UserName: name,
      UserId: randomId(state.random, 'AIDA'),
      Arn: arnOf(state, `user${path}${name}`),
      CreateDate: createDate,
    },
    groups: new SortedMap(),
    accessKeys: new SortedMap(),
    mfaDevices: new SortedMap(),
    signingCertificates: new SortedMap(),
    sshPublicKeys: new SortedMap(),
    serviceSpecificCredentials: new SortedMap(),
  };
}

/** A group without members. Not put into the state. */
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
    members: new SortedMap(),
  };
}

function newPolicyHolder(state: IamState, createDate: Date): PolicyHolder {
  return {
    attachedPolicies: new SortedMap(),
    inlinePolicies: new SortedMap(),
    lingering: new Map(),
    visibleAt: createDate.getTime() + state.propagation.creationMs,
  };
}
