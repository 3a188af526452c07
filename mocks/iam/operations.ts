import {
  AddUserToGroupCommand,
  AttachGroupPolicyCommand,
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateGroupCommand,
  CreateLoginProfileCommand,
  CreateServiceSpecificCredentialCommand,
  CreateUserCommand,
  DeactivateMFADeviceCommand,
  DeleteAccessKeyCommand,
  DeleteGroupCommand,
  DeleteGroupPolicyCommand,
  DeleteLoginProfileCommand,
  DeleteSSHPublicKeyCommand,
  DeleteServiceSpecificCredentialCommand,
  DeleteSigningCertificateCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  DetachGroupPolicyCommand,
  DetachUserPolicyCommand,
  EnableMFADeviceCommand,
  GetAccountSummaryCommand,
  GetGroupCommand,
  GetLoginProfileCommand,
  GetUserCommand,
  ListAccessKeysCommand,
  ListAttachedGroupPoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListGroupPoliciesCommand,
  ListGroupsCommand,
  ListGroupsForUserCommand,
  ListMFADevicesCommand,
  ListSSHPublicKeysCommand,
  ListServiceSpecificCredentialsCommand,
  ListSigningCertificatesCommand,
  ListUserPoliciesCommand,
  ListUsersCommand,
  PutGroupPolicyCommand,
  PutUserPolicyCommand,
  RemoveUserFromGroupCommand,
  UploadSSHPublicKeyCommand,
  UploadSigningCertificateCommand,
} from '@aws-sdk/client-iam';
import { operation } from './operation.ts';
import { addUserToGroup } from './operations/add-user-to-group.ts';
import { attachGroupPolicy } from './operations/attach-group-policy.ts';
import { attachUserPolicy } from './operations/attach-user-policy.ts';
import { createAccessKey } from './operations/create-access-key.ts';
import { createGroup } from './operations/create-group.ts';
import { createLoginProfile } from './operations/create-login-profile.ts';
import { createServiceSpecificCredential } from './operations/create-service-specific-credential.ts';
import { createUser } from './operations/create-user.ts';
import { deactivateMfaDevice } from './operations/deactivate-mfa-device.ts';
import { deleteAccessKey } from './operations/delete-access-key.ts';
import { deleteGroup } from './operations/delete-group.ts';
import { deleteGroupPolicy } from './operations/delete-group-policy.ts';
import { deleteLoginProfile } from './operations/delete-login-profile.ts';
import { deleteSshPublicKey } from './operations/delete-ssh-public-key.ts';
import { deleteServiceSpecificCredential } from './operations/delete-service-specific-credential.ts';
import { deleteSigningCertificate } from './operations/delete-signing-certificate.ts';
import { deleteUser } from './operations/delete-user.ts';
import { deleteUserPolicy } from './operations/delete-user-policy.ts';
import { detachGroupPolicy } from './operations/detach-group-policy.ts';
import { detachUserPolicy } from './operations/detach-user-policy.ts';
import { enableMfaDevice } from './operations/enable-mfa-device.ts';
import { getAccountSummary } from './operations/get-account-summary.ts';
import { getGroup } from './operations/get-group.ts';
import { getLoginProfile } from './operations/get-login-profile.ts';
import { getUser } from './operations/get-user.ts';
import { listAccessKeys } from './operations/list-access-keys.ts';
import { listAttachedGroupPolicies } from './operations/list-attached-group-policies.ts';
import { listAttachedUserPolicies } from './operations/list-attached-user-policies.ts';
import { listGroupPolicies } from './operations/list-group-policies.ts';
import { listGroups } from './operations/list-groups.ts';
import { listGroupsForUser } from './operations/list-groups-for-user.ts';
import { listMfaDevices } from './operations/list-mfa-devices.ts';
import { listSshPublicKeys } from './operations/list-ssh-public-keys.ts';
import { listServiceSpecificCredentials } from './operations/list-service-specific-credentials.ts';
import { listSigningCertificates } from './operations/list-signing-certificates.ts';
import { listUserPolicies } from './operations/list-user-policies.ts';
import { listUsers } from './operations/list-users.ts';
import { putGroupPolicy } from './operations/put-group-policy.ts';
import { putUserPolicy } from './operations/put-user-policy.ts';
import { removeUserFromGroup } from './operations/remove-user-from-group.ts';
import { uploadSshPublicKey } from './operations/upload-ssh-public-key.ts';
import { uploadSigningCertificate } from './operations/upload-signing-certificate.ts';

