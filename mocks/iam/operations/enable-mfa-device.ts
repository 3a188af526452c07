import type { EnableMFADeviceCommandInput } from '@aws-sdk/client-iam';
import { entityAlreadyExists, limitExceeded } from '../aws-error.ts';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import type { IamState } from '../state.ts';
import { requireLength } from '../validate.ts';

/**
 * Gives an MFA device to a user. Any serial number will do that no user has yet; codes are looked at for their form alone.
 * @throws EntityAlreadyExists, LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableMFADevice.html
 */
export function enableMfaDevice(state: IamState, input: EnableMFADeviceCommandInput): NoOutput {
  const user = findUser(state, input.UserName);
  const serialNumber = requireLength('serialNumber', input.SerialNumber, 9, 256);
  requireLength('authenticationCode1', input.AuthenticationCode1, 6, 6);
  requireLength('authenticationCode2', input.AuthenticationCode2, 6, 6);
  if (state.mfaSerials.has(serialNumber)) {
    throw entityAlreadyExists(`MFADevice with serial number ${serialNumber} already exists.`);
  }
  if (user.mfaDevices.size >= state.limits.mfaDevicesPerUser) {
    throw limitExceeded('MFADevicesPerUser', state.limits.mfaDevicesPerUser);
  }
  state.mfaSerials.add(serialNumber);
  user.mfaDevices.set(serialNumber, {
    UserName: user.entity.UserName,
    SerialNumber: serialNumber,
    EnableDate: state.now(),
  });
  return {};
}
