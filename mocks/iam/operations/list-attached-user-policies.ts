import type { ListAttachedUserPoliciesCommandInput, ListAttachedUserPoliciesCommandOutput } from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOfAttachedPolicies } from '../policies.ts';
import type { IamState } from '../state.ts';

/**
 * Lists the managed policies of a user by ARN.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedUserPolicies.html
 */
export function listAttachedUserPolicies(
  state: IamState,
  input: ListAttachedUserPoliciesCommandInput,
): Answer<ListAttachedUserPoliciesCommandOutput> {
  const { items, position } = pageOfAttachedPolicies(state, findUser(state, input.UserName), input);
  return { AttachedPolicies: items, ...position };
}
