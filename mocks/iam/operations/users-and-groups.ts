import {
  AddUserToGroupCommand,
  CreateGroupCommand,
  CreateUserCommand,
  DeleteGroupCommand,
  DeleteUserCommand,
  GetGroupCommand,
  GetUserCommand,
  ListGroupsCommand,
  ListGroupsForUserCommand,
  ListUsersCommand,
  RemoveUserFromGroupCommand,
  type User,
} from '@aws-sdk/client-iam';
import { entityAlreadyExists, noSuchEntity } from '../aws-error.ts';
import {
  findGroup,
  findUser,
  isVisible,
  newGroupRecord,
  newUserRecord,
  noteRemoval,
  refuseWhileBlocked,
} from '../records.ts';
import { foldName, type GroupRecord, type IamState, type UserRecord } from '../state.ts';
import { requireName, requirePath, requirePathPrefix, requireRoom } from '../validate.ts';
import { requireAttachablePolicy } from './managed-policies.ts';
import { operation, type Page, pageOf, type PathRequest } from './operation.ts';

export const userAndGroupOperations = {
  CreateUser: operation(CreateUserCommand, (state, input) => {
    const name = requireName('userName', input.UserName);
    const path = requirePath(input.Path);
    const { PermissionsBoundary: boundary } = input;
    if (boundary !== undefined) requireAttachablePolicy(state, boundary, 'Scope ARN:');
    if (state.users.has(foldName(name))) throw entityAlreadyExists(`User with name ${name} already exists.`);
    requireRoom('UsersPerAccount', state.limits.users, state.users.size);
    const record = newUserRecord(state, { name, path, createDate: state.now(), permissionsBoundary: boundary });
    state.users.set(foldName(name), record);
    return { User: record.entity };
  }),

  GetUser: operation(GetUserCommand, (state, input, caller) => ({
    User: findUser(state, input.UserName ?? caller.userName).entity,
  })),

  ListUsers: operation(ListUsersCommand, (state, input) => {
    const { items, position } = pageOfVisible(state, state.users, input);
    return { Users: items.map(withoutBoundary), ...position };
  }),

  DeleteUser: operation(DeleteUserCommand, (state, input) => {
    const record = findUser(state, input.UserName);
    refuseWhileBlocked(state, record, {
      membership: record.groups.size,
      attachedPolicies: record.attachedPolicies.size,
      inlinePolicies: record.inlinePolicies.size,
      accessKeys: record.accessKeys.size,
      loginProfile: record.loginProfile ? 1 : 0,
      mfaDevices: record.mfaDevices.size,
      signingCertificates: record.signingCertificates.size,
      sshPublicKeys: record.sshPublicKeys.size,
      serviceSpecificCredentials: record.serviceSpecificCredentials.size,
    });
    state.users.delete(foldName(record.entity.UserName));
    return {};
  }),

  CreateGroup: operation(CreateGroupCommand, (state, input) => {
    const name = requireName('groupName', input.GroupName);
    const path = requirePath(input.Path);
    if (state.groups.has(foldName(name))) throw entityAlreadyExists(`Group with name ${name} already exists.`);
    requireRoom('GroupsPerAccount', state.limits.groups, state.groups.size);
    const record = newGroupRecord(state, { name, path, createDate: state.now() });
    state.groups.set(foldName(name), record);
    return { Group: record.entity };
  }),

  GetGroup: operation(GetGroupCommand, (state, input) => {
    const group = findGroup(state, input.GroupName);
    const { items, position } = pageOf(group.members, input);
    return { Group: group.entity, Users: items.map(({ entity }) => entity), ...position };
  }),

  ListGroups: operation(ListGroupsCommand, (state, input) => {
    const { items, position } = pageOfVisible(state, state.groups, input);
    return { Groups: items.map(({ entity }) => entity), ...position };
  }),

  DeleteGroup: operation(DeleteGroupCommand, (state, input) => {
    const record = findGroup(state, input.GroupName);
    refuseWhileBlocked(state, record, {
      membership: record.members.size,
      attachedPolicies: record.attachedPolicies.size,
      inlinePolicies: record.inlinePolicies.size,
    });
    state.groups.delete(foldName(record.entity.GroupName));
    return {};
  }),

  /** Adding a user twice is no error. */
  AddUserToGroup: operation(AddUserToGroupCommand, (state, input) => {
    const group = findGroup(state, input.GroupName);
    const user = findUser(state, input.UserName);
    const groupKey = foldName(group.entity.GroupName);
    if (user.groups.has(groupKey)) return {};
    requireRoom('GroupsPerUser', state.limits.groupsPerUser, user.groups.size);
    user.groups.set(groupKey, group);
    group.members.set(foldName(user.entity.UserName), user);
    return {};
  }),

  /**
   * If the user is not a member, this throws `NoSuchEntity`, as documented. cloud-custodian pull request 4730 reports that
   * AWS accepts it; the mock is strict because the monitor has to cope with both. The sentence is the mock's own.
   */
  RemoveUserFromGroup: operation(RemoveUserFromGroupCommand, (state, input) => {
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
  }),

  ListGroupsForUser: operation(ListGroupsForUserCommand, (state, input) => {
    const { items, position } = pageOf(findUser(state, input.UserName).groups, input);
    return { Groups: items.map(({ entity }) => entity), ...position };
  }),
};

/** AWS's lists leave the permissions boundary out. */
function withoutBoundary({ entity: { PermissionsBoundary: _boundary, ...entity } }: UserRecord): User {
  return entity;
}

/** One page of the users or groups that are visible and have the path. */
function pageOfVisible<Holder extends UserRecord | GroupRecord>(
  state: IamState,
  records: ReadonlyMap<string, Holder>,
  request: PathRequest,
): Page<Holder> {
  const prefix = requirePathPrefix(request.PathPrefix);
  return pageOf(records, request, (record) => record.entity.Path.startsWith(prefix) && isVisible(state, record));
}
