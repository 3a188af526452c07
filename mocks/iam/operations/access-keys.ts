import { CreateAccessKeyCommand, DeleteAccessKeyCommand, ListAccessKeysCommand } from '@aws-sdk/client-iam';
import { limitExceeded, noSuchEntity } from '../aws-error.ts';
import { findUser, noteRemoval } from '../records.ts';
import { randomId } from '../state.ts';
import { operation, pageOf } from './operation.ts';

/**
 * Creates an access key for a user. The secret is random text.
 * @throws LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html
 */
export const createAccessKey = operation(CreateAccessKeyCommand, (state, input) => {
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
});

/**
 * Lists a user's access keys, without their secrets.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html
 */
export const listAccessKeys = operation(ListAccessKeysCommand, (state, input) => {
  const { items, position } = pageOf(findUser(state, input.UserName).accessKeys, input);
  return { AccessKeyMetadata: items, ...position };
});

/**
 * Deletes one of a user's access keys.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html
 */
export const deleteAccessKey = operation(DeleteAccessKeyCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  if (!user.accessKeys.delete(input.AccessKeyId ?? '')) {
    throw noSuchEntity(`The Access Key with id ${input.AccessKeyId} cannot be found.`);
  }
  noteRemoval(state, user, 'accessKeys');
  return {};
});
