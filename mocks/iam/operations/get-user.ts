import type { GetUserCommandInput, GetUserCommandOutput } from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import type { IamState } from '../state.ts';

/**
 * Looks a user up.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html
 */
export function getUser(state: IamState, input: GetUserCommandInput): Answer<GetUserCommandOutput> {
  return { User: findUser(state, input.UserName).entity };
}
