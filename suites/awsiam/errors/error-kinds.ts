import { isUserOrGroup, type Change } from '../entities.ts';
import { tlsErrorCode } from './error-table.ts';

/**
 * The service's own code of an error: `NoSuchEntity`. The SDK's exception classes append `Exception` to some of them.
 * For errors that are not the service's: the platform's code or the error's name.
 */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UnknownError';
  const { code, name } = error as { readonly code?: unknown; readonly name: unknown };
  if (typeof code === 'string' && !isAnswer(error)) return code;
  return typeof name === 'string' ? name.replace(/(?<=.)Exception$/, '') : 'Error';
}

/** HTTP status of the answer behind an error, if there was one. */
export function httpStatusOf(error: unknown): number | undefined {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } } | undefined)?.$metadata
    ?.httpStatusCode;
}

/** IAM itself answered, in its own form, with an error code. */
export function isAnswer(error: unknown): boolean {
  const { $fault } = (error ?? {}) as { readonly $fault?: unknown };
  return $fault !== undefined && httpStatusOf(error) !== undefined;
}

/**
 * The request was certainly not carried out: IAM refused it, or it never left. Everything else may have been, answer or
 * not.
 */
export function hadNoEffect(error: unknown): boolean {
  if (!isAnswer(error)) return wasNeverSent(error);
  const status = httpStatusOf(error) ?? 0;
  return (status >= 400 && status < 500) || codeOf(error) === 'RequestLimitExceeded';
}

/** A connection was not open in time, so nothing was sent over it. The SDK retries errors of this name. */
export class ConnectTimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'ERR_CONNECT_TIMEOUT';

  constructor(host: string, timeoutMs: number, { throughProxy = false } = {}) {
    super(`no connection to ${host}${throughProxy ? ' through the proxy' : ''} within ${timeoutMs / 1000} s`);
  }
}

/** There are no credentials to sign with. The name is the SDK's own for it. */
export class NoCredentialsError extends Error {
  override readonly name = 'CredentialsProviderError';
  /** The cause's code, if a service was asked for credentials. */
  readonly code: string;
  /** The service that could not be asked. */
  readonly host: string | undefined;

  constructor(
    message: string,
    { cause, host, code }: { readonly cause?: unknown; readonly host?: string; readonly code?: string } = {},
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.host = host;
    this.code = code ?? (host !== undefined || isAnswer(cause) ? codeOf(cause) : this.name);
  }
}

/**
 * Whether nobody said what became of the request, so that IAM may still carry it out. A gateway's 5xx tells no more
 * than silence does. IAM's own 5xx is an answer.
 */
export function isUnanswered(error: unknown): boolean {
  return !isAnswer(error) && !wasNeverSent(error) && (httpStatusOf(error) ?? 500) >= 500;
}

/** There was no connection to send it on, or nothing to sign it with. */
const neverSent = new Set([
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'EAI_FAIL',
  'ECONNREFUSED',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EMFILE',
  'ENETDOWN',
  'ENETUNREACH',
  'ENFILE',
  'ENOTFOUND',
  'ERR_CONNECT_TIMEOUT',
  'ERR_INVALID_URL',
  'ERR_PROXY_TUNNEL',
]);

function wasNeverSent(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { name } = error as { readonly name: unknown };
  const code = codeOf(error);
  return (
    neverSent.has(code) ||
    // EPROTO can also come in the middle of a connection.
    (tlsErrorCode.test(code) && code !== 'EPROTO') ||
    (typeof name === 'string' && /(Credentials|Token)Provider/.test(name))
  );
}

/** IAM does not know the policy that was to be attached. */
export function isMissingPolicy(error: unknown): boolean {
  const { message } = error as { readonly message?: unknown };
  return codeOf(error) === 'NoSuchEntity' && typeof message === 'string' && /^Policy\b/.test(message);
}

/** The state that the call was to bring about is there already. */
export function isAlreadyDone(error: unknown, change: Change): boolean {
  return codeOf(error) === ('makes' in change ? 'EntityAlreadyExists' : 'NoSuchEntity');
}

/**
 * IAM is eventually consistent: for a while, what this run made may be unknown and what it removed may be in the way.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
 */
export function isNotYetVisible(error: unknown, change: Change): boolean {
  const entity = 'makes' in change ? change.makes : change.removes;
  const standsAlone = isUserOrGroup(entity);
  switch (codeOf(error)) {
    case 'NoSuchEntity':
      // A policy that is not there was not made by this run: waiting does not bring it.
      return 'removes' in change || (!standsAlone && !isMissingPolicy(error));
    case 'DeleteConflict':
      return 'removes' in change && standsAlone;
    default:
      return false;
  }
}

/** Waiting for an earlier change of this run to become visible was in vain. */
export class PropagationError extends Error {
  override readonly name = 'PropagationError';
  readonly waitedMs: number;
  override readonly cause: Error;

  constructor(cause: Error, waitedMs: number) {
    super(cause.message, { cause });
    this.cause = cause;
    this.waitedMs = waitedMs;
  }
}
