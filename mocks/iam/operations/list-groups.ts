import type { ListGroupsCommandInput, ListGroupsCommandOutput } from '@aws-sdk/client-iam';
import { isVisible } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOf } from '../page.ts';
import type { IamState } from '../state.ts';
import { requirePathPrefix } from '../validate.ts';

/**
 * Lists groups by name, a page at a time.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroups.html
 */
export function listGroups(state: IamState, input: ListGroupsCommandInput): Answer<ListGroupsCommandOutput> {
  const prefix = requirePathPrefix(input.PathPrefix);
  const { items, position } = pageOf(
    state.groups,
    input,
    (record) => record.entity.Path.startsWith(prefix) && isVisible(state, record),
  );
  return { Groups: items.map(({ entity }) => entity), ...position };
}
