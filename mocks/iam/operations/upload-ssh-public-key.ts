import { createHash } from 'node:crypto';
import {
  InvalidPublicKeyException,
  type UploadSSHPublicKeyCommandInput,
  type UploadSSHPublicKeyCommandOutput,
} from '@aws-sdk/client-iam';
import { limitExceeded } from '../aws-error.ts';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { randomId } from '../random.ts';
import type { IamState } from '../state.ts';
import { requireLength } from '../validate.ts';

/**
 * Gives a user an SSH public key, which is looked at for its form alone.
 * @throws LimitExceeded, InvalidPublicKey
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSSHPublicKey.html
 */
export function uploadSshPublicKey(
  state: IamState,
  input: UploadSSHPublicKeyCommandInput,
): Answer<UploadSSHPublicKeyCommandOutput> {
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
}
