import type { CreateLoginProfileCommandInput, CreateLoginProfileCommandOutput } from '@aws-sdk/client-iam';
import { entityAlreadyExists } from '../aws-error.ts';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import type { IamState } from '../state.ts';
import { requireLength } from '../validate.ts';

/**
 * Gives a user a password, which the mock does not keep.
 * @throws EntityAlreadyExists
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html
 */
export function createLoginProfile(
  state: IamState,
  input: CreateLoginProfileCommandInput,
): Answer<CreateLoginProfileCommandOutput> {
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
}
