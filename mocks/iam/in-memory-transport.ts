import { constants } from 'node:os';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpResponse } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { IamEndpoint } from './endpoint.ts';
import type { HttpAnswer } from './transport-faults.ts';

type Handle = NodeHttpHandler['handle'];
type SdkRequest = Parameters<Handle>[0];
/** The last one is what the client sets where the user sets none: five minutes. */
type Timeouts = ReturnType<NodeHttpHandler['httpHandlerConfigs']> & { readonly defaultSocketTimeout?: number };

/**
 * Puts a mocked IAM where the SDK's HTTP handler would open a connection, for all handlers of this process. Handlers that
 * extend it (the monitor's own does) still do all that they do with an answer.
 *
 * What goes wrong looks as it does there: names, codes and messages are those of @smithy/node-http-handler 4.14, and
 * `parity.test.ts` holds both together. Requests to other services (for credentials, say) are let alone.
 * @returns a function that gives the handlers their connections back
 */
export function divertRequests(endpoint: IamEndpoint): () => void {
  const original = Object.getOwnPropertyDescriptor(NodeHttpHandler.prototype, 'handle') as { value: Handle };
  NodeHttpHandler.prototype.handle = async function handle(this: NodeHttpHandler, request, options = {}) {
    if (!isForIam(request)) return original.value.call(this, request, options);
    // A handler resolves its options with its first request: this one is refused before a socket is opened.
    await original.value.call(this, request, { abortSignal: AbortSignal.abort() }).catch(() => {});
    const { requestTimeout = this.httpHandlerConfigs().requestTimeout } = options;
    const signal = options.abortSignal instanceof AbortSignal ? options.abortSignal : undefined;
    return { response: await exchange(endpoint, request, signal, { ...this.httpHandlerConfigs(), requestTimeout }) };
  };
  return () => void Object.defineProperty(NodeHttpHandler.prototype, 'handle', original);
}

/** All of AWS's older services speak the same protocol: the version of its API tells IAM's requests. */
function isForIam(request: SdkRequest): boolean {
  return typeof request.body === 'string' && request.body.includes('&Version=2010-05-08');
}

async function exchange(
  endpoint: IamEndpoint,
  request: SdkRequest,
  signal: AbortSignal | undefined,
  timeouts: Timeouts,
): Promise<HttpResponse> {
  if (signal?.aborted) throw abortError(signal);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const { delayMs, deliver, settle } = endpoint.receive({ query: '', headers, body: String(request.body) });
  await wait(delayMs, signal, timeoutOf(timeouts));
  const delivery = deliver();
  if (delivery.kind === 'hang') await wait(Infinity, signal, timeoutOf(timeouts));
  settle();
  if (delivery.kind === 'answer') return toResponse(delivery.answer);
  throw connectionReset();
}

/** A point at which the SDK gives an answer up, and the error that it does it with. */
interface Timeout {
  readonly ms: number;
  readonly error: Error;
}

/** Waits as the SDK waits for an answer: not longer than it was told, nor beyond an abort. */
async function wait(delayMs: number, signal: AbortSignal | undefined, timeout: Timeout | undefined): Promise<void> {
  const isTooLong = timeout !== undefined && delayMs > timeout.ms;
  try {
    await sleepFor(isTooLong ? timeout.ms : delayMs, signal);
  } catch (error) {
    throw signal?.aborted ? abortError(signal) : error;
  }
  if (isTooLong) throw timeout.error;
}

/** The first limit that a silent connection meets, with its error. 0 is no limit. */
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

/** Sleeps until the time is over or the signal aborts; for ever where the time is infinite. */
async function sleepFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms === 0) return;
  const options = signal ? { signal } : {};
  if (ms < Infinity) {
    await sleep(ms, undefined, options);
    return;
  }
  // The longest timers that there are, and not a promise that nothing holds: an open request keeps a process alive.
  for (;;) await sleep(2 ** 31 - 1, undefined, options);
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
