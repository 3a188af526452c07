import { endsSweep, requestsOf } from '../../suites/awsiam/cleanup/swept-kinds.ts';
import { codeOf } from '../../suites/awsiam/errors/error-kinds.ts';
import { explainError } from '../../suites/awsiam/errors/explain-error.ts';
import { groupPath, userPath, type PermittedOperation } from '../../suites/awsiam/monitor.ts';
import type { Session } from '../../suites/awsiam/session.ts';
import type { StepError } from '../../runner/step-result.ts';
import { messageOf } from '../../text/printable.ts';
import type { DoctorContext } from './check-group.ts';
import { readDenial, type Denial } from './denial.ts';

/** Names of a user and a group that do not exist, and the policy that a run would attach, if that is known. */
export interface ProbeTargets {
  readonly user: string;
  readonly group: string;
  readonly policyArn: string | undefined;
}

/** The input of a request that tells whether IAM allows an operation, and changes nothing either way. */
type Probe = (targets: ProbeTargets) => Readonly<Record<string, unknown>>;

/** Why there is no such request. */
interface NoProbe {
  readonly why: string;
}

const onUser: Probe = ({ user }) => ({ UserName: user });
const onGroup: Probe = ({ group }) => ({ GroupName: group });
const onMembership: Probe = ({ user, group }) => ({ UserName: user, GroupName: group });
const creates: NoProbe = { why: 'where IAM allows it, the request itself would create something' };

/**
 * The probe of each operation that the monitor may need. IAM first decides whether the request is allowed, and then looks for
 * the user or group. So `NoSuchEntity` means that it is allowed. The ids have the form that IAM demands, because it may check
 * that before both.
 */
const probes: Readonly<Record<PermittedOperation, Probe | NoProbe>> = {
  CreateUser: creates,
  CreateGroup: creates,
  ListUsers: () => ({ PathPrefix: userPath, MaxItems: 1 }),
  ListGroups: () => ({ PathPrefix: groupPath, MaxItems: 1 }),
  GetPolicy: ({ policyArn }) => ({ PolicyArn: policyArn }),

  AddUserToGroup: onMembership,
  RemoveUserFromGroup: onMembership,
  DeleteGroup: onGroup,
  GetGroup: onGroup,
  ListAttachedGroupPolicies: onGroup,
  DetachGroupPolicy: ({ group, policyArn }) => ({ GroupName: group, PolicyArn: policyArn }),
  ListGroupPolicies: onGroup,
  DeleteGroupPolicy: ({ group }) => ({ GroupName: group, PolicyName: 'none' }),

  AttachUserPolicy: ({ user, policyArn }) => ({ UserName: user, PolicyArn: policyArn }),
  DetachUserPolicy: ({ user, policyArn }) => ({ UserName: user, PolicyArn: policyArn }),
  DeleteUser: onUser,
  ListGroupsForUser: onUser,
  ListAttachedUserPolicies: onUser,
  ListUserPolicies: onUser,
  DeleteUserPolicy: ({ user }) => ({ UserName: user, PolicyName: 'none' }),
  ListAccessKeys: onUser,
  DeleteAccessKey: ({ user }) => ({ UserName: user, AccessKeyId: 'AKIA0000000000000000' }),
  DeleteLoginProfile: onUser,
  ListMFADevices: onUser,
  DeactivateMFADevice: ({ user }) => ({ UserName: user, SerialNumber: 'GAHT00000000' }),
  ListSigningCertificates: onUser,
  DeleteSigningCertificate: ({ user }) => ({ UserName: user, CertificateId: '0'.repeat(32) }),
  ListSSHPublicKeys: onUser,
  DeleteSSHPublicKey: ({ user }) => ({ UserName: user, SSHPublicKeyId: 'APKA0000000000000000' }),
  ListServiceSpecificCredentials: onUser,
  DeleteServiceSpecificCredential: ({ user }) => ({
    UserName: user,
    ServiceSpecificCredentialId: 'ACCA0000000000000000',
  }),
};

/** What IAM answered to a probe. */
export type ProbeAnswer =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'denied'; readonly denial: Denial }
  /** There is no probe, or the answer says nothing about the permission. */
  | { readonly kind: 'unknown'; readonly why: string }
  /** Other probes would fail as well, or IAM asks for fewer requests. */
  | { readonly kind: 'stopped'; readonly error: unknown; readonly verdict: StepError['verdict'] };

/**
 * Asks IAM whether it allows an operation.
 *
 * @throws the signal's reason
 */
export async function askIam(
  operation: PermittedOperation,
  targets: ProbeTargets,
  { iam }: Pick<Session, 'iam'>,
  { probe, signal }: Pick<DoctorContext, 'probe' | 'signal'>,
): Promise<ProbeAnswer> {
  const inputOf = probes[operation];
  if (typeof inputOf !== 'function') return { kind: 'unknown', why: inputOf.why };
  const input = inputOf(targets);
  if ('PolicyArn' in input && input['PolicyArn'] === undefined) {
    return { kind: 'unknown', why: 'the ARN of the test policy is unknown' };
  }
  const name = `${operation.charAt(0).toLowerCase()}${operation.slice(1)}` as Uncapitalize<PermittedOperation>;
  try {
    await probe(`asking IAM about ${operation}`, (within) => requestsOf(iam, within)(name, input));
    return { kind: 'allowed' };
  } catch (error) {
    signal.throwIfAborted();
    if (codeOf(error) === 'NoSuchEntity') return { kind: 'allowed' };
    const { verdict, message } = explainError(error, operation);
    if (verdict === 'permission') return { kind: 'denied', denial: readDenial(messageOf(error)) };
    // Each further probe might take the whole time limit.
    if (verdict === 'timeout' || endsSweep(error, signal)) return { kind: 'stopped', error, verdict };
    return { kind: 'unknown', why: message };
  }
}
