import type { MetadataBearer } from '@smithy/types';
import { formatLimit } from '../../../text/duration.ts';
import { isOwner, type Change } from '../entities.ts';
import { tlsErrorCode } from './error-table.ts';

/**
 * The code that IAM gave an error: `NoSuchEntity`. For errors that did not come from IAM, Node's code or the error's name.
 * The SDK's exception classes append `Exception` to some names; that is cut off.
 */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UnknownError';
  const { code, name } = error as { readonly code?: unknown; readonly name: unknown };
  if (typeof code === 'string' && !isAnswer(error)) return code;
  return typeof name === 'string' ? name.replace(/(?<=.)Exception$/, '') : 'Error';
}

/** The HTTP status of the answer that caused an error, if there was one. */
export function httpStatusOf(error: unknown): number | undefined {
  return (error as Partial<MetadataBearer> | undefined)?.$metadata?.httpStatusCode;
}

/** Whether IAM itself answered, in its own format, with an error code. */
export function isAnswer(error: unknown): boolean {
  const { $fault } = (error ?? {}) as { readonly $fault?: unknown };
  return $fault !== undefined && httpStatusOf(error) !== undefined;
}

/**
 * Whether the request was certainly not carried out: IAM refused it, or it was never sent. After any other error it may have
 * been carried out.
 */
export function hadNoEffect(error: unknown): boolean {
  if (!isAnswer(error)) return wasNeverSent(error);
  const status = httpStatusOf(error) ?? 0;
  return (status >= 400 && status < 500) || codeOf(error) === 'RequestLimitExceeded';
}

/** A connection did not open in time, so nothing was sent. The SDK retries errors with this name. */
export class ConnectTimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'ERR_CONNECT_TIMEOUT';

  constructor(host: string, timeoutMs: number, { throughProxy = false } = {}) {
    super(`no connection to ${host}${throughProxy ? ' through the proxy' : ''} within ${formatLimit(timeoutMs)}`);
  }
}

/** There are no credentials to sign with. The SDK uses the same name. */
export class NoCredentialsError extends Error {
  override readonly name = 'CredentialsProviderError';
  /** The cause's code if a service was asked for credentials, else the name. */
  readonly code: string;
  /** Host name of the service that did not give credentials. */
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
 * Whether we do not know what became of the request, so that IAM may still carry it out. A 5xx from a gateway says no more
 * than silence does; a 5xx from IAM is an answer.
 */
export function isUnanswered(error: unknown): boolean {
  return !isAnswer(error) && !wasNeverSent(error) && (httpStatusOf(error) ?? 500) >= 500;
}

/** Codes of errors that come before anything is sent. */
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
    // EPROTO can also occur later on a connection.
    (tlsErrorCode.test(code) && code !== 'EPROTO') ||
    (typeof name === 'string' && /(Credentials|Token)Provider/.test(name))
  );
}

/** Whether IAM does not know the policy that was to be attached. */
export function isMissingPolicy(error: unknown): boolean {
  return isNoSuchEntity(error, /^Policy\b/);
}

/** Whether IAM does not know the policy that was to be the permissions boundary of a user. IAM calls it a scope. */
export function isMissingBoundary(error: unknown): boolean {
  return isNoSuchEntity(error, /^Scope ARN\b/);
}

function isNoSuchEntity(error: unknown, pattern: RegExp): boolean {
  const { message } = error as { readonly message?: unknown };
  return codeOf(error) === 'NoSuchEntity' && typeof message === 'string' && pattern.test(message);
}

/** Whether an error says that the change has been made already. */
export function isAlreadyDone(error: unknown, change: Change): boolean {
  return codeOf(error) === ('makes' in change ? 'EntityAlreadyExists' : 'NoSuchEntity');
}

/**
 * Whether an error may mean that an earlier change is not visible yet. IAM is eventually consistent: for a while it may not
 * know what this run made, and still see what this run removed.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
 */
export function isNotYetVisible(error: unknown, change: Change): boolean {
  const entity = 'makes' in change ? change.makes : change.removes;
  const standsAlone = isOwner(entity);
  switch (codeOf(error)) {
    case 'NoSuchEntity':
      // This run makes no policy, so waiting for a missing one is useless.
      return 'removes' in change || (!standsAlone && !isMissingPolicy(error));
    case 'DeleteConflict':
      return 'removes' in change && standsAlone;
    default:
      return false;
  }
}

const passingRefusals: ReadonlySet<string> = new Set([
  'DeleteConflict',
  'ConcurrentModification',
  'EntityTemporarilyUnmodifiable',
]);

/** Whether IAM refused because an earlier change of the entity is not visible yet or another is under way. */
export function isPassingRefusal(error: unknown): boolean {
  return passingRefusals.has(codeOf(error));
}

/** An earlier change of this run did not become visible in time. */
export class PropagationError extends Error {
  override readonly name = 'PropagationError';
  readonly waitedMs: number;

  constructor(cause: Error, waitedMs: number) {
    super('an earlier change did not become visible in time', { cause });
    this.waitedMs = waitedMs;
  }
}
