import type { AttachUserPolicyCommandInput } from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import { attachPolicy } from '../policies.ts';
import type { IamState } from '../state.ts';

/**
 * Gives a managed policy to a user; doing it twice is no error.
 * @throws NoSuchEntity, LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachUserPolicy.html
 */
export function attachUserPolicy(state: IamState, input: AttachUserPolicyCommandInput): NoOutput {
  const user = findUser(state, input.UserName);
  attachPolicy(state, user, input.PolicyArn, { name: 'PoliciesPerUser', limit: state.limits.attachedPoliciesPerUser });
  return {};
}
