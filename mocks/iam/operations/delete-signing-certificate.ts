import type { DeleteSigningCertificateCommandInput } from '@aws-sdk/client-iam';
import { noSuchEntity } from '../aws-error.ts';
import { noteRemoval } from '../delete-blockers.ts';
import { findUser } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import type { IamState } from '../state.ts';

/**
 * Deletes one of a user's signing certificates.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteSigningCertificate.html
 */
export function deleteSigningCertificate(state: IamState, input: DeleteSigningCertificateCommandInput): NoOutput {
  const user = findUser(state, input.UserName);
  if (!user.signingCertificates.delete(input.CertificateId ?? '')) {
    throw noSuchEntity(`The Certificate with id ${input.CertificateId} cannot be found.`);
  }
  noteRemoval(state, user, 'signingCertificates');
  return {};
}
