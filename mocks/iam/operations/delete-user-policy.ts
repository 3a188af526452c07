import type { DeleteUserPolicyCommandInput } from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { noteRemoval } from '../delete-blockers.ts';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import type { IamState } from '../state.ts';
import { requireName } from '../validate.ts';

/**
 * Deletes an inline policy of a user.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPolicy.html
 */
export function deleteUserPolicy(state: IamState, input: DeleteUserPolicyCommandInput): NoOutput {
  const user = findUser(state, input.UserName);
  const policyName = requireName('policyName', input.PolicyName);
  if (!user.inlinePolicies.delete(policyName)) {
    throw noSuchEntity(`The user policy with name ${policyName} cannot be found.`);
  }
  noteRemoval(state, user, 'inlinePolicies');
  return {};
}
