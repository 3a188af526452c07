import {
  AttachGroupPolicyCommand,
  AttachUserPolicyCommand,
  type AttachedPolicy,
  DeleteGroupPolicyCommand,
  DeleteUserPolicyCommand,
  DetachGroupPolicyCommand,
  DetachUserPolicyCommand,
  ListAttachedGroupPoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListGroupPoliciesCommand,
  ListUserPoliciesCommand,
  PutGroupPolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { findGroup, findUser, noteRemoval } from '../records.ts';
import type { IamState, PolicyHolder } from '../state.ts';
import {
  type PolicyArn,
  requireName,
  requirePathPrefix,
  requirePolicyArn,
  requirePolicyDocument,
  requireRoom,
} from '../validate.ts';
import { operation, type Page, pageOf, type PageRequest, type PathRequest } from './operation.ts';

export const policyOperations = {
  AttachUserPolicy: operation(AttachUserPolicyCommand, (state, input) => {
    const quota = { name: 'PoliciesPerUser', limit: state.limits.attachedPoliciesPerUser };
    return attachPolicy(state, findUser(state, input.UserName), input.PolicyArn, quota);
  }),

  AttachGroupPolicy: operation(AttachGroupPolicyCommand, (state, input) => {
    const quota = { name: 'PoliciesPerGroup', limit: state.limits.attachedPoliciesPerGroup };
    return attachPolicy(state, findGroup(state, input.GroupName), input.PolicyArn, quota);
  }),

  DetachUserPolicy: operation(DetachUserPolicyCommand, (state, input) =>
    detachPolicy(state, findUser(state, input.UserName), input.PolicyArn),
  ),

  DetachGroupPolicy: operation(DetachGroupPolicyCommand, (state, input) =>
    detachPolicy(state, findGroup(state, input.GroupName), input.PolicyArn),
  ),

  ListAttachedUserPolicies: operation(ListAttachedUserPoliciesCommand, (state, input) => {
    const { items, position } = pageOfAttachedPolicies(state, findUser(state, input.UserName), input);
    return { AttachedPolicies: items, ...position };
  }),

  ListAttachedGroupPolicies: operation(ListAttachedGroupPoliciesCommand, (state, input) => {
    const { items, position } = pageOfAttachedPolicies(state, findGroup(state, input.GroupName), input);
    return { AttachedPolicies: items, ...position };
  }),

  PutUserPolicy: operation(PutUserPolicyCommand, (state, input) =>
    putInlinePolicy(findUser(state, input.UserName), input),
  ),

  PutGroupPolicy: operation(PutGroupPolicyCommand, (state, input) =>
    putInlinePolicy(findGroup(state, input.GroupName), input),
  ),

  DeleteUserPolicy: operation(DeleteUserPolicyCommand, (state, input) =>
    deleteInlinePolicy(state, 'user', findUser(state, input.UserName), input.PolicyName),
  ),

  DeleteGroupPolicy: operation(DeleteGroupPolicyCommand, (state, input) =>
    deleteInlinePolicy(state, 'group', findGroup(state, input.GroupName), input.PolicyName),
  ),

  ListUserPolicies: operation(ListUserPoliciesCommand, (state, input) => {
    const { items, position } = pageOfInlinePolicies(findUser(state, input.UserName), input);
    return { PolicyNames: items, ...position };
  }),

  ListGroupPolicies: operation(ListGroupPoliciesCommand, (state, input) => {
    const { items, position } = pageOfInlinePolicies(findGroup(state, input.GroupName), input);
    return { PolicyNames: items, ...position };
  }),
};

/**
 * Attaches a managed policy to a user or group. Attaching it twice is no error.
 * @param quota AWS's name for the quota, and its size.
 * @throws NoSuchEntity, LimitExceeded, ValidationError, InvalidInput
 */
export function attachPolicy(
  state: IamState,
  holder: PolicyHolder,
  policyArn: string | undefined,
  quota: { readonly name: string; readonly limit: number },
): object {
  const { arn, name } = requireExistingPolicy(state, policyArn);
  if (holder.attachedPolicies.has(arn)) return {};
  requireRoom(quota.name, quota.limit, holder.attachedPolicies.size);
  holder.attachedPolicies.set(arn, { PolicyArn: arn, PolicyName: name });
  return {};
}

function detachPolicy(state: IamState, holder: PolicyHolder, policyArn: string | undefined): object {
  const { arn } = requirePolicyArn(state, policyArn);
  if (!holder.attachedPolicies.delete(arn)) throw noSuchEntity(`Policy ${arn} was not found.`);
  noteRemoval(state, holder, 'attachedPolicies');
  return {};
}

function pageOfAttachedPolicies(state: IamState, holder: PolicyHolder, request: PathRequest): Page<AttachedPolicy> {
  const prefix = requirePathPrefix(request.PathPrefix);
  return pageOf(holder.attachedPolicies, request, ({ PolicyArn: arn }) =>
    requirePolicyArn(state, arn).path.startsWith(prefix),
  );
}

/** The path of the monitor's own test policies. Every policy under it exists in the mock. */
const testPolicyPath = '/AwsIamMonitorTestPolicies/';

/**
 * The policies that exist are AWS's own, the monitor's test policies of this account, and those in the options.
 * @param what AWS's word for it in its error: `Scope ARN:` is a permissions boundary.
 * @throws NoSuchEntity, ValidationError, InvalidInput
 */
export function requireExistingPolicy(
  state: IamState,
  value: string | undefined,
  what: 'Policy' | 'Scope ARN:' = 'Policy',
): PolicyArn {
  const policy = requirePolicyArn(state, value);
  const isOwnTestPolicy = policy.account === state.accountId && policy.path.startsWith(testPolicyPath);
  if (policy.account === 'aws' || isOwnTestPolicy || state.policies.has(policy.arn)) return policy;
  throw noSuchEntity(`${what} ${policy.arn} does not exist or is not attachable.`);
}

/** Replaces a policy of the same name. */
function putInlinePolicy(
  { inlinePolicies }: PolicyHolder,
  input: { readonly PolicyName: string | undefined; readonly PolicyDocument: string | undefined },
): object {
  const policyName = requireName('policyName', input.PolicyName);
  inlinePolicies.set(policyName, requirePolicyDocument(input.PolicyDocument));
  return {};
}

function deleteInlinePolicy(
  state: IamState,
  kind: 'user' | 'group',
  holder: PolicyHolder,
  name: string | undefined,
): object {
  const policyName = requireName('policyName', name);
  if (!holder.inlinePolicies.delete(policyName)) {
    throw noSuchEntity(`The ${kind} policy with name ${policyName} cannot be found.`);
  }
  noteRemoval(state, holder, 'inlinePolicies');
  return {};
}

function pageOfInlinePolicies({ inlinePolicies }: PolicyHolder, request: PageRequest): Page<string> {
  return pageOf(new Map([...inlinePolicies.keys()].map((name) => [name, name])), request);
}
