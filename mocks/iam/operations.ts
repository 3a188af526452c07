import * as accessKeys from './operations/access-keys.ts';
import * as account from './operations/account.ts';
import * as attachedPolicies from './operations/attached-policies.ts';
import * as groups from './operations/groups.ts';
import * as inlinePolicies from './operations/inline-policies.ts';
import * as loginProfile from './operations/login-profile.ts';
import * as mfaDevices from './operations/mfa-devices.ts';
import * as serviceSpecificCredentials from './operations/service-specific-credentials.ts';
import * as signingCertificates from './operations/signing-certificates.ts';
import * as sshPublicKeys from './operations/ssh-public-keys.ts';
import * as users from './operations/users.ts';

/**
 * Every operation that the mock knows, by IAM's name for it. To add one, export it from the file of its resource in
 * `operations/` and add a line here. A request for any other operation is refused by name.
 */
export const operations = {
  AddUserToGroup: groups.addUserToGroup,
  AttachGroupPolicy: attachedPolicies.attachGroupPolicy,
  AttachUserPolicy: attachedPolicies.attachUserPolicy,
  CreateAccessKey: accessKeys.createAccessKey,
  CreateGroup: groups.createGroup,
  CreateLoginProfile: loginProfile.createLoginProfile,
  CreateServiceSpecificCredential: serviceSpecificCredentials.createServiceSpecificCredential,
  CreateUser: users.createUser,
  DeactivateMFADevice: mfaDevices.deactivateMfaDevice,
  DeleteAccessKey: accessKeys.deleteAccessKey,
  DeleteGroup: groups.deleteGroup,
  DeleteGroupPolicy: inlinePolicies.deleteGroupPolicy,
  DeleteLoginProfile: loginProfile.deleteLoginProfile,
  DeleteSSHPublicKey: sshPublicKeys.deleteSshPublicKey,
  DeleteServiceSpecificCredential: serviceSpecificCredentials.deleteServiceSpecificCredential,
  DeleteSigningCertificate: signingCertificates.deleteSigningCertificate,
  DeleteUser: users.deleteUser,
  DeleteUserPolicy: inlinePolicies.deleteUserPolicy,
  DetachGroupPolicy: attachedPolicies.detachGroupPolicy,
  DetachUserPolicy: attachedPolicies.detachUserPolicy,
  EnableMFADevice: mfaDevices.enableMfaDevice,
  GetAccountSummary: account.getAccountSummary,
  GetGroup: groups.getGroup,
  GetLoginProfile: loginProfile.getLoginProfile,
  GetUser: users.getUser,
  ListAccessKeys: accessKeys.listAccessKeys,
  ListAttachedGroupPolicies: attachedPolicies.listAttachedGroupPolicies,
  ListAttachedUserPolicies: attachedPolicies.listAttachedUserPolicies,
  ListGroupPolicies: inlinePolicies.listGroupPolicies,
  ListGroups: groups.listGroups,
  ListGroupsForUser: groups.listGroupsForUser,
  ListMFADevices: mfaDevices.listMfaDevices,
  ListSSHPublicKeys: sshPublicKeys.listSshPublicKeys,
  ListServiceSpecificCredentials: serviceSpecificCredentials.listServiceSpecificCredentials,
  ListSigningCertificates: signingCertificates.listSigningCertificates,
  ListUserPolicies: inlinePolicies.listUserPolicies,
  ListUsers: users.listUsers,
  PutGroupPolicy: inlinePolicies.putGroupPolicy,
  PutUserPolicy: inlinePolicies.putUserPolicy,
  RemoveUserFromGroup: groups.removeUserFromGroup,
  UploadSSHPublicKey: sshPublicKeys.uploadSshPublicKey,
  UploadSigningCertificate: signingCertificates.uploadSigningCertificate,
} as const;

/** `CreateUser`, `ListUsers`, … */
export type OperationName = keyof typeof operations;

/** Whether the mock knows an operation of that name. */
export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}
