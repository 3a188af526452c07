import type { DetachGroupPolicyCommandInput } from '@aws-sdk/client-iam';
import { findGroup } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import { detachPolicy } from '../policies.ts';
import type { IamState } from '../state.ts';

/**
 * Takes a managed policy from a group.
 * @throws NoSuchEntity when it was not attached
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachGroupPolicy.html
 */
export function detachGroupPolicy(state: IamState, input: DetachGroupPolicyCommandInput): NoOutput {
  detachPolicy(state, findGroup(state, input.GroupName), input.PolicyArn);
  return {};
}
