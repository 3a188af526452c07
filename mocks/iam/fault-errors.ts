import type { IAMServiceException } from '@aws-sdk/client-iam';
import {
  ConcurrentModificationException,
  EntityTemporarilyUnmodifiableException,
  ServiceFailureException,
  UnmodifiableEntityException,
} from '@aws-sdk/client-iam';
import {
  deleteConflict,
  entityAlreadyExists,
  invalidInput,
  limitExceeded,
  noSuchEntity,
  serviceError,
} from './aws-error.ts';
import { describeBlocker } from './blocker-sentences.ts';
import { arnOf, foldName, type IamState } from './state.ts';

/** What an error's text can speak of: the request that it answers. */
export interface FaultContext {
  readonly state: IamState;
  readonly operation: string;
  readonly input: { readonly UserName?: string; readonly GroupName?: string; readonly Path?: string };
}

/**
 * The errors that IAM can answer any request with, by their code on the wire, with AWS's status and wording.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
 */
export const faultErrors = {
  ServiceFailure: () =>
    new ServiceFailureException({
      message: 'The request processing has failed because of an unknown error, exception or failure.',
      $metadata: { httpStatusCode: 500 },
    }),
  InternalFailure: () =>
    serviceError(
      'InternalFailure',
      500,
      'The request processing has failed because of an unknown error, exception or failure.',
    ),
  ServiceUnavailable: () =>
    serviceError('ServiceUnavailable', 503, 'The request has failed due to a temporary failure of the server.'),
  Throttling: () => serviceError('Throttling', 400, 'Rate exceeded'),
  ThrottlingException: () => serviceError('ThrottlingException', 400, 'Rate exceeded'),
  RequestLimitExceeded: () => serviceError('RequestLimitExceeded', 503, 'Request limit exceeded.'),
  AccessDenied: (context) => serviceError('AccessDenied', 403, describeDenial(context)),
  ExpiredToken: () => serviceError('ExpiredToken', 403, 'The security token included in the request is expired'),
  InvalidClientTokenId: () =>
    serviceError('InvalidClientTokenId', 403, 'The security token included in the request is invalid.'),
  SignatureDoesNotMatch: () =>
    serviceError(
      'SignatureDoesNotMatch',
      403,
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    ),
  RequestExpired: () => serviceError('RequestExpired', 400, 'Request has expired.'),
  OptInRequired: () => serviceError('OptInRequired', 403, 'The AWS Access Key Id needs a subscription for the service'),
  LimitExceeded: ({ state, operation }) => describeLimit(state, operation),
  EntityAlreadyExists: ({ input }) =>
    entityAlreadyExists(
      input.UserName === undefined
        ? `Group with name ${input.GroupName} already exists.`
        : `User with name ${input.UserName} already exists.`,
    ),
  NoSuchEntity: ({ input }) =>
    noSuchEntity(
      input.UserName === undefined
        ? `The group with name ${input.GroupName} cannot be found.`
        : `The user with name ${input.UserName} cannot be found.`,
    ),
  DeleteConflict: ({ operation }) =>
    deleteConflict(describeBlocker(operation === 'DeleteUser' ? 'attachedPolicies' : 'membership')),
  ConcurrentModification: () =>
    new ConcurrentModificationException({
      message:
        'The request was rejected because multiple requests to change this object were submitted simultaneously.',
      $metadata: { httpStatusCode: 409 },
    }),
  EntityTemporarilyUnmodifiable: ({ input }) =>
    new EntityTemporarilyUnmodifiableException({
      message: `Entity ${input.UserName ?? input.GroupName} is temporarily unmodifiable. Please try again later.`,
      $metadata: { httpStatusCode: 409 },
    }),
  UnmodifiableEntity: () =>
    new UnmodifiableEntityException({
      message: 'The request was rejected because the entity cannot be changed by the account.',
      $metadata: { httpStatusCode: 400 },
    }),
  InvalidInput: () => invalidInput('The request was rejected because an invalid or out-of-range value was supplied.'),
} as const satisfies Record<string, (context: FaultContext) => IAMServiceException>;

/** The code of an error that a fault can be: `Throttling`. */
export type FaultErrorName = keyof typeof faultErrors;

/** AWS's sentence about who may not do what on what. Actions on a membership are authorised on the group. */
function describeDenial(context: FaultContext): string {
  const user = arnOf(context.state, 'user/awsiam-monitor');
  const action = `iam:${context.operation}`;
  return `User: ${user} is not authorized to perform: ${action} on resource: ${resourceOf(context)} because no identity-based policy allows the ${action} action`;
}

function resourceOf({ state, operation, input }: FaultContext): string {
  const { UserName: userName, GroupName: groupName, Path: path = '/' } = input;
  if (groupName !== undefined) {
    return state.groups.get(foldName(groupName))?.entity.Arn ?? arnOf(state, `group${path}${groupName}`);
  }
  if (userName !== undefined) {
    return state.users.get(foldName(userName))?.entity.Arn ?? arnOf(state, `user${path}${userName}`);
  }
  if (operation === 'ListUsers') return arnOf(state, 'user/');
  return operation === 'ListGroups' ? arnOf(state, 'group/') : '*';
}

function describeLimit({ limits }: IamState, operation: string): IAMServiceException {
  switch (operation) {
    case 'CreateGroup':
      return limitExceeded('GroupsPerAccount', limits.groups);
    case 'AddUserToGroup':
      return limitExceeded('GroupsPerUser', limits.groupsPerUser);
    case 'AttachUserPolicy':
      return limitExceeded('PoliciesPerUser', limits.attachedPoliciesPerUser);
    default:
      return limitExceeded('UsersPerAccount', limits.users);
  }
}
