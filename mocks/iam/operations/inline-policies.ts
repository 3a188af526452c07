import {
  DeleteGroupPolicyCommand,
  DeleteUserPolicyCommand,
  ListGroupPoliciesCommand,
  ListUserPoliciesCommand,
  PutGroupPolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { findGroup, findUser, noteRemoval } from '../records.ts';
import { requireName, requirePolicyDocument } from '../validate.ts';
import { type Page, type PageRequest, operation, pageOf } from './operation.ts';

/**
 * Writes an inline policy of a user. Replaces one of the same name.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html
 */
export const putUserPolicy = operation(PutUserPolicyCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  const policyName = requireName('policyName', input.PolicyName);
  user.inlinePolicies.set(policyName, requirePolicyDocument(input.PolicyDocument));
  return {};
});

/**
 * Deletes an inline policy of a user.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPolicy.html
 */
export const deleteUserPolicy = operation(DeleteUserPolicyCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  const policyName = requireName('policyName', input.PolicyName);
  if (!user.inlinePolicies.delete(policyName)) {
    throw noSuchEntity(`The user policy with name ${policyName} cannot be found.`);
  }
  noteRemoval(state, user, 'inlinePolicies');
  return {};
});

/**
 * Lists the names of the inline policies of a user.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUserPolicies.html
 */
export const listUserPolicies = operation(ListUserPoliciesCommand, (state, input) => {
  const { items, position } = pageOfNames(findUser(state, input.UserName).inlinePolicies, input);
  return { PolicyNames: items, ...position };
});

/**
 * Writes an inline policy of a group. Replaces one of the same name.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutGroupPolicy.html
 */
export const putGroupPolicy = operation(PutGroupPolicyCommand, (state, input) => {
  const group = findGroup(state, input.GroupName);
  const policyName = requireName('policyName', input.PolicyName);
  group.inlinePolicies.set(policyName, requirePolicyDocument(input.PolicyDocument));
  return {};
});

/**
 * Deletes an inline policy of a group.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroupPolicy.html
 */
export const deleteGroupPolicy = operation(DeleteGroupPolicyCommand, (state, input) => {
  const group = findGroup(state, input.GroupName);
  const policyName = requireName('policyName', input.PolicyName);
  if (!group.inlinePolicies.delete(policyName)) {
    throw noSuchEntity(`The group policy with name ${policyName} cannot be found.`);
  }
  noteRemoval(state, group, 'inlinePolicies');
  return {};
});

/**
 * Lists the names of the inline policies of a group.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupPolicies.html
 */
export const listGroupPolicies = operation(ListGroupPoliciesCommand, (state, input) => {
  const { items, position } = pageOfNames(findGroup(state, input.GroupName).inlinePolicies, input);
  return { PolicyNames: items, ...position };
});

function pageOfNames(policies: ReadonlyMap<string, string>, request: PageRequest): Page<string> {
  return pageOf(new Map([...policies.keys()].map((name) => [name, name])), request);
}
