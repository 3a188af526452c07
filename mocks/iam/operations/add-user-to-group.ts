import type { AddUserToGroupCommandInput } from '@aws-sdk/client-iam';
import { limitExceeded } from '../aws-error.ts';
import { findGroup, findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import { foldName, type IamState } from '../state.ts';

/**
 * Makes a user a member of a group; doing it twice is no error.
 * @throws LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddUserToGroup.html
 */
export function addUserToGroup(state: IamState, input: AddUserToGroupCommandInput): NoOutput {
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
}
