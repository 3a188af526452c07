import {
  DeleteSSHPublicKeyCommand,
  InvalidPublicKeyException,
  ListSSHPublicKeysCommand,
  UploadSSHPublicKeyCommand,
} from '@aws-sdk/client-iam';
import { createHash } from 'node:crypto';
import { limitExceeded, noSuchEntity } from '../aws-error.ts';
import { findUser, noteRemoval } from '../records.ts';
import { randomId } from '../state.ts';
import { requireLength } from '../validate.ts';
import { operation, pageOf } from './operation.ts';

/**
 * Adds an SSH public key to a user. Only its first characters are checked.
 * @throws LimitExceeded, InvalidPublicKey
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSSHPublicKey.html
 */
export const uploadSshPublicKey = operation(UploadSSHPublicKeyCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  const body = requireLength('sshPublicKeyBody', input.SSHPublicKeyBody, 1, 16_384);
  if (!/^(ssh-rsa |-----BEGIN )/.test(body)) {
    const message = 'The public key is not valid.';
    throw new InvalidPublicKeyException({ message, $metadata: { httpStatusCode: 400 } });
  }
  if (user.sshPublicKeys.size >= state.limits.sshPublicKeysPerUser) {
    throw limitExceeded('SSHPublicKeysPerUser', state.limits.sshPublicKeysPerUser);
  }
  const metadata = {
    UserName: user.entity.UserName,
    SSHPublicKeyId: randomId(state.random, 'APKA'),
    Status: 'Active',
    UploadDate: state.now(),
  } as const;
  user.sshPublicKeys.set(metadata.SSHPublicKeyId, metadata);
  const fingerprint = createHash('md5')
    .update(body)
    .digest('hex')
    .replace(/..(?!$)/g, '$&:');
  return { SSHPublicKey: { ...metadata, Fingerprint: fingerprint, SSHPublicKeyBody: body } };
});

/**
 * Lists a user's SSH public keys.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSSHPublicKeys.html
 */
export const listSshPublicKeys = operation(ListSSHPublicKeysCommand, (state, input) => {
  const { items, position } = pageOf(findUser(state, input.UserName).sshPublicKeys, input);
  return { SSHPublicKeys: items, ...position };
});

/**
 * Deletes one of a user's SSH public keys.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteSSHPublicKey.html
 */
export const deleteSshPublicKey = operation(DeleteSSHPublicKeyCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  if (!user.sshPublicKeys.delete(input.SSHPublicKeyId ?? '')) {
    throw noSuchEntity(`The Public Key with id ${input.SSHPublicKeyId} cannot be found.`);
  }
  noteRemoval(state, user, 'sshPublicKeys');
  return {};
});
