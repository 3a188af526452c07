import type {
  ListAttachedGroupPoliciesCommandInput,
  ListAttachedGroupPoliciesCommandOutput,
} from '@aws-sdk/client-iam';
import { findGroup } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOfAttachedPolicies } from '../policies.ts';
import type { IamState } from '../state.ts';

/**
 * Lists the managed policies of a group by ARN.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedGroupPolicies.html
 */
export function listAttachedGroupPolicies(
  state: IamState,
  input: ListAttachedGroupPoliciesCommandInput,
): Answer<ListAttachedGroupPoliciesCommandOutput> {
  const { items, position } = pageOfAttachedPolicies(state, findGroup(state, input.GroupName), input);
  return { AttachedPolicies: items, ...position };
}
