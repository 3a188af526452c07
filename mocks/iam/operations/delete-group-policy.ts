import type { DeleteGroupPolicyCommandInput } from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { noteRemoval } from '../delete-blockers.ts';
import { findGroup } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import type { IamState } from '../state.ts';
import { requireName } from '../validate.ts';

/**
 * Deletes an inline policy of a group.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroupPolicy.html
 */
export function deleteGroupPolicy(state: IamState, input: DeleteGroupPolicyCommandInput): NoOutput {
  const group = findGroup(state, input.GroupName);
  const policyName = requireName('policyName', input.PolicyName);
  if (!group.inlinePolicies.delete(policyName)) {
    throw noSuchEntity(`The group policy with name ${policyName} cannot be found.`);
  }
  noteRemoval(state, group, 'inlinePolicies');
  return {};
}
