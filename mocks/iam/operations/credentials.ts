import { createHash } from 'node:crypto';
import {
  type AccessKey,
  CreateAccessKeyCommand,
  CreateLoginProfileCommand,
  CreateServiceSpecificCredentialCommand,
  DeactivateMFADeviceCommand,
  DeleteAccessKeyCommand,
  DeleteLoginProfileCommand,
  DeleteServiceSpecificCredentialCommand,
  DeleteSigningCertificateCommand,
  DeleteSSHPublicKeyCommand,
  EnableMFADeviceCommand,
  GetLoginProfileCommand,
  ListAccessKeysCommand,
  ListMFADevicesCommand,
  ListServiceSpecificCredentialsCommand,
  ListSigningCertificatesCommand,
  ListSSHPublicKeysCommand,
  UploadSigningCertificateCommand,
  UploadSSHPublicKeyCommand,
} from '@aws-sdk/client-iam';
import { entityAlreadyExists, IamError, noSuchEntity } from '../aws-error.ts';
import { findUser, noteRemoval } from '../records.ts';
import { type IamState, randomId, type UserRecord } from '../state.ts';
import { requireLength, requireRoom } from '../validate.ts';
import { operation, pageOf } from './operation.ts';

/** The services that support service-specific credentials. */
const services = new Set(['codecommit.amazonaws.com', 'cassandra.amazonaws.com', 'bedrock.amazonaws.com']);

