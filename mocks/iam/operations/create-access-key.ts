import type { CreateAccessKeyCommandInput, CreateAccessKeyCommandOutput } from '@aws-sdk/client-iam';
import { limitExceeded } from '../aws-error.ts';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { randomId } from '../random.ts';
import type { IamState } from '../state.ts';

/**
 * Makes an access key for a user; its secret opens nothing.
 * @throws LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html
 */
export function createAccessKey(
  state: IamState,
  input: CreateAccessKeyCommandInput,
): Answer<CreateAccessKeyCommandOutput> {
  const user = findUser(state, input.UserName);
  if (user.accessKeys.size >= state.limits.accessKeysPerUser) {
    throw limitExceeded('AccessKeysPerUser', state.limits.accessKeysPerUser);
  }
  const metadata = {
    UserName: user.entity.UserName,
    AccessKeyId: randomId(state.random, 'AKIA', 16),
    Status: 'Active',
    CreateDate: state.now(),
  } as const;
  user.accessKeys.set(metadata.AccessKeyId, metadata);
  return { AccessKey: { ...metadata, SecretAccessKey: randomId(state.random, 'mock', 36) } };
}
