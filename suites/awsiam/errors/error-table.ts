import type { Verdict } from '../../../runner/step-result.ts';

/** Whose fault an error is, and what the reader can do about it. */
export interface Explanation {
  readonly verdict: Verdict;
  readonly advice: string;
}

/** Turns tables of advice, one for each verdict, into one table of explanations. */
function explanations<Code extends string>(
  tables: Partial<Record<Verdict, Partial<Record<Code, string>>>>,
): Readonly<Record<Code, Explanation>> {
  const entries = Object.entries(tables).flatMap(([verdict, table]) =>
    Object.entries(table).map(([code, advice]) => [code, { verdict, advice }]),
  );
  return Object.fromEntries(entries) as Record<Code, Explanation>;
}

const theirFault = 'IAM answered with an error of its own. Check the AWS Health Dashboard; nothing to do on this side.';
const slowDown =
  "IAM's write calls are throttled per account: look for other automation in this account, or run less often.";
const keys =
  'Check METRIST_AWS_ACCESS_KEY_ID and METRIST_AWS_SECRET_ACCESS_KEY (or the profile or role in their place)';
const clock = "Compare this host's clock with the real time (NTP): AWS refuses requests that are minutes off.";
const leastPrivilege = 'Give the monitor\'s principal the permissions that "awsiam policy" prints';
const invalidValue =
  'Check METRIST_NAMESPACE, METRIST_POLICY_ARN and METRIST_PERMISSIONS_BOUNDARY_ARN: IAM refused a value made of them.';

/** Explanations by IAM's error code. https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and each call's own page. */
export const iamErrors = explanations<string>({
  service: {
    ServiceFailure: theirFault,
    InternalFailure: theirFault,
    InternalError: theirFault,
    ServiceUnavailable: theirFault,
    ConcurrentModification:
      'IAM saw a concurrent change of an entity that only this run touches. If this goes on, tell AWS support.',
    NoSuchEntity: 'IAM does not know an entity that it should know. See the message.',
    DeleteConflict:
      'IAM says that something is still attached although it was removed. If this goes on, check what holds the entity.',
  },
  propagation: {
    EntityTemporarilyUnmodifiable:
      'IAM has not settled an earlier change of the entity yet. If this goes on, check the AWS Health Dashboard.',
  },
  throttled: { Throttling: slowDown, RequestLimitExceeded: slowDown, TooManyRequests: slowDown },
  quota: {
    LimitExceeded:
      'A quota of the account is used up: remove leftovers under /AwsIamMonitorTestUsers/ and /AwsIamMonitorTestGroups/, or raise the quota.',
  },
  permission: {
    AccessDenied: `${leastPrivilege}, and look for a denying SCP or permission boundary.`,
    UnauthorizedOperation: `${leastPrivilege}.`,
    NotAuthorized: `${leastPrivilege}.`,
  },
  credentials: {
    OptInRequired: 'The account is not signed up for the service or is suspended: check its state and billing.',
    ExpiredToken: 'The session token has expired: renew it, or use a role or a profile that renews itself.',
    InvalidClientTokenId: `${keys}: AWS does not know the key id. It may be deleted, inactive, or of another partition (aws, aws-cn, aws-us-gov) than METRIST_AWS_REGION.`,
    UnrecognizedClient: `${keys}: AWS does not know the key or the session token.`,
    SignatureDoesNotMatch: `${keys}: the secret does not belong to the key id. ${clock}`,
    IncompleteSignature: `${keys}: the signature could not be read.`,
    MissingAuthenticationToken: `${keys}: the request arrived without a signature. Does a proxy strip headers?`,
    RequestExpired: clock,
  },
  configuration: {
    InvalidInput: invalidValue,
    ValidationError: invalidValue,
    PolicyNotAttachable: 'Check METRIST_POLICY_ARN: this policy can only be attached by AWS itself.',
  },
  monitor: {
    EntityAlreadyExists: 'The name is random and should be free. If this happens again, report it with this message.',
  },
});

const proxy = 'If this host reaches the internet through a proxy, set HTTPS_PROXY.';
const reach = `Check the network path from this host to the endpoint (routes, firewall, security groups). ${proxy}`;
const dns = `Check this host's DNS, and METRIST_AWS_REGION and AWS_ENDPOINT_URL_IAM if they were changed. ${proxy}`;
const cut = `The connection was cut. ${reach}`;
const notAllowed = `This host does not allow the connection. ${reach}`;

