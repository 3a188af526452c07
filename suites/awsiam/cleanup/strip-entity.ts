import type { IAM } from '@aws-sdk/client-iam';
import { codeOf } from '../errors/error-kinds.ts';

/** One request at a time, at the sweep's pace. */
export type Send = <Answer>(
  request: (options: { readonly abortSignal: AbortSignal }) => Promise<Answer>,
) => Promise<Answer>;

/**
 * Takes away everything that keeps IAM from deleting a user: what a killed run left, and what somebody may have added
 * to a test user since. A virtual MFA device is deactivated but remains in the account: it is not the user's.
 *
 * @param UserName of a user that was checked to be a test user
 */
export async function stripUser(iam: IAM, UserName: string, send: Send): Promise<void> {
  const user = { UserName };

  const { Groups = [] } = await send((o) => iam.listGroupsForUser(user, o));
  for (const { GroupName } of Groups) await unlessGone(send((o) => iam.removeUserFromGroup({ ...user, GroupName }, o)));

  const { AttachedPolicies = [] } = await send((o) => iam.listAttachedUserPolicies(user, o));
  for (const { PolicyArn } of AttachedPolicies) {
    await unlessGone(send((o) => iam.detachUserPolicy({ ...user, PolicyArn }, o)));
  }

  const { PolicyNames = [] } = await send((o) => iam.listUserPolicies(user, o));
  for (const PolicyName of PolicyNames) await unlessGone(send((o) => iam.deleteUserPolicy({ ...user, PolicyName }, o)));

  const { AccessKeyMetadata = [] } = await send((o) => iam.listAccessKeys(user, o));
  for (const { AccessKeyId } of AccessKeyMetadata) {
    await unlessGone(send((o) => iam.deleteAccessKey({ ...user, AccessKeyId }, o)));
  }

  await unlessGone(send((o) => iam.deleteLoginProfile(user, o)));

  const { MFADevices = [] } = await send((o) => iam.listMFADevices(user, o));
  for (const { SerialNumber } of MFADevices) {
    await unlessGone(send((o) => iam.deactivateMFADevice({ ...user, SerialNumber }, o)));
  }

  const { Certificates = [] } = await send((o) => iam.listSigningCertificates(user, o));
  for (const { CertificateId } of Certificates) {
    await unlessGone(send((o) => iam.deleteSigningCertificate({ ...user, CertificateId }, o)));
  }

  const { SSHPublicKeys = [] } = await send((o) => iam.listSSHPublicKeys(user, o));
  for (const { SSHPublicKeyId } of SSHPublicKeys) {
    await unlessGone(send((o) => iam.deleteSSHPublicKey({ ...user, SSHPublicKeyId }, o)));
  }

  const { ServiceSpecificCredentials = [] } = await send((o) => iam.listServiceSpecificCredentials(user, o));
  for (const { ServiceSpecificCredentialId } of ServiceSpecificCredentials) {
    await unlessGone(send((o) => iam.deleteServiceSpecificCredential({ ...user, ServiceSpecificCredentialId }, o)));
  }
}

/** The same for a group: its members and its policies. */
export async function stripGroup(iam: IAM, GroupName: string, send: Send): Promise<void> {
  const group = { GroupName };

  for (let more = true; more;) {
    const { Users = [], IsTruncated = false } = await send((o) => iam.getGroup(group, o));
    for (const { UserName } of Users) await unlessGone(send((o) => iam.removeUserFromGroup({ ...group, UserName }, o)));
    more = IsTruncated && Users.length > 0;
  }

  const { AttachedPolicies = [] } = await send((o) => iam.listAttachedGroupPolicies(group, o));
  for (const { PolicyArn } of AttachedPolicies) {
    await unlessGone(send((o) => iam.detachGroupPolicy({ ...group, PolicyArn }, o)));
  }

  const { PolicyNames = [] } = await send((o) => iam.listGroupPolicies(group, o));
  for (const PolicyName of PolicyNames) {
    await unlessGone(send((o) => iam.deleteGroupPolicy({ ...group, PolicyName }, o)));
  }
}

/** Another sweep, or a person, may have been faster. */
export async function unlessGone(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (codeOf(error) !== 'NoSuchEntity') throw error;
  }
}
