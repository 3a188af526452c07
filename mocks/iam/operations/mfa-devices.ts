import { DeactivateMFADeviceCommand, EnableMFADeviceCommand, ListMFADevicesCommand } from '@aws-sdk/client-iam';
import { entityAlreadyExists, limitExceeded, noSuchEntity } from '../aws-error.ts';
import { findUser, noteRemoval } from '../records.ts';
import { requireLength } from '../validate.ts';
import { operation, pageOf } from './operation.ts';

/**
 * Assigns an MFA device to a user. Any serial number works that is not in use; of the codes only the length is checked.
 * @throws EntityAlreadyExists, LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableMFADevice.html
 */
export const enableMfaDevice = operation(EnableMFADeviceCommand, (state, input) => {
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
});

/**
 * Lists a user's MFA devices.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html
 */
export const listMfaDevices = operation(ListMFADevicesCommand, (state, input) => {
  const { items, position } = pageOf(findUser(state, input.UserName).mfaDevices, input);
  return { MFADevices: items, ...position };
});

/**
 * Removes an MFA device from a user.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeactivateMFADevice.html
 */
export const deactivateMfaDevice = operation(DeactivateMFADeviceCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  const serialNumber = requireLength('serialNumber', input.SerialNumber, 9, 256);
  if (!user.mfaDevices.delete(serialNumber)) {
    throw noSuchEntity(`MFADevice with serial number ${serialNumber} does not exist.`);
  }
  state.mfaSerials.delete(serialNumber);
  noteRemoval(state, user, 'mfaDevices');
  return {};
});
