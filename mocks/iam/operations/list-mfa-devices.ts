import type { ListMFADevicesCommandInput, ListMFADevicesCommandOutput } from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOf } from '../page.ts';
import type { IamState } from '../state.ts';

/**
 * Lists a user's MFA devices.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html
 */
export function listMfaDevices(
  state: IamState,
  input: ListMFADevicesCommandInput,
): Answer<ListMFADevicesCommandOutput> {
  const { items, position } = pageOf(findUser(state, input.UserName).mfaDevices, input);
  return { MFADevices: items, ...position };
}
