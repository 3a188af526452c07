import type { ListGroupsForUserCommandInput, ListGroupsForUserCommandOutput } from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOf } from '../page.ts';
import type { IamState } from '../state.ts';

/**
 * Lists the groups that a user is in.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupsForUser.html
 */
export function listGroupsForUser(
  state: IamState,
  input: ListGroupsForUserCommandInput,
): Answer<ListGroupsForUserCommandOutput> {
  const { items, position } = pageOf(findUser(state, input.UserName).groups, input);
  return { Groups: items.map(({ entity }) => entity), ...position };
}
