import type { GetLoginProfileCommandInput, GetLoginProfileCommandOutput } from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import type { IamState } from '../state.ts';

/**
 * Says whether a user has a password.
 * @throws NoSuchEntity when there is none
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetLoginProfile.html
 */
export function getLoginProfile(
  state: IamState,
  input: GetLoginProfileCommandInput,
): Answer<GetLoginProfileCommandOutput> {
  const { entity, loginProfile } = findUser(state, input.UserName);
  if (!loginProfile) throw noSuchEntity(`Login Profile for User ${entity.UserName} cannot be found.`);
  return { LoginProfile: loginProfile };
}
