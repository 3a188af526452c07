import type { Verdict } from '../../../runner/step-result.ts';

/** Whose fault an error is, and what the reader can do about it. */
export interface Explanation {
  readonly verdict: Verdict;
  readonly advice: string;
}

const theirFault = 'IAM answered with an error of its own. Check the AWS Health Dashboard; nothing to do on this side.';
const slowDown =
  "IAM's write calls are throttled per account: look for other automation in this account, or run less often.";
const keys =
  'Check METRIST_AWS_ACCESS_KEY_ID and METRIST_AWS_SECRET_ACCESS_KEY (or the profile or role in their place)';
const clock = "Compare this host's clock with the real time (NTP): AWS refuses requests that are minutes off.";
const leastPrivilege = "Give the monitor's principal the permissions in deploy/monitor-policy.json.";
const invalidValue = 'Check METRIST_NAMESPACE and METRIST_POLICY_ARN: IAM refused a value made of them.';

/** By IAM's error code. https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and each call's own page. */
export const iamErrors: Readonly<Record<string, Explanation>> = {
  ServiceFailure: { verdict: 'service', advice: theirFault },
  InternalFailure: { verdict: 'service', advice: theirFault },
  InternalError: { verdict: 'service', advice: theirFault },
  ServiceUnavailable: { verdict: 'service', advice: theirFault },
  ConcurrentModification: {
    verdict: 'service',
    advice: 'IAM saw a concurrent change of an entity that only this run touches. If it stays, tell AWS support.',
  },
  EntityTemporarilyUnmodifiable: {
    verdict: 'propagation',
    advice: 'IAM has not settled an earlier change of the entity yet. If it stays, check the AWS Health Dashboard.',
  },
  NoSuchEntity: { verdict: 'service', advice: 'IAM does not know an entity that it should know. See the message.' },
  DeleteConflict: {
    verdict: 'service',
    advice:
      'IAM says that something is still attached although it was removed. If it stays, check what holds the entity.',
  },
  Throttling: { verdict: 'throttled', advice: slowDown },
  RequestLimitExceeded: { verdict: 'throttled', advice: slowDown },
  TooManyRequests: { verdict: 'throttled', advice: slowDown },
  LimitExceeded: {
    verdict: 'quota',
    advice:
      'A quota of the account is used up: remove leftovers under /AwsIamMonitorTestUsers/ and /AwsIamMonitorTestGroups/, or raise the quota.',
  },
  AccessDenied: {
    verdict: 'permission',
    advice:
      "Give the monitor's principal the permissions in deploy/monitor-policy.json, and look for a denying SCP or permission boundary.",
  },
  UnauthorizedOperation: { verdict: 'permission', advice: leastPrivilege },
  NotAuthorized: { verdict: 'permission', advice: leastPrivilege },
  OptInRequired: {
    verdict: 'credentials',
    advice: 'The account is not signed up for the service or is suspended: check its state and billing.',
  },
  ExpiredToken: {
    verdict: 'credentials',
    advice: 'The session token has expired: renew it, or use a role or a profile that renews itself.',
  },
  InvalidClientTokenId: {
    verdict: 'credentials',
    advice: `${keys}: AWS does not know the key id. It may be deleted, inactive, or of another partition (aws, aws-cn, aws-us-gov) than METRIST_AWS_REGION.`,
  },
  UnrecognizedClient: { verdict: 'credentials', advice: `${keys}: AWS does not know the key or the session token.` },
  SignatureDoesNotMatch: {
    verdict: 'credentials',
    advice: `${keys}: the secret does not belong to the key id. ${clock}`,
  },
  IncompleteSignature: { verdict: 'credentials', advice: `${keys}: the signature could not be read.` },
  MissingAuthenticationToken: {
    verdict: 'credentials',
    advice: `${keys}: the request arrived without a signature. Does a proxy strip headers?`,
  },
  RequestExpired: { verdict: 'credentials', advice: clock },
  InvalidInput: { verdict: 'configuration', advice: invalidValue },
  ValidationError: { verdict: 'configuration', advice: invalidValue },
  PolicyNotAttachable: {
    verdict: 'configuration',
    advice: 'Check METRIST_POLICY_ARN: this policy can only be attached by AWS itself.',
  },
  EntityAlreadyExists: {
    verdict: 'monitor',
    advice: 'The name is random and should be free. If it stays, report it with this message.',
  },
};

const proxy = 'If this host reaches the internet through a proxy, set HTTPS_PROXY.';
const reach = `Check the way from this host to the endpoint (routes, firewall, security groups). ${proxy}`;
const dns = `Check this host's DNS, and METRIST_AWS_REGION and AWS_ENDPOINT_URL_IAM if they were changed. ${proxy}`;