export const credentialOperations = {
  CreateAccessKey: operation(CreateAccessKeyCommand, (state, input, caller) => ({
    AccessKey: createAccessKey(state, findUser(state, input.UserName ?? caller.userName)),
  })),

  ListAccessKeys: operation(ListAccessKeysCommand, (state, input, caller) => {
    const { items, position } = pageOf(findUser(state, input.UserName ?? caller.userName).accessKeys, input);
    return { AccessKeyMetadata: items, ...position };
  }),

  DeleteAccessKey: operation(DeleteAccessKeyCommand, (state, { UserName, AccessKeyId: id = '' }, caller) =>
    removeCredential(
      state,
      UserName ?? caller.userName,
      'accessKeys',
      id,
      `The Access Key with id ${id} cannot be found.`,
    ),
  ),

  /** The password is not stored. */
  CreateLoginProfile: operation(CreateLoginProfileCommand, (state, input, caller) => {
    const user = findUser(state, input.UserName ?? caller.userName);
    requireLength('password', input.Password, 1, 128);
    const { UserName: userName } = user.entity;
    if (user.loginProfile) throw entityAlreadyExists(`Login Profile for user ${userName} already exists.`);
    user.loginProfile = {
      UserName: userName,
      CreateDate: state.now(),
      PasswordResetRequired: input.PasswordResetRequired ?? false,
    };
    return { LoginProfile: user.loginProfile };
  }),

  GetLoginProfile: operation(GetLoginProfileCommand, (state, input, caller) => {
    const { entity, loginProfile } = findUser(state, input.UserName ?? caller.userName);
    if (!loginProfile) throw noSuchEntity(`Login Profile for User ${entity.UserName} cannot be found.`);
    return { LoginProfile: loginProfile };
  }),

  DeleteLoginProfile: operation(DeleteLoginProfileCommand, (state, input, caller) => {
    const user = findUser(state, input.UserName ?? caller.userName);
    if (!user.loginProfile) throw noSuchEntity(`Login Profile for User ${user.entity.UserName} cannot be found.`);
    delete user.loginProfile;
    noteRemoval(state, user, 'loginProfile');
    return {};
  }),

  /** Accepts any serial number that is not in use. Only the length of the codes is checked. */
  EnableMFADevice: operation(EnableMFADeviceCommand, (state, input) => {
    const user = findUser(state, input.UserName);
    const serialNumber = requireLength('serialNumber', input.SerialNumber, 9, 256);
    requireLength('authenticationCode1', input.AuthenticationCode1, 6, 6);
    requireLength('authenticationCode2', input.AuthenticationCode2, 6, 6);
    if (state.mfaSerials.has(serialNumber)) {
      throw entityAlreadyExists(`MFADevice with serial number ${serialNumber} already exists.`);
    }
    requireRoom('MFADevicesPerUser', state.limits.mfaDevicesPerUser, user.mfaDevices.size);
    state.mfaSerials.add(serialNumber);
    user.mfaDevices.set(serialNumber, {
      UserName: user.entity.UserName,
      SerialNumber: serialNumber,
      EnableDate: state.now(),
    });
    return {};
  }),

  ListMFADevices: operation(ListMFADevicesCommand, (state, input, caller) => {
    const { items, position } = pageOf(findUser(state, input.UserName ?? caller.userName).mfaDevices, input);
    return { MFADevices: items, ...position };
  }),

  DeactivateMFADevice: operation(DeactivateMFADeviceCommand, (state, input, caller) => {
    const id = requireLength('serialNumber', input.SerialNumber, 9, 256);
    const missing = `MFADevice with serial number ${id} does not exist.`;
    removeCredential(state, input.UserName ?? caller.userName, 'mfaDevices', id, missing);
    state.mfaSerials.delete(id);
    return {};
  }),

  /** Only the PEM header of the certificate is checked. */
  UploadSigningCertificate: operation(UploadSigningCertificateCommand, (state, input, caller) => {
    const user = findUser(state, input.UserName ?? caller.userName);
    const body = requireLength('certificateBody', input.CertificateBody, 1, 16_384);
    if (!body.includes('-----BEGIN CERTIFICATE-----')) {
      const message = 'Unable to parse certificate. Please ensure the certificate is in PEM format.';
      throw new IamError('MalformedCertificate', 400, message);
    }
    requireRoom('CertificatesPerUser', state.limits.signingCertificatesPerUser, user.signingCertificates.size);
    const certificate = {
      UserName: user.entity.UserName,
      CertificateId: randomId(state.random, '', 24),
      CertificateBody: body,
      Status: 'Active',
      UploadDate: state.now(),
    } as const;
    user.signingCertificates.set(certificate.CertificateId, certificate);
    return { Certificate: certificate };
  }),

  ListSigningCertificates: operation(ListSigningCertificatesCommand, (state, input, caller) => {
    const { items, position } = pageOf(findUser(state, input.UserName ?? caller.userName).signingCertificates, input);
    return { Certificates: items, ...position };
  }),

  DeleteSigningCertificate: operation(
    DeleteSigningCertificateCommand,
    (state, { UserName, CertificateId: id = '' }, caller) =>
      removeCredential(
        state,
        UserName ?? caller.userName,
        'signingCertificates',
        id,
        `The Certificate with id ${id} cannot be found.`,
      ),
  ),

  /** Only the first characters of the key are checked. */
  UploadSSHPublicKey: operation(UploadSSHPublicKeyCommand, (state, input) => {
    const user = findUser(state, input.UserName);
    const body = requireLength('sshPublicKeyBody', input.SSHPublicKeyBody, 1, 16_384);
    if (!/^(ssh-rsa |-----BEGIN )/.test(body)) {
      throw new IamError('InvalidPublicKey', 400, 'The public key is not valid.');
    }
    requireRoom('SSHPublicKeysPerUser', state.limits.sshPublicKeysPerUser, user.sshPublicKeys.size);
    const metadata = {
      UserName: user.entity.UserName,
      SSHPublicKeyId: randomId(state.random, 'APKA'),
      Status: 'Active',
      UploadDate: state.now(),
    } as const;
    user.sshPublicKeys.set(metadata.SSHPublicKeyId, metadata);
    const digest = createHash('md5').update(body).digest('hex');
    const fingerprint = digest.replace(/..(?!$)/g, '$&:');
    return { SSHPublicKey: { ...metadata, Fingerprint: fingerprint, SSHPublicKeyBody: body } };
  }),

  ListSSHPublicKeys: operation(ListSSHPublicKeysCommand, (state, input, caller) => {
    const { items, position } = pageOf(findUser(state, input.UserName ?? caller.userName).sshPublicKeys, input);
    return { SSHPublicKeys: items, ...position };
  }),

  DeleteSSHPublicKey: operation(DeleteSSHPublicKeyCommand, (state, { UserName, SSHPublicKeyId: id = '' }) =>
    removeCredential(state, UserName, 'sshPublicKeys', id, `The Public Key with id ${id} cannot be found.`),
  ),

  /** The user name and the password for the service are made up. */
  CreateServiceSpecificCredential: operation(CreateServiceSpecificCredentialCommand, (state, input) => {
    const user = findUser(state, input.UserName);
    const service = requireLength('serviceName', input.ServiceName, 1, 128);
    if (!services.has(service)) {
      const message = `No such service ${service} is supported for Service Specific Credentials`;
      throw new IamError('NotSupportedService', 404, message);
    }
    const existing = [...user.serviceSpecificCredentials.values()].filter((each) => each.ServiceName === service);
    const limit = state.limits.serviceSpecificCredentialsPerUser;
    requireRoom('ServiceSpecificCredentialsPerUser', limit, existing.length);
    const metadata = {
      UserName: user.entity.UserName,
      ServiceName: service,
      ServiceUserName: `${user.entity.UserName}-at-${state.accountId}`,
      ServiceSpecificCredentialId: randomId(state.random, 'ACCA'),
      Status: 'Active',
      CreateDate: state.now(),
    } as const;
    user.serviceSpecificCredentials.set(metadata.ServiceSpecificCredentialId, metadata);
    return { ServiceSpecificCredential: { ...metadata, ServicePassword: randomId(state.random, 'mock', 40) } };
  }),

  ListServiceSpecificCredentials: operation(ListServiceSpecificCredentialsCommand, (state, input, caller) => {
    const { ServiceName: service } = input;
    const { items, position } = pageOf(
      findUser(state, input.UserName ?? caller.userName).serviceSpecificCredentials,
      input,
      (credential) => service === undefined || credential.ServiceName === service,
    );
    return { ServiceSpecificCredentials: items, ...position };
  }),

  DeleteServiceSpecificCredential: operation(DeleteServiceSpecificCredentialCommand, (state, input, caller) => {
    const { UserName = caller.userName, ServiceSpecificCredentialId: id = '' } = input;
    return removeCredential(state, UserName, 'serviceSpecificCredentials', id, `No such credential ${id} exists`);
  }),
};

/**
 * Gives a user a new access key, whose secret is random text.
 * @throws LimitExceeded
 */
export function createAccessKey(state: IamState, user: UserRecord): AccessKey {
  requireRoom('AccessKeysPerUser', state.limits.accessKeysPerUser, user.accessKeys.size);
  const metadata = {
    UserName: user.entity.UserName,
    AccessKeyId: randomId(state.random, 'AKIA', 16),
    Status: 'Active',
    CreateDate: state.now(),
  } as const;
  user.accessKeys.set(metadata.AccessKeyId, metadata);
  return { ...metadata, SecretAccessKey: randomId(state.random, 'mock', 36) };
}

/**
 * Removes one of a user's credentials.
 * @throws NoSuchEntity with the message `missing`
 */
function removeCredential(
  state: IamState,
  userName: string | undefined,
  kind: 'accessKeys' | 'mfaDevices' | 'signingCertificates' | 'sshPublicKeys' | 'serviceSpecificCredentials',
  id: string,
  missing: string,
): object {
  const user = findUser(state, userName);
  if (!user[kind].delete(id)) throw noSuchEntity(missing);
  noteRemoval(state, user, kind);
  return {};
}
