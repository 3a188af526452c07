import { OpenTimeoutError, StepTimeoutError } from '../../../runner/deadline.ts';
import type { ExplainContext } from '../../../runner/monitor.ts';
import { clip } from '../../../text/redact.ts';
import type { StepError } from '../../../runner/step-result.ts';
import { ForeignAnswerError } from '../client/iam-answer.ts';
import { ConfigError } from '../../../runner/settings.ts';
import { endpointSetting } from '../settings/variables.ts';
import {
  codeOf,
  httpStatusOf,
  isAnswer,
  isMissingPolicy,
  NoCredentialsError,
  PropagationError,
} from './error-kinds.ts';
import {
  accountUnknown,
  credentialServiceFailed,
  foreignAnswer,
  foreignThrottling,
  httpParserErrorCode,
  iamErrors,
  networkErrors,
  noAnswer,
  noCredentials,
  notPropagated,
  ownBug,
  policyMissing,
  roleRefused,
  slowHost,
  stepTimeout,
  tlsError,
  tlsErrorCode,
  unknownAnswer,
  type Explanation,
} from './error-table.ts';
import { UnknownAccountError } from '../session.ts';

/** The context of an explanation outside the steps. */
const anyFrontEnd: ExplainContext = {
  mode: 'live',
  values: {},
  howToConfigure: 'Set the variables in the environment',
};

/**
 * Says what went wrong at a step, whose fault it is and what to do. Never throws, whatever it is given.
 *
 * @param step what was attempted: `CreateUser`, `teardown`
 */
