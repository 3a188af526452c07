import type { ListGroupPoliciesCommandInput, ListGroupPoliciesCommandOutput } from '@aws-sdk/client-iam';
import { findGroup } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOfKeys } from '../page.ts';
import type { IamState } from '../state.ts';

/**
 * Lists the names of the inline policies of a group.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupPolicies.html
 */
export function listGroupPolicies(
  state: IamState,
  input: ListGroupPoliciesCommandInput,
): Answer<ListGroupPoliciesCommandOutput> {
  const { items, position } = pageOfKeys(findGroup(state, input.GroupName).inlinePolicies, input);
  return { PolicyNames: items, ...position };
}
