import { formatLimit, formatSeconds } from '../../../text/duration.ts';
import { OpenTimeoutError, StepTimeoutError } from '../../../runner/deadline.ts';
import type { ExplainContext } from '../../../runner/monitor.ts';
import { clip } from '../../../text/redact.ts';
import type { StepError } from '../../../runner/step-result.ts';
import { ForeignAnswerError } from '../client/iam-answer.ts';
import { ConfigError } from '../../../runner/settings.ts';
import { endpointSetting, readVariable, variables } from '../settings/variables.ts';
import {
  codeOf,
  httpStatusOf,
  isAnswer,
  isMissingBoundary,
  isMissingPolicy,
  NoCredentialsError,
  PropagationError,
} from './error-kinds.ts';
import {
  httpParserErrorCode,
  iamErrors,
  networkErrors,
  situations,
  tlsErrorCode,
  unknownAnswer,
  type Explanation,
} from './error-table.ts';
import { policyPath } from '../names.ts';
import { UnknownAccountError } from '../session.ts';

/** For errors outside the steps, where the front end does not matter. */
const anyFrontEnd: ExplainContext = {
  mode: 'live',
  values: {},
  howToConfigure: 'Set the variables in the environment',
};

/**
 * Says what went wrong at a step, whose fault it is and what to do. Never throws, whatever is thrown at it.
 *
 * @param step what was attempted: `CreateUser`, `teardown`
 */
export function explainError(error: unknown, step: string, context: ExplainContext = anyFrontEnd): StepError {
  try {
    return explain(error, step, context);
  } catch {
    // Reading a property of the error throws.
    return {
      ...situations.ownBug,
      code: 'UnknownError',
      message: `UnknownError at ${step}: an error that cannot be read`,
    };
  }
}

function explain(error: unknown, step: string, context: ExplainContext): StepError {
  if (error instanceof ConfigError) {
    const advice = `AWS was not called. ${context.howToConfigure}`;
    return { verdict: 'configuration', code: error.code, message: error.message, advice };
  }
  const root = error instanceof PropagationError ? error.cause : error;
  const code = codeOf(root);
  const explanation = explanationOf(error, code);
  const status = httpStatusOf(root);
  const waited = error instanceof PropagationError ? ` after waiting ${formatSeconds(error.waitedMs)}` : '';
  const answered = status === undefined ? '' : ` (HTTP ${status})`;
  const { text, stack } = describe(root);
  return {
    verdict: explanation.verdict,
    code,
    message: `${code}${answered} at ${step}${waited}: ${text}`,
    advice: adviseOn(explanation, { error, code, text, context }),
    ...(stack !== undefined && { stack }),
  };
}

/** How many causes behind an error are looked at: causes may form a circle. */
const maxCauses = 10;

function explanationOf(error: unknown, code: string, depth = 1): Explanation {
  if (error instanceof PropagationError) return situations.notPropagated;
  if (error instanceof StepTimeoutError) return situations.stepTimeout;
  if (error instanceof OpenTimeoutError) {
    return error.cause instanceof NoCredentialsError ? explanationOfCredentials(error.cause) : situations.slowHost;
  }
  if (error instanceof NoCredentialsError) return explanationOfCredentials(error);
  if (error instanceof UnknownAccountError) return situations.accountUnknown;
  if (error instanceof ForeignAnswerError && error.isThrottled) return situations.foreignThrottling;
  if (isAnswer(error)) {
    if (isMissingPolicy(error)) return situations.policyMissing;
    if (isMissingBoundary(error)) return situations.boundaryMissing;
    return find(iamErrors, code) ?? unknownAnswer(httpStatusOf(error) ?? 0);
  }
  // An answer, but not in IAM's format: malformed, or from something else.
  if (httpStatusOf(error) !== undefined) return situations.foreignAnswer;
  if (tlsErrorCode.test(code)) return situations.tlsError;
  if (httpParserErrorCode.test(code)) return situations.foreignAnswer;
  if (isProxyWithPassword(error, code)) return situations.proxyWantsPassword;
  const isTimeout = error instanceof Error && error.name === 'TimeoutError';
  const network = find(networkErrors, code) ?? (isTimeout ? find(networkErrors, 'ETIMEDOUT') : undefined);
  if (network !== undefined) return isRequestTimeout(error) ? situations.noAnswer : network;
  if (error instanceof Error) {
    if (/(Credentials|Token)Provider/.test(error.name)) return situations.noCredentials;
    if (error.cause instanceof Error && depth < maxCauses) {
      return explanationOf(error.cause, codeOf(error.cause), depth + 1);
    }
  }
  return situations.ownBug;
}

