import { OpenTimeoutError } from '../../../runner/open-timeout-error.ts';
import { clip } from '../../../runner/redact.ts';
import type { StepError } from '../../../runner/step-result.ts';
import { ConfigError } from '../settings/config.ts';
import { codeOf, httpStatusOf, isAnswer, isMissingPolicy, PropagationError } from './error-kinds.ts';
import {
  foreignAnswer,
  howToConfigure,
  httpParserErrorCode,
  iamErrors,
  networkErrors,
  noAnswer,
  noCredentials,
  notPropagated,
  ownBug,
  policyMissing,
  tlsError,
  tlsErrorCode,
  unknownAnswer,
  type Explanation,
} from './error-table.ts';
import { UnknownAccountError } from '../session.ts';

/**
 * Says what went wrong at a step, whose fault it is and what to do. Never throws, whatever it is given.
 *
 * @param step what was attempted: `CreateUser`, `teardown`
 */
export function explainError(error: unknown, step: string): StepError {
  try {
    return explain(error, step);
  } catch {
    // An error whose own properties throw when they are read.
    return { ...ownBug, code: 'UnknownError', message: `UnknownError at ${step}: an error that cannot be read` };
  }
}

function explain(error: unknown, step: string): StepError {
  if (error instanceof ConfigError) {
    return { verdict: 'configuration', code: error.code, message: error.message, advice: howToConfigure };
  }
  const root = error instanceof PropagationError ? error.cause : error;
  const code = codeOf(root);
  const { verdict, advice } = explanationOf(error, code);
  const status = httpStatusOf(root);
  const waited = error instanceof PropagationError ? ` after waiting ${Math.round(error.waitedMs / 1000)} s` : '';
  const answered = status === undefined ? '' : ` (HTTP ${status})`;
  const { text, stack } = describe(root);
  return {
    verdict,
    code,
    message: `${code}${answered} at ${step}${waited}: ${text}`,
    advice: withAction(advice, text, code),
    ...(stack !== undefined && { stack }),
  };
}

/** How many errors are looked at: one may be behind the other without end. */
const longestChain = 10;

function explanationOf(error: unknown, code: string, depth = 1): Explanation {
  if (error instanceof PropagationError) return notPropagated;
  // What takes time while the session opens is looking for credentials; the connection's failure is left to the first step.
  if (error instanceof OpenTimeoutError) return noCredentials;
  if (error instanceof UnknownAccountError) return { ...policyMissing, verdict: 'service' };
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

/** A code may be any text, also the name of something that every object has. */
function find(table: Readonly<Record<string, Explanation>>, code: string): Explanation | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}

/** The SDK's handler calls several things a TimeoutError; these are the ones where a connected server kept silent. */
function isRequestTimeout(error: unknown): boolean {
  return error instanceof Error && /requestTimeout|socket timed out/.test(error.message);
}

/** Where AWS names the action that is missing, the advice names it too. */
function withAction(advice: string, message: string, code: string): string {
  const action = /not authorized to perform: ([\w-]+:\w+)/.exec(message)?.[1];
  return code === 'AccessDenied' && action !== undefined ? `${action} is not allowed. ${advice}` : advice;
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
  [/did not establish a connection.* of (\d+) ms/, (ms) => `no connection within ${Number(ms) / 1000} s`],
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
