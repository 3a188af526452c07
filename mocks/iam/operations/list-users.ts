import type { ListUsersCommandInput, ListUsersCommandOutput } from '@aws-sdk/client-iam';
import { isVisible } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOf } from '../page.ts';
import type { IamState } from '../state.ts';
import { requirePathPrefix } from '../validate.ts';

/**
 * Lists users by name, a page at a time.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html
 */
export function listUsers(state: IamState, input: ListUsersCommandInput): Answer<ListUsersCommandOutput> {
  const prefix = requirePathPrefix(input.PathPrefix);
  const { items, position } = pageOf(
    state.users,
    input,
    (record) => record.entity.Path.startsWith(prefix) && isVisible(state, record),
  );
  return { Users: items.map(({ entity }) => entity), ...position };
}
