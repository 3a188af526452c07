import type { ListAccessKeysCommandInput, ListAccessKeysCommandOutput } from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOf } from '../page.ts';
import type { IamState } from '../state.ts';

/**
 * Lists a user's access keys, without their secrets.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html
 */
export function listAccessKeys(
  state: IamState,
  input: ListAccessKeysCommandInput,
): Answer<ListAccessKeysCommandOutput> {
  const { items, position } = pageOf(findUser(state, input.UserName).accessKeys, input);
  return { AccessKeyMetadata: items, ...position };
}
