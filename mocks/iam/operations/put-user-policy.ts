import type { PutUserPolicyCommandInput } from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import type { IamState } from '../state.ts';
import { requireName, requirePolicyDocument } from '../validate.ts';

/**
 * Writes an inline policy of a user, over one of the same name.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html
 */
export function putUserPolicy(state: IamState, input: PutUserPolicyCommandInput): NoOutput {
  const user = findUser(state, input.UserName);
  const policyName = requireName('policyName', input.PolicyName);
  user.inlinePolicies.set(policyName, requirePolicyDocument(input.PolicyDocument));
  return {};
}
