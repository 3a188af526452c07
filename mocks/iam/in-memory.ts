import { constants } from 'node:os';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpResponse } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { IamEndpoint } from './endpoint.ts';
import type { HttpAnswer } from './faults.ts';
import { isOperationName } from './operations.ts';
import { iamApi, stsApi } from './operations/operation.ts';

type Handle = NodeHttpHandler['handle'];
type SdkRequest = Parameters<Handle>[0];
/** The client sets `defaultSocketTimeout` (five minutes) where the user sets no timeout. */
type Timeouts = ReturnType<NodeHttpHandler['httpHandlerConfigs']> & { readonly defaultSocketTimeout?: number };

/**
 * Sends the requests for IAM, and for the caller's identity, of all HTTP handlers of this process to the mock instead of the network. Handlers that extend the
 * SDK's, as the monitor's does, still process the answer. Requests to other services, such as for credentials, are untouched.
 *
 * The whole SDK is real: middleware, signing, retries and deserialisers. Only the connection is not. So attempts, `$metadata`,
 * exceptions and aborts are the SDK's own. An operation that the mock does not know is rejected by name.
 *
 * Errors have the names, codes and messages of @smithy/node-http-handler 4.14; `parity.deep.test.ts` compares the two.
 * @returns a function that undoes it
 */
export function divertRequests(endpoint: IamEndpoint): () => void {
  const original = Object.getOwnPropertyDescriptor(NodeHttpHandler.prototype, 'handle') as { value: Handle };
  NodeHttpHandler.prototype.handle = async function handle(this: NodeHttpHandler, request, options = {}) {
    if (!isForIam(request)) return original.value.call(this, request, options);
    requireKnownOperation(request);
    // A handler reads its configuration at its first request. This one is aborted before it opens a socket.
    await original.value.call(this, request, { abortSignal: AbortSignal.abort() }).catch(() => {});
    const { requestTimeout = this.httpHandlerConfigs().requestTimeout } = options;
    const neverAborted = new AbortController().signal;
    const signal = options.abortSignal instanceof AbortSignal ? options.abortSignal : neverAborted;
    return { response: await exchange(endpoint, request, signal, { ...this.httpHandlerConfigs(), requestTimeout }) };
  };
  return () => void Object.defineProperty(NodeHttpHandler.prototype, 'handle', original);
}

/** Other AWS services use the same protocol. The version of the API is IAM's own. Of STS only the caller's identity is mocked. */
function isForIam({ body }: SdkRequest): boolean {
  if (typeof body !== 'string') return false;
  return (
    body.includes(`&Version=${iamApi.version}`) || body.includes(`Action=GetCallerIdentity&Version=${stsApi.version}`)
  );
}

/** IAM would answer `InvalidAction`, which does not tell a developer what to do. */
function requireKnownOperation({ body }: SdkRequest): void {
  const name = new URLSearchParams(String(body)).get('Action') ?? 'a request without an action';
  if (isOperationName(name)) return;
  throw new Error(`The mocked IAM does not know ${name}. Add it to the file of its resource in mocks/iam/operations/.`);
}

async function exchange(
  endpoint: IamEndpoint,
  request: SdkRequest,
  signal: AbortSignal,
  timeouts: Timeouts,
): Promise<HttpResponse> {
  if (signal.aborted) throw abortError(signal);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const { delayMs, deliver, settle } = endpoint.receive({ query: '', headers, body: String(request.body) });
  await wait(delayMs, signal, timeoutOf(timeouts));
  const delivery = deliver();
  if (delivery === 'hang') await wait(Infinity, signal, timeoutOf(timeouts));
  settle();
  if (typeof delivery === 'object') return toResponse(delivery);
  throw connectionReset();
}

/** How long the SDK waits for an answer, and the error with which it gives up. */
interface Timeout {
  readonly ms: number;
  readonly error: Error;
}

const longestTimerMs = 2 ** 31 - 1;

/** Waits as the SDK waits for an answer: until its timeout or an abort at the latest. */
async function wait(delayMs: number, signal: AbortSignal, timeout: Timeout | undefined): Promise<void> {
  const isTooLong = timeout !== undefined && delayMs > timeout.ms;
  let remainingMs = isTooLong ? timeout.ms : delayMs;
  try {
    // An endless wait repeats the longest timer: like an open request, and unlike a bare promise, it keeps the process alive.
    for (; remainingMs > 0; remainingMs -= longestTimerMs) {
      await sleep(Math.min(remainingMs, longestTimerMs), undefined, { signal });
    }
  } catch {
    throw abortError(signal);
  }
  if (isTooLong) throw timeout.error;
}

/** The timeout that a silent connection reaches first. 0 means none. */
function timeoutOf(timeouts: Timeouts): Timeout | undefined {
  const { requestTimeout = 0, throwOnRequestTimeout, socketTimeout, defaultSocketTimeout = 0 } = timeouts;
  const requestMs = (throwOnRequestTimeout && requestTimeout) || Infinity;
  const socketMs = (socketTimeout ?? defaultSocketTimeout) || Infinity;
  if (requestMs <= socketMs && requestMs !== Infinity) {
    const message = `@smithy/node-http-handler - [ERROR] a request has exceeded the configured ${requestMs} ms requestTimeout.`;
    return {
      ms: requestMs,
      error: Object.assign(new Error(message), { name: 'TimeoutError', code: 'ETIMEDOUT' }),
    };
  }
  if (socketMs === Infinity) return undefined;
  const source = socketTimeout ? 'configured by client requestHandler' : 'service default socket timeout';
  const message = `@smithy/node-http-handler - the request socket timed out after ${socketMs} ms of inactivity (${source}).`;
  return { ms: socketMs, error: Object.assign(new Error(message), { name: 'TimeoutError' }) };
}

function toResponse({ status, headers, body }: HttpAnswer): HttpResponse {
  return new HttpResponse({
    statusCode: status,
    headers: { ...headers, date: new Date().toUTCString() },
    body: Readable.from(body === '' ? [] : [Buffer.from(body)]),
  });
}

/** The SDK calls a reset connection a timeout. */
function connectionReset(): Error {
  const errno = -constants.errno.ECONNRESET;
  return Object.assign(new Error('read ECONNRESET'), {
    name: 'TimeoutError',
    code: 'ECONNRESET',
    errno,
    syscall: 'read',
  });
}

function abortError(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  const error = reason instanceof Error ? new Error('Request aborted', { cause: reason }) : new Error(String(reason));
  error.name = 'AbortError';
  return error;
}
