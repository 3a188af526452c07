import type { GetGroupCommandInput, GetGroupCommandOutput } from '@aws-sdk/client-iam';
import { findGroup } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOf } from '../page.ts';
import type { IamState } from '../state.ts';

/**
 * Looks a group up, with one page of its members.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetGroup.html
 */
export function getGroup(state: IamState, input: GetGroupCommandInput): Answer<GetGroupCommandOutput> {
  const group = findGroup(state, input.GroupName);
  const { items, position } = pageOf(group.members, input);
  return { Group: group.entity, Users: items.map(({ entity }) => entity), ...position };
}
