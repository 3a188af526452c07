import {
  MalformedCertificateException,
  type UploadSigningCertificateCommandInput,
  type UploadSigningCertificateCommandOutput,
  type SigningCertificate,
} from '@aws-sdk/client-iam';
import { limitExceeded } from '../aws-error.ts';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { randomId } from '../random.ts';
import type { IamState } from '../state.ts';
import { requireLength } from '../validate.ts';

/**
 * Gives a user a signing certificate, which is looked at for its PEM frame alone.
 * @throws LimitExceeded, MalformedCertificate
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSigningCertificate.html
 */
export function uploadSigningCertificate(
  state: IamState,
  input: UploadSigningCertificateCommandInput,
): Answer<UploadSigningCertificateCommandOutput> {
  const user = findUser(state, input.UserName);
  const body = requireLength('certificateBody', input.CertificateBody, 1, 16_384);
  if (!body.includes('-----BEGIN CERTIFICATE-----')) {
    const message = 'Unable to parse certificate. Please ensure the certificate is in PEM format.';
    throw new MalformedCertificateException({ message, $metadata: { httpStatusCode: 400 } });
  }
  if (user.signingCertificates.size >= state.limits.signingCertificatesPerUser) {
    throw limitExceeded('CertificatesPerUser', state.limits.signingCertificatesPerUser);
  }
  const certificate: SigningCertificate = {
    UserName: user.entity.UserName,
    CertificateId: randomId(state.random, '', 24),
    CertificateBody: body,
    Status: 'Active',
    UploadDate: state.now(),
  };
  user.signingCertificates.set(certificate.CertificateId ?? '', certificate);
  return { Certificate: certificate };
}
