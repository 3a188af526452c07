import type { RemoveUserFromGroupCommandInput } from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { noteRemoval } from '../delete-blockers.ts';
import { findGroup, findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import { foldName, type IamState } from '../state.ts';

/**
 * Ends a user's membership in a group.
 *
 * A user who is no member is `NoSuchEntity` here, the documented error; cloud-custodian pull request 4730 reports that AWS
 * lets it pass. The stricter reading is the one that a monitor must cope with. The sentence is the mock's own.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveUserFromGroup.html
 */
export function removeUserFromGroup(state: IamState, input: RemoveUserFromGroupCommandInput): NoOutput {
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
}
