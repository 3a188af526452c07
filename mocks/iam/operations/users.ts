import { CreateUserCommand, DeleteUserCommand, GetUserCommand, ListUsersCommand } from '@aws-sdk/client-iam';
import { entityAlreadyExists, limitExceeded } from '../aws-error.ts';
import { findUser, isVisible, newUserRecord, refuseWhileBlocked } from '../records.ts';
import { foldName } from '../state.ts';
import { requireName, requirePath, requirePathPrefix } from '../validate.ts';
import { operation, pageOf } from './operation.ts';

/**
 * Creates a user.
 * @throws EntityAlreadyExists, LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html
 */
export const createUser = operation(CreateUserCommand, (state, input) => {
  const name = requireName('userName', input.UserName);
  const path = requirePath(input.Path);
  if (state.users.has(foldName(name))) throw entityAlreadyExists(`User with name ${name} already exists.`);
  if (state.users.size >= state.limits.users) throw limitExceeded('UsersPerAccount', state.limits.users);
  const record = newUserRecord(state, { name, path, createDate: state.now() });
  state.users.set(foldName(name), record);
  return { User: record.entity };
});

/**
 * Gets a user.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html
 */
export const getUser = operation(GetUserCommand, (state, input) => {
  return { User: findUser(state, input.UserName).entity };
});

/**
 * Lists users by name.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html
 */
export const listUsers = operation(ListUsersCommand, (state, input) => {
  const prefix = requirePathPrefix(input.PathPrefix);
  const { items, position } = pageOf(
    state.users,
    input,
    (record) => record.entity.Path.startsWith(prefix) && isVisible(state, record),
  );
  return { Users: items.map(({ entity }) => entity), ...position };
});

/**
 * Deletes a user that has no groups, policies or credentials.
 * @throws DeleteConflict
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html
 */
export const deleteUser = operation(DeleteUserCommand, (state, input) => {
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
});