/** STS and SSO fail in the same ways as IAM. Everything else that keeps credentials from us is a fault on this side. */
function explanationOfCredentials({ cause, host, code }: NoCredentialsError): Explanation {
  if (isAnswer(cause)) {
    if ((httpStatusOf(cause) ?? 0) >= 500) return situations.credentialServiceFailed;
    const known = find(iamErrors, code);
    if (known?.verdict === 'throttled') return known;
    return known?.verdict === 'permission' ? situations.roleRefused : situations.noCredentials;
  }
  if (host === undefined) return find(networkErrors, code) ?? situations.noCredentials;
  if (cause instanceof ForeignAnswerError) {
    if (cause.isThrottled) return situations.foreignThrottling;
    return cause.$metadata.httpStatusCode >= 500 ? situations.credentialServiceFailed : situations.foreignAnswer;
  }
  const explanation = explanationOf(cause, code);
  return explanation.verdict === 'monitor' ? situations.noCredentials : explanation;
}

/** Looks only at the table's own keys, because a code may be any text, even `constructor`. */
function find(table: Readonly<Record<string, Explanation>>, code: string): Explanation | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}

/** Whether a proxy refused the tunnel with HTTP 407. Node has the status only in the message. */
function isProxyWithPassword(error: unknown, code: string): boolean {
  return code === 'ERR_PROXY_TUNNEL' && error instanceof Error && /\b407\b/.test(error.message);
}

/** Whether a connected server did not answer. The SDK gives the name TimeoutError to other errors, too. */
function isRequestTimeout(error: unknown): boolean {
  return error instanceof Error && /requestTimeout|socket timed out/.test(error.message);
}

/** The advice from the table, completed with facts of this failure: the denied action, the policy's name, the setting. */
function adviseOn(
  { verdict, advice }: Explanation,
  { error, code, text, context }: { error: unknown; code: string; text: string; context: ExplainContext },
): string {
  const action = /not authorized to perform: ([\w-]+:\w+)/.exec(text)?.[1];
  if (code === 'AccessDenied' && action !== undefined) {
    return `${action} is not allowed. ${advice}${adviseOnBoundary(action, text, context)}`;
  }
  if (context.mode === 'offline') return advice;
  const policy = /^Policy arn:\S+:policy\/AwsIamMonitorTestPolicies\/(\S+)/.exec(text)?.[1];
  if (policy !== undefined) return `${advice} To create it: ${createTestPolicyCommand(policy)}`;
  const setting = endpointSetting(context.values);
  const isUnreachable = verdict === 'network' || verdict === 'timeout';
  // STS and SSO have other endpoints, and a step that timed out may have waited for something else.
  const isElsewhere = [NoCredentialsError, OpenTimeoutError, StepTimeoutError].some((type) => error instanceof type);
  if (!isUnreachable || isElsewhere || setting === undefined) return advice;
  return `${advice} The endpoint comes from ${setting.from}: is it right?`;
}

/** IAM does not say so if a policy demands a permissions boundary and the user does not have it. */
function adviseOnBoundary(action: string, text: string, { values }: ExplainContext): string {
  if (!/:(Create|Attach)User/.test(action) || text.includes('explicit deny')) return '';
  const { name } = variables.permissionsBoundaryArn;
  const isSet = readVariable(variables.permissionsBoundaryArn, values) !== undefined;
  return ` If that policy demands a permissions boundary, ${isSet ? `it must be the one in ${name}` : `set ${name}`}.`;
}

/** The AWS CLI's command that creates a test policy. @param name with the namespace and the region */
export function createTestPolicyCommand(name: string): string {
  return `aws iam create-policy --path ${policyPath} --policy-name ${name} --policy-document "$(npx awsiam policy --test-policy)"`;
}

/** How many characters of a message and of a stack are kept. */
const maxTextLength = 4000;

function describe(error: unknown): { readonly text: string; readonly stack?: string } {
  if (!(error instanceof Error)) return { text: `something was thrown that is not an error: ${safeString(error)}` };
  const messages = [error.message];
  let { cause } = error;
  for (let depth = 1; depth < maxCauses && cause instanceof Error; depth++) {
    if (messages.length < 4 && !messages.includes(cause.message)) messages.push(cause.message);
    ({ cause } = cause);
  }
  // After several addresses were tried, Node throws an AggregateError without a message.
  if (error instanceof AggregateError) messages.push(...error.errors.slice(0, 4).map((each) => safeString(each)));
  const whole = messages
    .filter((message) => message !== '')
    .map(inPlainWords)
    .join('; ');
  const text = clip(whole, maxTextLength);
  return {
    text: text === '' ? 'no message' : text,
    ...(typeof error.stack === 'string' && { stack: clip(error.stack, maxTextLength) }),
  };
}

/** The SDK's messages about timeouts name its own parts. Ours say what we waited for, and how long. */
const plainWords: readonly (readonly [RegExp, (ms: string) => string])[] = [
  [
    /exceeded the configured (\d+) ms requestTimeout/,
    (ms) => `no answer within ${formatLimit(Number(ms))} of the request`,
  ],
  [/socket timed out after (\d+) ms of inactivity/, (ms) => `the answer stopped coming for ${formatLimit(Number(ms))}`],
];

function inPlainWords(message: string): string {
  for (const [pattern, say] of plainWords) {
    const [, ms] = pattern.exec(message) ?? [];
    if (ms !== undefined) return say(ms);
  }
  return message;
}

function safeString(value: unknown): string {
  try {
    return clip(String(value), maxTextLength);
  } catch {
    return typeof value;
  }
}