/**
 * Every operation that the mock knows, by IAM's name for it. To add one: a file in `operations/` and a line here.
 * Whatever is not here is refused by name.
 */
export const operations = {
  AddUserToGroup: operation(AddUserToGroupCommand, addUserToGroup),
  AttachGroupPolicy: operation(AttachGroupPolicyCommand, attachGroupPolicy),
  AttachUserPolicy: operation(AttachUserPolicyCommand, attachUserPolicy),
  CreateAccessKey: operation(CreateAccessKeyCommand, createAccessKey),
  CreateGroup: operation(CreateGroupCommand, createGroup),
  CreateLoginProfile: operation(CreateLoginProfileCommand, createLoginProfile),
  CreateServiceSpecificCredential: operation(CreateServiceSpecificCredentialCommand, createServiceSpecificCredential),
  CreateUser: operation(CreateUserCommand, createUser),
  DeactivateMFADevice: operation(DeactivateMFADeviceCommand, deactivateMfaDevice),
  DeleteAccessKey: operation(DeleteAccessKeyCommand, deleteAccessKey),
  DeleteGroup: operation(DeleteGroupCommand, deleteGroup),
  DeleteGroupPolicy: operation(DeleteGroupPolicyCommand, deleteGroupPolicy),
  DeleteLoginProfile: operation(DeleteLoginProfileCommand, deleteLoginProfile),
  DeleteSSHPublicKey: operation(DeleteSSHPublicKeyCommand, deleteSshPublicKey),
  DeleteServiceSpecificCredential: operation(DeleteServiceSpecificCredentialCommand, deleteServiceSpecificCredential),
  DeleteSigningCertificate: operation(DeleteSigningCertificateCommand, deleteSigningCertificate),
  DeleteUser: operation(DeleteUserCommand, deleteUser),
  DeleteUserPolicy: operation(DeleteUserPolicyCommand, deleteUserPolicy),
  DetachGroupPolicy: operation(DetachGroupPolicyCommand, detachGroupPolicy),
  DetachUserPolicy: operation(DetachUserPolicyCommand, detachUserPolicy),
  EnableMFADevice: operation(EnableMFADeviceCommand, enableMfaDevice),
  GetAccountSummary: operation(GetAccountSummaryCommand, getAccountSummary),
  GetGroup: operation(GetGroupCommand, getGroup),
  GetLoginProfile: operation(GetLoginProfileCommand, getLoginProfile),
  GetUser: operation(GetUserCommand, getUser),
  ListAccessKeys: operation(ListAccessKeysCommand, listAccessKeys),
  ListAttachedGroupPolicies: operation(ListAttachedGroupPoliciesCommand, listAttachedGroupPolicies),
  ListAttachedUserPolicies: operation(ListAttachedUserPoliciesCommand, listAttachedUserPolicies),
  ListGroupPolicies: operation(ListGroupPoliciesCommand, listGroupPolicies),
  ListGroups: operation(ListGroupsCommand, listGroups),
  ListGroupsForUser: operation(ListGroupsForUserCommand, listGroupsForUser),
  ListMFADevices: operation(ListMFADevicesCommand, listMfaDevices),
  ListSSHPublicKeys: operation(ListSSHPublicKeysCommand, listSshPublicKeys),
  ListServiceSpecificCredentials: operation(ListServiceSpecificCredentialsCommand, listServiceSpecificCredentials),
  ListSigningCertificates: operation(ListSigningCertificatesCommand, listSigningCertificates),
  ListUserPolicies: operation(ListUserPoliciesCommand, listUserPolicies),
  ListUsers: operation(ListUsersCommand, listUsers),
  PutGroupPolicy: operation(PutGroupPolicyCommand, putGroupPolicy),
  PutUserPolicy: operation(PutUserPolicyCommand, putUserPolicy),
  RemoveUserFromGroup: operation(RemoveUserFromGroupCommand, removeUserFromGroup),
  UploadSSHPublicKey: operation(UploadSSHPublicKeyCommand, uploadSshPublicKey),
  UploadSigningCertificate: operation(UploadSigningCertificateCommand, uploadSigningCertificate),
} as const;

/** `CreateUser`, `ListUsers`, … */
export type OperationName = keyof typeof operations;

/** What an operation is given, by its name. */
export type OperationInput<Name extends OperationName> = Parameters<(typeof operations)[Name]['run']>[1];

/** What an operation answers, by its name, without the SDK's `$metadata`. */
export type OperationOutput<Name extends OperationName> = ReturnType<(typeof operations)[Name]['run']>;

/** Whether the mock knows an operation of that name. */
export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}
