import type { DeleteServiceSpecificCredentialCommandInput } from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { noteRemoval } from '../delete-blockers.ts';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import type { IamState } from '../state.ts';

/**
 * Deletes one of a user's credentials for a single service.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteServiceSpecificCredential.html
 */
export function deleteServiceSpecificCredential(
  state: IamState,
  input: DeleteServiceSpecificCredentialCommandInput,
): NoOutput {
  const user = findUser(state, input.UserName);
  if (!user.serviceSpecificCredentials.delete(input.ServiceSpecificCredentialId ?? '')) {
    throw noSuchEntity(`No such credential ${input.ServiceSpecificCredentialId} exists`);
  }
  noteRemoval(state, user, 'serviceSpecificCredentials');
  return {};
}
