import { describeQuota, invalidClientTokenId } from './aws-error.ts';
import { blockerSentences } from './records.ts';
import { arnOf, foldName, type IamState } from './state.ts';

/** An answer over HTTP. Header names are in lower case. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the client gets: an answer, a reset of the connection, or silence. */
export type Delivery = HttpAnswer | 'reset' | 'hang';

/**
 * The faults of the connection, and of proxies between the client and IAM. A fault that does not call `carryOut` keeps the
 * request from reaching IAM.
 */
export const transportFaults = {
  'reset-before': () => 'reset',
  'reset-after': (carryOut) => {
    carryOut();
    return 'reset';
  },
  /** The XML of the answer stops halfway. */
  truncated: (carryOut) => {
    const answer = carryOut();
    return { ...answer, body: answer.body.slice(0, answer.body.length / 2) };
  },
  html: () => gatewayPage(200, '<p>Please sign in<br>to use the network.</p>'),
  /** The same page as well-formed XML. The SDK takes it for a success. */
  xhtml: () => gatewayPage(200, '<p>Please sign in to use the network.</p>'),
  /** Some emulators answer like this if they lack the operation. */
  'html-500': () => gatewayPage(500, '<h1>Internal Server Error</h1><hr>'),
  'html-502': () => gatewayPage(502, '<center><h1>502 Bad Gateway</h1></center><hr><center>proxy</center>'),
  empty: () => ({ status: 200, headers: {}, body: '' }),
  hang: () => 'hang',
  'hang-after': (carryOut) => {
    carryOut();
    return 'hang';
  },
} as const satisfies Record<string, (carryOut: () => HttpAnswer) => Delivery>;

/** A page from a proxy or a captive portal. */
function gatewayPage(status: number, content: string): HttpAnswer {
  const body = `<html><head><title>Gateway</title></head><body>${content}</body></html>\n`;
  return { status, headers: { 'content-type': 'text/html' }, body };
}

/** The request that an error answers: some texts name its user or group. */
interface FaultContext {
  readonly state: IamState;
  readonly operation: string;
  readonly input: { readonly UserName?: string; readonly GroupName?: string; readonly Path?: string };
}

const unknownFailure = 'The request processing has failed because of an unknown error, exception or failure.';

/**
 * The errors that IAM can answer any request with, by their code on the wire: AWS's status and wording.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
 */
export const faultErrors = {
  ServiceFailure: () => [500, unknownFailure],
  InternalFailure: () => [500, unknownFailure],
  ServiceUnavailable: () => [503, 'The request has failed due to a temporary failure of the server.'],
  Throttling: () => [400, 'Rate exceeded'],
  ThrottlingException: () => [400, 'Rate exceeded'],
  RequestLimitExceeded: () => [503, 'Request limit exceeded.'],
  AccessDenied: (context) => [403, describeDenial(context)],
  ExpiredToken: () => [403, 'The security token included in the request is expired'],
  InvalidClientTokenId: () => [403, invalidClientTokenId().message],
  SignatureDoesNotMatch: () => [
    403,
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
  ],
  RequestExpired: () => [400, 'Request has expired.'],
  OptInRequired: () => [403, 'The AWS Access Key Id needs a subscription for the service'],
  LimitExceeded: ({ state, operation }) => [409, describeLimit(state, operation)],
  EntityAlreadyExists: ({ input }) => [
    409,
    input.UserName === undefined
      ? `Group with name ${input.GroupName} already exists.`
      : `User with name ${input.UserName} already exists.`,
  ],
  NoSuchEntity: ({ input }) => [
    404,
    input.UserName === undefined
      ? `The group with name ${input.GroupName} cannot be found.`
      : `The user with name ${input.UserName} cannot be found.`,
  ],
  DeleteConflict: ({ operation }) => [
    409,
    blockerSentences[operation === 'DeleteUser' ? 'attachedPolicies' : 'membership'],
  ],
  ConcurrentModification: () => [
    409,
    'The request was rejected because multiple requests to change this object were submitted simultaneously.',
  ],
  EntityTemporarilyUnmodifiable: ({ input }) => [
    409,
    `Entity ${input.UserName ?? input.GroupName} is temporarily unmodifiable. Please try again later.`,
  ],
  UnmodifiableEntity: () => [400, 'The request was rejected because the entity cannot be changed by the account.'],
  InvalidInput: () => [400, 'The request was rejected because an invalid or out-of-range value was supplied.'],
} as const satisfies Record<string, (context: FaultContext) => readonly [status: number, message: string]>;

/** AWS's sentence about a denied action. For a membership, AWS checks the permission on the group. */
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

function describeLimit({ limits }: IamState, operation: string): string {
  switch (operation) {
    case 'CreateGroup':
      return describeQuota('GroupsPerAccount', limits.groups);
    case 'AddUserToGroup':
      return describeQuota('GroupsPerUser', limits.groupsPerUser);
    case 'AttachUserPolicy':
      return describeQuota('PoliciesPerUser', limits.attachedPoliciesPerUser);
    default:
      return describeQuota('UsersPerAccount', limits.users);
  }
}
