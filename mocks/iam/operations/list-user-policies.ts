import type { ListUserPoliciesCommandInput, ListUserPoliciesCommandOutput } from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOfKeys } from '../page.ts';
import type { IamState } from '../state.ts';

/**
 * Lists the names of the inline policies of a user.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUserPolicies.html
 */
export function listUserPolicies(
  state: IamState,
  input: ListUserPoliciesCommandInput,
): Answer<ListUserPoliciesCommandOutput> {
  const { items, position } = pageOfKeys(findUser(state, input.UserName).inlinePolicies, input);
  return { PolicyNames: items, ...position };
}
