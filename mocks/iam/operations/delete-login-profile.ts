import type { DeleteLoginProfileCommandInput } from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { noteRemoval } from '../delete-blockers.ts';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import type { IamState } from '../state.ts';

/**
 * Takes a user's password.
 * @throws NoSuchEntity when there is none
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html
 */
export function deleteLoginProfile(state: IamState, input: DeleteLoginProfileCommandInput): NoOutput {
  const user = findUser(state, input.UserName);
  if (!user.loginProfile) throw noSuchEntity(`Login Profile for User ${user.entity.UserName} cannot be found.`);
  delete user.loginProfile;
  noteRemoval(state, user, 'loginProfile');
  return {};
}
