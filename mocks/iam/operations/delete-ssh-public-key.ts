import type { DeleteSSHPublicKeyCommandInput } from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { noteRemoval } from '../delete-blockers.ts';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import type { IamState } from '../state.ts';

/**
 * Deletes one of a user's SSH public keys.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteSSHPublicKey.html
 */
export function deleteSshPublicKey(state: IamState, input: DeleteSSHPublicKeyCommandInput): NoOutput {
  const user = findUser(state, input.UserName);
  if (!user.sshPublicKeys.delete(input.SSHPublicKeyId ?? '')) {
    throw noSuchEntity(`The Public Key with id ${input.SSHPublicKeyId} cannot be found.`);
  }
  noteRemoval(state, user, 'sshPublicKeys');
  return {};
}
