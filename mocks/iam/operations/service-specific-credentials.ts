import {
  CreateServiceSpecificCredentialCommand,
  DeleteServiceSpecificCredentialCommand,
  ListServiceSpecificCredentialsCommand,
} from '@aws-sdk/client-iam';
import { limitExceeded, noSuchEntity, serviceError } from '../aws-error.ts';
import { findUser, noteRemoval } from '../records.ts';
import { randomId } from '../state.ts';
import { requireLength } from '../validate.ts';
import { operation, pageOf } from './operation.ts';

/** The services that support such credentials. */
const services = new Set(['codecommit.amazonaws.com', 'cassandra.amazonaws.com', 'bedrock.amazonaws.com']);

/**
 * Creates a user name and password for a single service. Both are made up.
 * @throws LimitExceeded, NotSupportedService
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html
 */
export const createServiceSpecificCredential = operation(CreateServiceSpecificCredentialCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  const service = requireLength('serviceName', input.ServiceName, 1, 128);
  if (!services.has(service)) {
    throw serviceError(
      'NotSupportedService',
      404,
      `No such service ${service} is supported for Service Specific Credentials`,
    );
  }
  const existing = [...user.serviceSpecificCredentials.values()].filter((each) => each.ServiceName === service);
  if (existing.length >= state.limits.serviceSpecificCredentialsPerUser) {
    throw limitExceeded('ServiceSpecificCredentialsPerUser', state.limits.serviceSpecificCredentialsPerUser);
  }
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
});

/**
 * Lists a user's credentials for all services or for one.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListServiceSpecificCredentials.html
 */
export const listServiceSpecificCredentials = operation(ListServiceSpecificCredentialsCommand, (state, input) => {
  const { ServiceName: service } = input;
  const { items, position } = pageOf(
    findUser(state, input.UserName).serviceSpecificCredentials,
    input,
    (credential) => service === undefined || credential.ServiceName === service,
  );
  return { ServiceSpecificCredentials: items, ...position };
});

/**
 * Deletes one of a user's credentials for single services.
 * @throws NoSuchEntity
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteServiceSpecificCredential.html
 */
export const deleteServiceSpecificCredential = operation(DeleteServiceSpecificCredentialCommand, (state, input) => {
  const user = findUser(state, input.UserName);
  if (!user.serviceSpecificCredentials.delete(input.ServiceSpecificCredentialId ?? '')) {
    throw noSuchEntity(`No such credential ${input.ServiceSpecificCredentialId} exists`);
  }
  noteRemoval(state, user, 'serviceSpecificCredentials');
  return {};
});