/** Explanations by Node's error code, for a service that cannot be reached. https://nodejs.org/api/errors.html#common-system-errors */
export const networkErrors = explanations<string>({
  network: {
    ENOTFOUND: `The endpoint's name does not resolve. ${dns}`,
    EAI_AGAIN: `The name server does not answer. ${dns}`,
    EAI_FAIL: `The name server refuses to answer. ${dns}`,
    ECONNREFUSED: `Nobody listens at the endpoint. ${reach}`,
    ECONNRESET: cut,
    EPIPE: cut,
    ECONNABORTED: cut,
    ENETRESET: cut,
    ERR_STREAM_PREMATURE_CLOSE: cut,
    EHOSTUNREACH: reach,
    EHOSTDOWN: reach,
    ENETUNREACH: reach,
    ENETDOWN: reach,
    EADDRNOTAVAIL: `This host has no address or port left for the connection. ${reach}`,
    EACCES: notAllowed,
    EPERM: notAllowed,
    ERR_PROXY_TUNNEL: 'The proxy refused the tunnel: check HTTPS_PROXY and NO_PROXY.',
  },
  timeout: {
    ETIMEDOUT: `No answer came in time. ${reach}`,
    ERR_CONNECT_TIMEOUT: `Nothing was sent. ${reach}`,
  },
  configuration: {
    ERR_PROXY_INVALID_CONFIG: 'Correct HTTPS_PROXY or HTTP_PROXY: http://host:port.',
    ERR_INVALID_URL: 'Check AWS_ENDPOINT_URL_IAM, AWS_ENDPOINT_URL and HTTPS_PROXY: one of them is not a URL.',
  },
  monitor: {
    EMFILE: 'This process has no file descriptors left: raise the limit (ulimit -n).',
    ENFILE: 'This host has no file descriptors left: raise the limit.',
  },
});

/** What Node's parser reports when the other side does not speak HTTP. */
export const httpParserErrorCode = /^HPE_/;

/** Node's and OpenSSL's codes for a certificate or a handshake that was refused. https://nodejs.org/api/tls.html#x509-certificate-error-codes */
export const tlsErrorCode =
  /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|CRL_|UNABLE_TO_|ERROR_IN_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_(CA|PURPOSE)|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

/** Explains an answer of IAM whose code is not in the table. */
export function unknownAnswer(httpStatus: number): Explanation {
  if (httpStatus >= 500) return { verdict: 'service', advice: theirFault };
  if (httpStatus === 429) return { verdict: 'throttled', advice: slowDown };
  if (httpStatus === 401 || httpStatus === 403) {
    return { verdict: 'permission', advice: "IAM refused the monitor's principal: see the message for what it lacks." };
  }
  return {
    verdict: 'monitor',
    advice: 'IAM refused the request for a reason unknown to this monitor: report it with this message.',
  };
}

/** Explanations of errors for which the code alone says too little. */
export const situations = explanations({
  service: {
    foreignAnswer:
      'Something other than AWS answered, or the answer was cut off: look for a proxy or a gateway on the way to the endpoint.',
    /** STS or SSO answered with 5xx. */
    credentialServiceFailed:
      'The AWS service that gives out credentials answered with an error of its own: check the AWS Health Dashboard.',
    accountUnknown:
      'The name of the test policy depends on the account. If this goes on, name the policy in METRIST_POLICY_ARN, and check the AWS Health Dashboard.',
  },
  /** A proxy or a gateway refuses requests because there are too many. */
  throttled: {
    foreignThrottling: `The answer is not in AWS's format, so a proxy or a gateway on the way may be throttling. Otherwise: ${slowDown}`,
  },
  propagation: {
    notPropagated:
      'IAM accepted an earlier change but does not act on it. It is slower than usual: check the AWS Health Dashboard; METRIST_PROPAGATION_TIMEOUT_SECS says how long to wait.',
  },
  network: {
    proxyWantsPassword:
      'The proxy asks for a user name and a password: set HTTPS_PROXY to http://user:password@host:port, with special characters percent-encoded.',
    tlsError:
      "The endpoint's certificate was not accepted. Behind a proxy that inspects TLS, name its CA in NODE_EXTRA_CA_CERTS; otherwise check this host's clock and CA certificates.",
  },
  timeout: {
    noAnswer:
      'IAM took the connection but did not answer in time. Check the AWS Health Dashboard and the network path to the endpoint; METRIST_REQUEST_TIMEOUT_SECS says how long to wait.',
    stepTimeout:
      'Check the AWS Health Dashboard and the network path to the endpoint; METRIST_STEP_TIMEOUT_SECS says how long a step may take.',
  },
  permission: {
    roleRefused:
      "Check the role that the profile names: its trust policy, and what the profile's own credentials may do.",
  },
  credentials: {
    noCredentials:
      'Set METRIST_AWS_ACCESS_KEY_ID and METRIST_AWS_SECRET_ACCESS_KEY, or give the AWS SDK a profile (AWS_PROFILE), an SSO session or a role that it can use.',
  },
  configuration: {
    boundaryMissing:
      'The permissions boundary for test users does not exist in this account and partition: check METRIST_PERMISSIONS_BOUNDARY_ARN for a typing error, or create the policy.',
    policyMissing:
      'The test policy does not exist. Its name is made of METRIST_NAMESPACE and METRIST_AWS_REGION, unless METRIST_POLICY_ARN names another one: check them for a typing error, or create the policy.',
  },
  monitor: {
    slowHost:
      'This host was too slow to load the AWS SDK: look for a full disk, a slow file system or an overloaded CPU.',
    ownBug: 'This is a fault of the monitor and says nothing about IAM: report it with this message.',
  },
});
