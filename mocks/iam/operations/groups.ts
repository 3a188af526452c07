import {
  AddUserToGroupCommand,
  CreateGroupCommand,
  DeleteGroupCommand,
  GetGroupCommand,
  ListGroupsCommand,
  ListGroupsForUserCommand,
  RemoveUserFromGroupCommand,
} from '@aws-sdk/client-iam';
import { entityAlreadyExists, limitExceeded, noSuchEntity } from '../aws-error.ts';
import { findGroup, findUser, isVisible, newGroupRecord, noteRemoval, refuseWhileBlocked } from '../records.ts';
import { foldName } from '../state.ts';
import { requireName, requirePath, requirePathPrefix } from '../validate.ts';
import { operation, pageOf } from './operation.ts';

/**
 * Creates a group.
 * @throws EntityAlreadyExists, LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html
 */
export const createGroup = operation(CreateGroupCommand, (state, input) => {
  const name = requireName('groupName', input.GroupName);
  const path = requirePath(input.Path);
  if (state.groups.has(foldName(name))) throw entityAlreadyExists(`Group with name ${name} already exists.`);
  if (state.groups.size >= state.limits.groups) throw limitExceeded('GroupsPerAccount', state.limits.groups);
  const record = newGroupRecord(state, { name, path, createDate: state.now() });
  state.groups.set(foldName(name), record);
  return { Group: record.entity };
});

/**
 * Gets a group, with one page of its members.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetGroup.html
 */
export const getGroup = operation(GetGroupCommand, (state, input) => {
  const group = findGroup(state, input.GroupName);
  const { items, position } = pageOf(group.members, input);
  return { Group: group.entity, Users: items.map(({ entity }) => entity), ...position };
});

/**
 * Lists groups by name.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroups.html
 */
export const listGroups = operation(ListGroupsCommand, (state, input) => {
  const prefix = requirePathPrefix(input.PathPrefix);
  const { items, position } = pageOf(
    state.groups,
    input,
    (record) => record.entity.Path.startsWith(prefix) && isVisible(state, record),
  );
  return { Groups: items.map(({ entity }) => entity), ...position };
});

/**
 * Deletes a group that has no members or policies.
 * @throws DeleteConflict
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroup.html
 */
export const deleteGroup = operation(DeleteGroupCommand, (state, input) => {
  const record = findGroup(state, input.GroupName);
  refuseWhileBlocked(state, record, {
    membership: record.members.size,
    attachedPolicies: record.attachedPolicies.size,
    inlinePolicies: record.inlinePolicies.size,
  });
  state.groups.delete(foldName(record.entity.GroupName));
  return {};
});

/**
 * Adds a user to a group. Adding it twice is no error.
 * @throws LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddUserToGroup.html
 */
export const addUserToGroup = operation(AddUserToGroupCommand, (state, input) => {
  const group = findGroup(state, input.GroupName);
  const user = findUser(state, input.UserName);
  const groupKey = foldName(group.entity.GroupName);
  if (user.groups.has(groupKey)) return {};
  if (user.groups.size >= state.limits.groupsPerUser) {
    throw limitExceeded('GroupsPerUser', state.limits.groupsPerUser);
  }
  user.groups.set(groupKey, group);
  group.members.set(foldName(user.entity.UserName), user);
  return {};
});

/**
 * Removes a user from a group.
 *
 * If the user is not a member, this throws `NoSuchEntity`, as documented. cloud-custodian pull request 4730 reports that AWS
 * accepts it; the mock is strict because the monitor has to cope with both. The sentence is the mock's own.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveUserFromGroup.html
 */
export const removeUserFromGroup = operation(RemoveUserFromGroupCommand, (state, input) => {
  const group = findGroup(state, input.GroupName);
  const user = findUser(state, input.UserName);
  const { GroupName: groupName } = group.entity;
  const { UserName: userName } = user.entity;
  if (!user.groups.delete(foldName(groupName))) {
    throw noSuchEntity(`The user with name ${userName} is not a member of the group with name ${groupName}.`);
  }
  group.members.delete(foldName(userName));
  noteRemoval(state, user, 'membership');
  noteRemoval(state, group, 'membership');
  return {};
});

/**
 * Lists a user's groups.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupsForUser.html
 */
export const listGroupsForUser = operation(ListGroupsForUserCommand, (state, input) => {
  const { items, position } = pageOf(findUser(state, input.UserName).groups, input);
  return { Groups: items.map(({ entity }) => entity), ...position };
});
