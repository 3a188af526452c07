import type { DeleteAccessKeyCommandInput } from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { noteRemoval } from '../delete-blockers.ts';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import type { IamState } from '../state.ts';

/**
 * Deletes one of a user's access keys.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html
 */
export function deleteAccessKey(state: IamState, input: DeleteAccessKeyCommandInput): NoOutput {
  const user = findUser(state, input.UserName);
  if (!user.accessKeys.delete(input.AccessKeyId ?? '')) {
    throw noSuchEntity(`The Access Key with id ${input.AccessKeyId} cannot be found.`);
  }
  noteRemoval(state, user, 'accessKeys');
  return {};
}
