import {
  DeleteSigningCertificateCommand,
  ListSigningCertificatesCommand,
  MalformedCertificateException,
  type SigningCertificate,
  UploadSigningCertificateCommand,
} from '@aws-sdk/client-iam';
import { limitExceeded, noSuchEntity } from '../aws-error.ts';
import { findUser, noteRemoval } from '../records.ts';
import { randomId } from '../state.ts';
import { requireLength } from '../validate.ts';
import { operation, pageOf } from './operation.ts';

/**
 * Adds a signing certificate to a user. Only its PEM header is checked.
 * @throws LimitExceeded, MalformedCertificate
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSigningCertificate.html
 */
export const uploadSigningCertificate = operation(UploadSigningCertificateCommand, (state, input) => {
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
});

/**
 * Lists a user's signing certificates.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSigningCertificates.html
 */
export const listSigningCertificates = operation(ListSigningCertificatesCommand, (state, input) => {
  const { items, position } = pageOf(findUser(state, input.UserName).signingCertificates, input);
  return { Certificates: items, ...position };
});

/**
 * Deletes one of a user's signing certificates.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteSigningCertificate.html
 */
export const deleteSigningCertificate = operation(DeleteSigningCertificateCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  if (!user.signingCertificates.delete(input.CertificateId ?? '')) {
    throw noSuchEntity(`The Certificate with id ${input.CertificateId} cannot be found.`);
  }
  noteRemoval(state, user, 'signingCertificates');
  return {};
});
