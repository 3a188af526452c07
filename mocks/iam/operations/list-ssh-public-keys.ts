import type { ListSSHPublicKeysCommandInput, ListSSHPublicKeysCommandOutput } from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOf } from '../page.ts';
import type { IamState } from '../state.ts';

/**
 * Lists a user's SSH public keys.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSSHPublicKeys.html
 */
export function listSshPublicKeys(
  state: IamState,
  input: ListSSHPublicKeysCommandInput,
): Answer<ListSSHPublicKeysCommandOutput> {
  const { items, position } = pageOf(findUser(state, input.UserName).sshPublicKeys, input);
  return { SSHPublicKeys: items, ...position };
}