/** By Node's error code, for a service that cannot be reached. https://nodejs.org/api/errors.html#common-system-errors */
export const networkErrors: Readonly<Record<string, Explanation>> = {
  ENOTFOUND: { verdict: 'network', advice: `The endpoint's name does not resolve. ${dns}` },
  EAI_AGAIN: { verdict: 'network', advice: `The name server does not answer. ${dns}` },
  EAI_FAIL: { verdict: 'network', advice: `The name server refuses to answer. ${dns}` },
  ECONNREFUSED: { verdict: 'network', advice: `Nobody listens at the endpoint. ${reach}` },
  ECONNRESET: { verdict: 'network', advice: `The connection was cut. ${reach}` },
  EPIPE: { verdict: 'network', advice: `The connection was cut. ${reach}` },
  ECONNABORTED: { verdict: 'network', advice: `The connection was cut. ${reach}` },
  ENETRESET: { verdict: 'network', advice: `The connection was cut. ${reach}` },
  ERR_STREAM_PREMATURE_CLOSE: { verdict: 'network', advice: `The connection was cut. ${reach}` },
  EHOSTUNREACH: { verdict: 'network', advice: reach },
  EHOSTDOWN: { verdict: 'network', advice: reach },
  ENETUNREACH: { verdict: 'network', advice: reach },
  ENETDOWN: { verdict: 'network', advice: reach },
  EADDRNOTAVAIL: { verdict: 'network', advice: `This host has no address or port left for the connection. ${reach}` },
  EACCES: { verdict: 'network', advice: `This host does not allow the connection. ${reach}` },
  EPERM: { verdict: 'network', advice: `This host does not allow the connection. ${reach}` },
  EMFILE: { verdict: 'monitor', advice: 'This process has no file descriptors left: raise the limit (ulimit -n).' },
  ENFILE: { verdict: 'monitor', advice: 'This host has no file descriptors left: raise the limit.' },
  ETIMEDOUT: { verdict: 'timeout', advice: `No answer came in time. ${reach}` },
  ERR_CONNECT_TIMEOUT: { verdict: 'timeout', advice: `Nothing was sent. ${reach}` },
  ERR_PROXY_INVALID_CONFIG: {
    verdict: 'configuration',
    advice: 'Correct HTTPS_PROXY or HTTP_PROXY: http://host:port.',
  },
  ERR_PROXY_TUNNEL: { verdict: 'network', advice: 'The proxy refused the tunnel: check HTTPS_PROXY and NO_PROXY.' },
  ERR_INVALID_URL: {
    verdict: 'configuration',
    advice: 'Check AWS_ENDPOINT_URL_IAM, AWS_ENDPOINT_URL and HTTPS_PROXY: one of them is not a URL.',
  },
};

/** What Node's parser reports when the other side does not speak HTTP. */
export const httpParserErrorCode = /^HPE_/;

/** Node's and OpenSSL's codes for a certificate or a handshake that was refused. https://nodejs.org/api/tls.html#x509-certificate-error-codes */
export const tlsErrorCode =
  /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|CRL_|UNABLE_TO_|ERROR_IN_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_(CA|PURPOSE)|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

/** For an answer of IAM whose code is not in the table. */
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

/** For errors that are recognised by more than their code. */
export const situations = {
  tlsError: {
    verdict: 'network',
    advice:
      "The endpoint's certificate was not accepted. Behind a proxy that inspects TLS, name its CA in NODE_EXTRA_CA_CERTS; otherwise check this host's clock and CA certificates.",
  },
  foreignAnswer: {
    verdict: 'service',
    advice:
      'Something other than AWS answered, or the answer was cut off: look for a proxy or a gateway on the way to the endpoint.',
  },
  /** A proxy or a gateway refuses requests because there are too many. */
  foreignThrottling: {
    verdict: 'throttled',
    advice: `The answer is not in AWS's format, so a proxy or a gateway on the way may be throttling. Otherwise: ${slowDown}`,
  },
  noAnswer: {
    verdict: 'timeout',
    advice:
      'IAM took the connection but did not answer in time. Check the AWS Health Dashboard and the way to the endpoint; METRIST_REQUEST_TIMEOUT_SECS says how long to wait.',
  },
  stepTimeout: {
    verdict: 'timeout',
    advice:
      'Check the AWS Health Dashboard and the way to the endpoint; METRIST_STEP_TIMEOUT_SECS says how long a step may take.',
  },
  slowHost: {
    verdict: 'monitor',
    advice:
      'This host was too slow to load the AWS SDK: look for a full disk, a slow file system or an overloaded CPU.',
  },
  noCredentials: {
    verdict: 'credentials',
    advice:
      'Set METRIST_AWS_ACCESS_KEY_ID and METRIST_AWS_SECRET_ACCESS_KEY, or give the AWS SDK a profile (AWS_PROFILE), an SSO session or a role that it can use.',
  },
  /** STS or SSO answered with 5xx. */
  credentialServiceFailed: {
    verdict: 'service',
    advice:
      'The AWS service that gives out credentials answered with an error of its own: check the AWS Health Dashboard.',
  },
  roleRefused: {
    verdict: 'permission',
    advice: "Check the role that the profile names: its trust policy, and what the profile's own credentials may do.",
  },
  policyMissing: {
    verdict: 'configuration',
    advice:
      'The test policy does not exist. Its name is made of METRIST_NAMESPACE and METRIST_AWS_REGION, unless METRIST_POLICY_ARN names another one: check them for a typing error, or create the policy.',
  },
  accountUnknown: {
    verdict: 'service',
    advice:
      'The name of the test policy depends on the account. If this stays, name the policy in METRIST_POLICY_ARN, and check the AWS Health Dashboard.',
  },
  notPropagated: {
    verdict: 'propagation',
    advice:
      'IAM accepted an earlier change but does not act on it. It is slower than usual: check the AWS Health Dashboard; METRIST_PROPAGATION_TIMEOUT_SECS says how long to wait.',
  },
  ownBug: {
    verdict: 'monitor',
    advice: 'This is a fault of the monitor and says nothing about IAM: report it with this message.',
  },
} as const satisfies Record<string, Explanation>;
