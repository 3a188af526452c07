import type { DetachUserPolicyCommandInput } from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import { detachPolicy } from '../policies.ts';
import type { IamState } from '../state.ts';

/**
 * Takes a managed policy from a user.
 * @throws NoSuchEntity when it was not attached
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachUserPolicy.html
 */
export function detachUserPolicy(state: IamState, input: DetachUserPolicyCommandInput): NoOutput {
  detachPolicy(state, findUser(state, input.UserName), input.PolicyArn);
  return {};
}
