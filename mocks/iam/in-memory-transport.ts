import { setTimeout as sleep } from 'node:timers/promises';
import { constants } from 'node:os';
import type { IamEndpoint } from './endpoint.ts';
import type { HttpAnswer } from './transport-faults.ts';

/** As much of the SDK's request as is used here. */
interface SdkRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** As much of the SDK's per-request options as is used here. */
interface SdkRequestOptions {
  readonly abortSignal?: unknown;
  readonly requestTimeout?: number;
}

/** What the SDK's own handler, `NodeHttpHandler`, was told about waiting. */
export interface TransportTimeouts {
  readonly requestTimeout?: number;
  readonly throwOnRequestTimeout?: boolean;
  readonly socketTimeout?: number;
  readonly defaultSocketTimeout?: number;
}

/** An answer in the form in which the SDK's deserialisers want it. */
interface SdkResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/**
 * Stands where the SDK's `NodeHttpHandler` stands, with a mocked IAM instead of a network behind it. What goes wrong looks
 * as it does there: names, codes and messages are those of @smithy/node-http-handler 4.14. `parity.test.ts` holds both together.
 */
export class InMemoryTransport {
  readonly #endpoint: IamEndpoint;
  readonly #timeouts: TransportTimeouts;

  constructor(endpoint: IamEndpoint, timeouts: TransportTimeouts) {
    this.#endpoint = endpoint;
    this.#timeouts = timeouts;
  }

  /** Carries one attempt of a command out. */
  async handle(request: SdkRequest, options: SdkRequestOptions = {}): Promise<{ response: SdkResponse }> {
    const signal = options.abortSignal instanceof AbortSignal ? options.abortSignal : undefined;
    if (signal?.aborted) throw abortError(signal);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const body = typeof request.body === 'string' ? request.body : '';
    const { delayMs, delivery, settle } = this.#endpoint.receive({ query: '', headers, body });

    await this.#wait(delivery.kind === 'hang' ? Infinity : delayMs, signal, options.requestTimeout);
    settle();
    if (delivery.kind === 'answer') return { response: toSdkResponse(delivery.answer) };
    throw connectionReset();
  }

  /** Waits as the SDK waits for an answer: not longer than it was told, nor beyond an abort. */
  async #wait(delayMs: number, signal: AbortSignal | undefined, requestTimeout: number | undefined): Promise<void> {
    const limit = timeoutOf({ ...this.#timeouts, ...(requestTimeout !== undefined && { requestTimeout }) });
    const isTooLong = limit !== undefined && delayMs > limit.ms;
    const waitMs = isTooLong ? limit.ms : delayMs;
    try {
      if (waitMs > 0) await sleepFor(waitMs, signal);
    } catch (error) {
      if (signal?.aborted) throw abortError(signal);
      throw error;
    }
    if (isTooLong) throw limit.error;
  }
}

/** The first limit that a silent connection meets, with its error. 0 is no limit. */
function timeoutOf(timeouts: TransportTimeouts): { readonly ms: number; readonly error: Error } | undefined {
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
  const options = signal ? { signal } : {};
  if (ms !== Infinity) {
    await sleep(ms, undefined, options);
    return;
  }
  // A timer rather than a promise that nothing holds: an open request keeps a process alive, too.
  for (;;) await sleep(2 ** 31 - 1, undefined, options);
}

function toSdkResponse({ status, headers, body }: HttpAnswer): SdkResponse {
  return {
    statusCode: status,
    headers: { ...headers, date: new Date().toUTCString() },
    body: new TextEncoder().encode(body),
  };
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
