import type { CreateUserCommandInput, CreateUserCommandOutput } from '@aws-sdk/client-iam';
import { entityAlreadyExists, limitExceeded } from '../aws-error.ts';
import type { Answer } from '../operation.ts';
import { newUserRecord } from '../records.ts';
import { foldName, type IamState } from '../state.ts';
import { requireName, requirePath } from '../validate.ts';

/**
 * Creates a user.
 * @throws EntityAlreadyExists, LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html
 */
export function createUser(state: IamState, input: CreateUserCommandInput): Answer<CreateUserCommandOutput> {
  const name = requireName('userName', input.UserName);
  const path = requirePath(input.Path);
  if (state.users.has(foldName(name))) throw entityAlreadyExists(`User with name ${name} already exists.`);
  if (state.users.size >= state.limits.users) throw limitExceeded('UsersPerAccount', state.limits.users);
  const record = newUserRecord(state, { name, path, createDate: state.now() });
  state.users.set(foldName(name), record);
  return { User: record.entity };
}
