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
import { IamError, noSuchEntity } from '../aws-error.ts';
import { findGroup, findUser, noteRemoval } from '../records.ts';
import type { IamState, PolicyHolder } from '../state.ts';
import {
  policySizeOf,
  requireName,
  requirePathPrefix,
  requirePolicyArn,
  requirePolicyDocument,
  requireRoom,
} from '../validate.ts';
import { requireAttachablePolicy } from './managed-policies.ts';
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
    putInlinePolicy(findUser(state, input.UserName), input, `user ${input.UserName}`, state.limits.userPolicySize),
  ),

  PutGroupPolicy: operation(PutGroupPolicyCommand, (state, input) =>
    putInlinePolicy(findGroup(state, input.GroupName), input, `group ${input.GroupName}`, state.limits.groupPolicySize),
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
  const { arn, name } = requireAttachablePolicy(state, policyArn);
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

/**
 * Replaces a policy of the same name.
 * @param holderName As AWS names the user or group in a message: `user bob`.
 */
function putInlinePolicy(
  { inlinePolicies }: PolicyHolder,
  input: { readonly PolicyName: string | undefined; readonly PolicyDocument: string | undefined },
  holderName: string,
  maxSize: number,
): object {
  const policyName = requireName('policyName', input.PolicyName);
  const document = requirePolicyDocument(input.PolicyDocument);
  const all = [...new Map([...inlinePolicies, [policyName, document]]).values()];
  if (policySizeOf(all.join('')) > maxSize) {
    throw new IamError('LimitExceeded', 409, `Maximum policy size of ${maxSize} bytes exceeded for ${holderName}`);
  }
  inlinePolicies.set(policyName, document);
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