export function explainError(error: unknown, step: string, context: ExplainContext = anyFrontEnd): StepError {
  try {
    return explain(error, step, context);
  } catch {
    // An error whose own properties throw when they are read.
    return { ...ownBug, code: 'UnknownError', message: `UnknownError at ${step}: an error that cannot be read` };
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
  const waited = error instanceof PropagationError ? ` after waiting ${Math.round(error.waitedMs / 1000)} s` : '';
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

/** How many errors are looked at: one may be behind the other without end. */
const longestChain = 10;

function explanationOf(error: unknown, code: string, depth = 1): Explanation {
  if (error instanceof PropagationError) return notPropagated;
  if (error instanceof StepTimeoutError) return stepTimeout;
  if (error instanceof OpenTimeoutError) {
    return error.cause instanceof NoCredentialsError ? explanationOfCredentials(error.cause) : slowHost;
  }
  if (error instanceof NoCredentialsError) return explanationOfCredentials(error);
  if (error instanceof UnknownAccountError) return accountUnknown;
  if (error instanceof ForeignAnswerError && error.isThrottled) return foreignThrottling;
  if (isAnswer(error)) {
    if (isMissingPolicy(error)) return policyMissing;
    return find(iamErrors, code) ?? unknownAnswer(httpStatusOf(error) ?? 0);
  }
  // Not IAM's own, but it came as an answer: malformed, or somebody else's.
  if (httpStatusOf(error) !== undefined) return foreignAnswer;
  if (tlsErrorCode.test(code)) return tlsError;
  if (httpParserErrorCode.test(code)) return foreignAnswer;
  const network = find(networkErrors, code);
  if (network !== undefined) return isRequestTimeout(error) ? noAnswer : network;
  if (error instanceof Error) {
    if (error.name === 'TimeoutError')
      return isRequestTimeout(error) ? noAnswer : (networkErrors['ETIMEDOUT'] ?? noAnswer);
    if (/(Credentials|Token)Provider/.test(error.name)) return noCredentials;
    if (error.cause instanceof Error && depth < longestChain) {
      return explanationOf(error.cause, codeOf(error.cause), depth + 1);
    }
  }
  return ownBug;
}

/** STS and SSO fail in the ways that IAM does. Anything else that hides the credentials is this host's own fault. */
function explanationOfCredentials({ cause, host, code }: NoCredentialsError): Explanation {
  if (isAnswer(cause)) {
    if ((httpStatusOf(cause) ?? 0) >= 500) return credentialServiceFailed;
    const known = find(iamErrors, code);
    if (known?.verdict === 'throttled') return known;
    return known?.verdict === 'permission' ? roleRefused : noCredentials;
  }
  if (host === undefined) return find(networkErrors, code) ?? noCredentials;
  if (cause instanceof ForeignAnswerError) {
    if (cause.isThrottled) return foreignThrottling;
    return cause.$metadata.httpStatusCode >= 500 ? credentialServiceFailed : foreignAnswer;
  }
  const explanation = explanationOf(cause, code);
  return explanation.verdict === 'monitor' ? noCredentials : explanation;
}

/** A code may be any text, also the name of something that every object has. */
function find(table: Readonly<Record<string, Explanation>>, code: string): Explanation | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}

/** The SDK's handler calls several things a TimeoutError; these are the ones where a connected server kept silent. */
function isRequestTimeout(error: unknown): boolean {
  return error instanceof Error && /requestTimeout|socket timed out/.test(error.message);
}

interface Circumstances {
  readonly error: unknown;
  readonly code: string;
  readonly text: string;
  readonly context: ExplainContext;
}

/** The advice, with what only this failure and this run know: the action that is missing, the policy's name, the setting. */
function adviseOn({ verdict, advice }: Explanation, { error, code, text, context }: Circumstances): string {
  const action = /not authorized to perform: ([\w-]+:\w+)/.exec(text)?.[1];
  if (code === 'AccessDenied' && action !== undefined) return `${action} is not allowed. ${advice}`;
  if (context.mode === 'offline') return advice;
  const policy = /^Policy arn:\S+:policy\/AwsIamMonitorTestPolicies\/(\S+)/.exec(text)?.[1];
  if (policy !== undefined) {
    return `${advice} To create it: aws iam create-policy --path /AwsIamMonitorTestPolicies/ --policy-name ${policy} --policy-document file://deploy/test-policy.json`;
  }
  const setting = endpointSetting(context.values);
  const isUnreachable = verdict === 'network' || verdict === 'timeout';
  if (!isUnreachable || setting === undefined || !concernsEndpoint(error)) return advice;
  return `${advice} The endpoint comes from ${setting.from}: is it right?`;
}

/** Not STS or SSO, which have endpoints of their own, nor a step that waited for something else. */
function concernsEndpoint(error: unknown): boolean {
  return !(
    error instanceof NoCredentialsError ||
    error instanceof OpenTimeoutError ||
    error instanceof StepTimeoutError
  );
}

/** How much of a message and of a stack is kept. */
const longestMessage = 4000;
const longestStack = 4000;

function describe(error: unknown): { readonly text: string; readonly stack?: string } {
  if (!(error instanceof Error)) return { text: `something was thrown that is no error: ${safeString(error)}` };
  const messages = [error.message];
  let { cause } = error;
  for (let depth = 1; depth < longestChain && cause instanceof Error; depth++) {
    if (messages.length < 4 && !messages.includes(cause.message)) messages.push(cause.message);
    ({ cause } = cause);
  }
  // An AggregateError of several addresses that were tried has no message of its own.
  if (error instanceof AggregateError) messages.push(...error.errors.slice(0, 4).map((each) => safeString(each)));
  const whole = messages
    .filter((message) => message !== '')
    .map(inPlainWords)
    .join('; ');
  const text = clip(whole, longestMessage);
  return {
    text: text === '' ? 'no message' : text,
    ...(typeof error.stack === 'string' && { stack: clip(error.stack, longestStack) }),
  };
}

/** The SDK's sentences about timeouts name its own parts; ours say what was waited for, and for how long. */
const plainWords: readonly (readonly [RegExp, (ms: string) => string])[] = [
  [/exceeded the configured (\d+) ms requestTimeout/, (ms) => `no answer within ${Number(ms) / 1000} s of the request`],
  [/socket timed out after (\d+) ms of inactivity/, (ms) => `the answer stopped coming for ${Number(ms) / 1000} s`],
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
    return clip(String(value), longestMessage);
  } catch {
    return typeof value;
  }
}
