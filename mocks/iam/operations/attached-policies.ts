import {
  AttachGroupPolicyCommand,
  AttachUserPolicyCommand,
  type AttachedPolicy,
  DetachGroupPolicyCommand,
  DetachUserPolicyCommand,
  ListAttachedGroupPoliciesCommand,
  ListAttachedUserPoliciesCommand,
} from '@aws-sdk/client-iam';
import { limitExceeded, noSuchEntity } from '../aws-error.ts';
import { findGroup, findUser, noteRemoval } from '../records.ts';
import { type IamState, type PolicyHolder } from '../state.ts';
import { type PolicyArn, requirePathPrefix, requirePolicyArn } from '../validate.ts';
import { type Page, type PageRequest, operation, pageOf } from './operation.ts';

/**
 * Attaches a managed policy to a user. Attaching it twice is no error.
 * @throws NoSuchEntity, LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachUserPolicy.html
 */
export const attachUserPolicy = operation(AttachUserPolicyCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  attachPolicy(state, user, input.PolicyArn, { name: 'PoliciesPerUser', limit: state.limits.attachedPoliciesPerUser });
  return {};
});

/**
 * Detaches a managed policy from a user.
 * @throws NoSuchEntity if it is not attached
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachUserPolicy.html
 */
export const detachUserPolicy = operation(DetachUserPolicyCommand, (state, input) => {
  detachPolicy(state, findUser(state, input.UserName), input.PolicyArn);
  return {};
});

/**
 * Lists the managed policies of a user by ARN.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedUserPolicies.html
 */
export const listAttachedUserPolicies = operation(ListAttachedUserPoliciesCommand, (state, input) => {
  const { items, position } = pageOfAttachedPolicies(state, findUser(state, input.UserName), input);
  return { AttachedPolicies: items, ...position };
});

/**
 * Attaches a managed policy to a group. Attaching it twice is no error.
 * @throws NoSuchEntity, LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachGroupPolicy.html
 */
export const attachGroupPolicy = operation(AttachGroupPolicyCommand, (state, input) => {
  const group = findGroup(state, input.GroupName);
  attachPolicy(state, group, input.PolicyArn, {
    name: 'PoliciesPerGroup',
    limit: state.limits.attachedPoliciesPerGroup,
  });
  return {};
});

/**
 * Detaches a managed policy from a group.
 * @throws NoSuchEntity if it is not attached
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachGroupPolicy.html
 */
export const detachGroupPolicy = operation(DetachGroupPolicyCommand, (state, input) => {
  detachPolicy(state, findGroup(state, input.GroupName), input.PolicyArn);
  return {};
});

/**
 * Lists the managed policies of a group by ARN.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedGroupPolicies.html
 */
export const listAttachedGroupPolicies = operation(ListAttachedGroupPoliciesCommand, (state, input) => {
  const { items, position } = pageOfAttachedPolicies(state, findGroup(state, input.GroupName), input);
  return { AttachedPolicies: items, ...position };
});

/** The path of the monitor's own test policies. Every policy under it exists in the mock. */
const testPolicyPath = '/AwsIamMonitorTestPolicies/';

/**
 * Attaches a managed policy to a user or group. Attaching it twice is no error.
 * @param quota AWS's name for the quota, and its size.
 * @throws NoSuchEntityException, LimitExceededException, ValidationError, InvalidInputException
 */
export function attachPolicy(
  state: IamState,
  holder: PolicyHolder,
  policyArn: string | undefined,
  quota: { readonly name: string; readonly limit: number },
): void {
  const { arn, name } = requireExistingPolicy(state, policyArn);
  if (holder.attachedPolicies.has(arn)) return;
  if (holder.attachedPolicies.size >= quota.limit) throw limitExceeded(quota.name, quota.limit);
  holder.attachedPolicies.set(arn, { PolicyArn: arn, PolicyName: name });
}

function detachPolicy(state: IamState, holder: PolicyHolder, policyArn: string | undefined): void {
  const { arn } = requirePolicyArn(state, policyArn);
  if (!holder.attachedPolicies.delete(arn)) throw noSuchEntity(`Policy ${arn} was not found.`);
  noteRemoval(state, holder, 'attachedPolicies');
}

function pageOfAttachedPolicies(
  state: IamState,
  holder: PolicyHolder,
  request: PageRequest & { readonly PathPrefix?: string | undefined },
): Page<AttachedPolicy> {
  const prefix = requirePathPrefix(request.PathPrefix);
  return pageOf(holder.attachedPolicies, request, ({ PolicyArn: arn }) =>
    requirePolicyArn(state, arn).path.startsWith(prefix),
  );
}

/** The policies that exist are AWS's own, the monitor's test policies of this account, and those in the options. */
function requireExistingPolicy(state: IamState, value: string | undefined): PolicyArn {
  const policy = requirePolicyArn(state, value);
  const isOwnTestPolicy = policy.account === state.accountId && policy.path.startsWith(testPolicyPath);
  if (policy.account === 'aws' || isOwnTestPolicy || state.policies.has(policy.arn)) return policy;
  throw noSuchEntity(`Policy ${policy.arn} does not exist or is not attachable.`);
}
