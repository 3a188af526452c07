import type { DeleteUserCommandInput } from '@aws-sdk/client-iam';
import { refuseWhileBlocked } from '../delete-blockers.ts';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import { foldName, type IamState } from '../state.ts';

/**
 * Deletes a user to whom nothing belongs any more.
 * @throws DeleteConflict
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html
 */
export function deleteUser(state: IamState, input: DeleteUserCommandInput): NoOutput {
  const record = findUser(state, input.UserName);
  refuseWhileBlocked(state, record, {
    membership: record.groups.size,
    attachedPolicies: record.attachedPolicies.size,
    inlinePolicies: record.inlinePolicies.size,
    accessKeys: record.accessKeys.size,
    loginProfile: record.loginProfile ? 1 : 0,
    mfaDevices: record.mfaDevices.size,
    signingCertificates: record.signingCertificates.size,
    sshPublicKeys: record.sshPublicKeys.size,
    serviceSpecificCredentials: record.serviceSpecificCredentials.size,
  });
  state.users.delete(foldName(record.entity.UserName));
  return {};
}
