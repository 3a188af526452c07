import type { DeactivateMFADeviceCommandInput } from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { noteRemoval } from '../delete-blockers.ts';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import type { IamState } from '../state.ts';
import { requireLength } from '../validate.ts';

/**
 * Takes an MFA device from a user.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeactivateMFADevice.html
 */
export function deactivateMfaDevice(state: IamState, input: DeactivateMFADeviceCommandInput): NoOutput {
  const user = findUser(state, input.UserName);
  const serialNumber = requireLength('serialNumber', input.SerialNumber, 9, 256);
  if (!user.mfaDevices.delete(serialNumber)) {
    throw noSuchEntity(`MFADevice with serial number ${serialNumber} does not exist.`);
  }
  state.mfaSerials.delete(serialNumber);
  noteRemoval(state, user, 'mfaDevices');
  return {};
}
