import type {
  CreateServiceSpecificCredentialCommandInput,
  CreateServiceSpecificCredentialCommandOutput,
} from '@aws-sdk/client-iam';
import { limitExceeded, serviceError } from '../aws-error.ts';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { randomId } from '../random.ts';
import type { IamState } from '../state.ts';
import { requireLength } from '../validate.ts';

/** The services that know such credentials. */
const services = new Set(['codecommit.amazonaws.com', 'cassandra.amazonaws.com', 'bedrock.amazonaws.com']);

/**
 * Makes a user name and password for a single service; they open nothing.
 * @throws LimitExceeded, NotSupportedService
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html
 */
export function createServiceSpecificCredential(
  state: IamState,
  input: CreateServiceSpecificCredentialCommandInput,
): Answer<CreateServiceSpecificCredentialCommandOutput> {
  const user = findUser(state, input.UserName);
  const service = requireLength('serviceName', input.ServiceName, 1, 128);
  if (!services.has(service)) {
    throw serviceError(
      'NotSupportedService',
      404,
      `No such service ${service} is supported for Service Specific Credentials`,
    );
  }
  const existing = user.serviceSpecificCredentials.values().filter(({ ServiceName: name }) => name === service);
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
}
