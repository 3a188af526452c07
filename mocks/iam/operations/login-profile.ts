import { CreateLoginProfileCommand, DeleteLoginProfileCommand, GetLoginProfileCommand } from '@aws-sdk/client-iam';
import { entityAlreadyExists, noSuchEntity } from '../aws-error.ts';
import { findUser, noteRemoval } from '../records.ts';
import { requireLength } from '../validate.ts';
import { operation } from './operation.ts';

/**
 * Gives a user a password, which the mock does not store.
 * @throws EntityAlreadyExists
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html
 */
export const createLoginProfile = operation(CreateLoginProfileCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  requireLength('password', input.Password, 1, 128);
  const { UserName: userName } = user.entity;
  if (user.loginProfile) throw entityAlreadyExists(`Login Profile for user ${userName} already exists.`);
  user.loginProfile = {
    UserName: userName,
    CreateDate: state.now(),
    PasswordResetRequired: input.PasswordResetRequired ?? false,
  };
  return { LoginProfile: user.loginProfile };
});

/**
 * Tells whether a user has a password.
 * @throws NoSuchEntity if there is none
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetLoginProfile.html
 */
export const getLoginProfile = operation(GetLoginProfileCommand, (state, input) => {
  const { entity, loginProfile } = findUser(state, input.UserName);
  if (!loginProfile) throw noSuchEntity(`Login Profile for User ${entity.UserName} cannot be found.`);
  return { LoginProfile: loginProfile };
});

/**
 * Removes a user's password.
 * @throws NoSuchEntity if there is none
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html
 */
export const deleteLoginProfile = operation(DeleteLoginProfileCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  if (!user.loginProfile) throw noSuchEntity(`Login Profile for User ${user.entity.UserName} cannot be found.`);
  delete user.loginProfile;
  noteRemoval(state, user, 'loginProfile');
  return {};
});
