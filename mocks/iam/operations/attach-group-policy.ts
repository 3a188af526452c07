import type { AttachGroupPolicyCommandInput } from '@aws-sdk/client-iam';
import { findGroup } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import { attachPolicy } from '../policies.ts';
import type { IamState } from '../state.ts';

/**
 * Gives a managed policy to a group; doing it twice is no error.
 * @throws NoSuchEntity, LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachGroupPolicy.html
 */
export function attachGroupPolicy(state: IamState, input: AttachGroupPolicyCommandInput): NoOutput {
  const group = findGroup(state, input.GroupName);
  attachPolicy(state, group, input.PolicyArn, {
    name: 'PoliciesPerGroup',
    limit: state.limits.attachedPoliciesPerGroup,
  });
  return {};
}
