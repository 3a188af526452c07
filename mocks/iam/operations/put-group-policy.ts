import type { PutGroupPolicyCommandInput } from '@aws-sdk/client-iam';
import { findGroup } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import type { IamState } from '../state.ts';
import { requireName, requirePolicyDocument } from '../validate.ts';

/**
 * Writes an inline policy of a group, over one of the same name.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutGroupPolicy.html
 */
export function putGroupPolicy(state: IamState, input: PutGroupPolicyCommandInput): NoOutput {
  const group = findGroup(state, input.GroupName);
  const policyName = requireName('policyName', input.PolicyName);
  group.inlinePolicies.set(policyName, requirePolicyDocument(input.PolicyDocument));
  return {};
}
