import { formatLimit } from '../text/duration.ts';
import { readProxySettings } from '../host/proxy-settings.ts';
import { abortAfter } from '../runner/deadline.ts';
import type { Values } from '../runner/monitor.ts';

export interface MetristClientOptions {
  /** Origin of the API: `https://app.metrist.io`. */
  readonly baseUrl: string;
  readonly token: string;
  /** `awsiam/0.1.0` */
  readonly userAgent: string;
  /** Time limit for one request, from connecting to the end of the answer. @default 10_000 */
  readonly requestTimeoutMs?: number;
  /** @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch;
}

export interface MetristRequest {
  /** @default 'GET' */
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** With the query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
  /** A shorter time limit than the client's own. */
  readonly timeoutMs?: number;
  /** Ends the request early. */
  readonly signal?: AbortSignal | undefined;
}

/** The answer to a request, with any status. */
export interface MetristAnswer {
  /** Who answered: `app.metrist.io`. */
  readonly host: string;
  readonly status: number;
  readonly headers: Headers;
  /**
   * Reads the answer to its end, after which the connection can be used again.
   *
   * @throws {MetristError} when the answer is cut off or too long
   */
  readText(): Promise<string>;
}

/** Far above the largest real answer, a list of registrations. */
const maxAnswerLength = 4_000_000;

/**
 * The one HTTP client for Metrist. The returned function sends a request once and never follows a redirect. It rejects with
 * a {@link MetristError} if there is no answer.
 */
export function createMetristClient({
  baseUrl,
  token,
  userAgent,
  requestTimeoutMs = 10_000,
  fetch = globalThis.fetch,
}: MetristClientOptions): (request: MetristRequest) => Promise<MetristAnswer> {
  const { host } = new URL(baseUrl);
  const headers = {
    accept: 'application/json, text/plain',
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'user-agent': userAgent,
  };

  return async ({ method = 'GET', path, body, timeoutMs = Infinity, signal }) => {
    const limitMs = Math.ceil(Math.min(timeoutMs, requestTimeoutMs));
    // Until the answer has been read.
    const deadline = abortAfter(limitMs, 'the request took too long', ...(signal === undefined ? [] : [signal]));
    const fail = (cause: unknown): MetristError => {
      const { reason, ...traits } =
        signal?.aborted === true
          ? { reason: `gave up on ${host}`, isPointlessToRepeat: true }
          : explainFailure(cause, host, limitMs);
      return new MetristError(reason, { cause, ...traits });
    };
    try {
      const response = await fetch(new URL(path, baseUrl), {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // A followed redirect would turn a POST into a GET and hand the token to another host.
        redirect: 'manual',
        signal: deadline.signal,
      });
      const readText = async (): Promise<string> => {
        using _ = deadline;
        return await readBody(response).catch((error: unknown) => Promise.reject(fail(error)));
      };
      return { host, status: response.status, headers: response.headers, readText };
    } catch (error) {
      deadline[Symbol.dispose]();
      throw fail(error);
    }
  };
}

async function readBody({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > maxAnswerLength) throw new Error('the answer is too long');
  }
  return text + decoder.decode();
}

/**
 * Metrist gave no answer, refused, or did not do what it had said. The message says why and what to do about it. Code that
 * knows what was attempted wraps this error and adds that.
 */
export class MetristError extends Error {
  readonly code = 'MetristError';
  /** The status of the answer. Absent if there was no answer, or if the answer was fine but its effect never showed. */
  readonly status: number | undefined;
  /** The request certainly did not reach Metrist: there was no connection to send it on. */
  readonly isNeverSent: boolean;
  /** Repeating the request at once would end in another timeout, or its caller has given up. */
  readonly isPointlessToRepeat: boolean;

  constructor(
    message: string,
    { status, cause, isNeverSent = false, isPointlessToRepeat = false }: Partial<Omit<MetristError, 'message'>> = {},
  ) {
    super(message, { cause });
    this.status = status;
    this.isNeverSent = isNeverSent;
    this.isPointlessToRepeat = isPointlessToRepeat;
  }

  /** Whether the same request can succeed a moment later. */
  get isTransient(): boolean {
    return this.status === undefined || this.status === 429 || this.status >= 500;
  }

  /** Whether the request may have taken effect: no answer came back, or only that of a gateway. */
  get isAnswerLost(): boolean {
    return this.status === undefined || this.status === 502 || this.status === 504;
  }
}

/**
 * Why Metrist did not do what it was asked, and what to do about it: `HTTP 403 from app.metrist.io: the token is wrong; …`.
 *
 * @param meanings what other statuses mean for this request
 */
export function explainStatus(
  { host, status, headers }: MetristAnswer,
  meanings: Readonly<Record<number, string>> = {},
): string {
  return `HTTP ${status} from ${host}: ${meanings[status] ?? explainCommonStatus(status, headers)}`;
}

function explainCommonStatus(status: number, headers: Headers): string {
  if (status === 403) return "the token is wrong; set METRIST_API_TOKEN to the account's token";
  if (status >= 500) return 'Metrist failed; nothing to do here unless it lasts';
  if (status >= 300 && status < 400) {
    const place = URL.parse(headers.get('location') ?? '')?.origin ?? 'another place';
    return `a redirect to ${place}; set METRIST_API_HOST to the host of the API itself`;
  }
  return 'not what the Metrist API answers; check METRIST_API_HOST and any proxy on the way';
}

/** Explains in one line why `fetch` got no complete answer and what to do, and says what that means for the request. */
function explainFailure(error: unknown, host: string, timeoutMs: number) {
  if (error instanceof Error && error.name === 'TimeoutError') {
    const reason = `no answer from ${host} within ${formatLimit(timeoutMs)}; check the network and METRIST_API_HOST`;
    return { reason, isNeverSent: false, isPointlessToRepeat: true };
  }
  const { code, syscall, message } = rootCause(error);
  const known = knownFailures.find(({ pattern }) => pattern.test(`${code} ${message}`));
  return {
    reason: known?.explain?.(host, code, message) ?? `the request to ${host} failed: ${message}${code && ` (${code})`}`,
    isNeverSent: known?.isNeverSent === true || syscall === 'connect',
    isPointlessToRepeat: known?.isSlow === true,
  };
}

interface KnownFailure {
  /** Matches the error's code, a space, and its message. */
  readonly pattern: RegExp;
  readonly explain?: (host: string, code: string, message: string) => string;
  /** It happens before anything is sent. */
  readonly isNeverSent?: boolean;
  /** It happens only after a timeout. */
  readonly isSlow?: boolean;
}

const noName = (host: string, code: string) =>
  `the name ${host} does not resolve (${code}); check METRIST_API_HOST and DNS`;
const refused = (host: string) =>
  `${host} refused the connection; check the port in METRIST_API_HOST, and any proxy on the way`;
const noConnection = (host: string, code: string) =>
  `no connection to ${host} (${code}); check the network, a firewall or a proxy on the way`;
const closed = (host: string, code: string) => `${host} closed the connection without an answer (${code})`;
const noTrust = (host: string, code: string) =>
  `no trusted TLS connection to ${host} (${code}); for your own certificate authority set NODE_EXTRA_CA_CERTS`;
const badPort = (host: string) => `fetch does not connect to the port of ${host}; check METRIST_API_HOST`;
const refusedByProxy = (host: string, _: string, message: string) =>
  `the proxy refused the way to ${host}: ${message}; check HTTPS_PROXY`;

/** The first one that matches counts. */
const knownFailures: readonly KnownFailure[] = [
  { pattern: /^EAI_AGAIN /, explain: noName, isNeverSent: true, isSlow: true },
  { pattern: /^ENOTFOUND /, explain: noName, isNeverSent: true },
  { pattern: /^ECONNREFUSED /, explain: refused, isNeverSent: true },
  { pattern: /^UND_ERR_CONNECT_TIMEOUT /, explain: noConnection, isNeverSent: true, isSlow: true },
  { pattern: /^(ETIMEDOUT|EHOSTUNREACH) /, explain: noConnection, isSlow: true },
  { pattern: /^ENETUNREACH /, explain: noConnection },
  { pattern: /^(ECONNRESET|EPIPE|UND_ERR_SOCKET) /, explain: closed },
  { pattern: /^UND_ERR_(BODY|HEADERS)_TIMEOUT /, isSlow: true },
  { pattern: /^(UND_ERR_INVALID_ARG|ERR_PROXY_INVALID_CONFIG) /, isNeverSent: true },
  // What fetch says about a port that it refuses to use, such as 9. https://fetch.spec.whatwg.org/#port-blocking
  { pattern: / bad port$/, explain: badPort, isNeverSent: true },
  // undici: `Proxy response (403) !== 200 when HTTP Tunneling`
  { pattern: / Proxy response .* when HTTP Tunneling/, explain: refusedByProxy, isNeverSent: true },
  { pattern: /^ERR_SSL_WRONG_VERSION_NUMBER /, explain: noTrust, isNeverSent: true },
  // Node's own TLS errors can come in the middle of a connection.
  { pattern: /^(ERR_SSL|EPROTO)/, explain: noTrust },
  // A certificate is checked before anything is sent: CERT_HAS_EXPIRED, SELF_SIGNED_CERT_IN_CHAIN, …
  { pattern: /^\S*(CERT|UNABLE_TO_)/, explain: noTrust, isNeverSent: true },
  { pattern: /^ERR_TLS/, explain: noTrust },
];

/** `fetch` throws `TypeError: fetch failed`; what happened is in its cause. */
function rootCause(error: unknown): { code: string; syscall: unknown; message: string } {
  if (!(error instanceof Error)) return { code: '', syscall: undefined, message: String(error) };
  if (error.cause instanceof Error) return rootCause(error.cause);
  // A name with several addresses: each was tried.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return rootCause(error.errors[0]);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const syscall = 'syscall' in error ? error.syscall : undefined;
  return { code, syscall, message: error.message.split('\n', 1)[0] ?? '' };
}

// Not imported, because an import would evaluate every export of node:http, including all of undici.
const http = process.getBuiltinModule('node:http');

/**
 * A `fetch` that goes through the proxy of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` (or their lower-case forms), without
 * `NODE_USE_ENV_PROXY`. The Orchestrator writes `host:port` without a scheme, which means http.
 *
 * A loopback host is never reached through a proxy: the proxy would look for it on its own machine, and see the token.
 */
export function fetchThroughProxy(values: Values, baseUrl: string): typeof globalThis.fetch {
  const { environment, problems } = baseUrl.startsWith('http:')
    ? { environment: {}, problems: [] }
    : readProxySettings(values);
  try {
    if (problems.length > 0) throw Object.assign(new Error(problems.join('; ')), { code: 'ERR_PROXY_INVALID_CONFIG' });
    useProxy(environment);
    return globalThis.fetch;
  } catch (error) {
    // Without the proxy nothing may be sent, so every request fails with the reason.
    return () => Promise.reject(error);
  }
}

/** What `fetch` uses in this process. */
let proxyInUse: { readonly settings: string; readonly restore: () => void } | undefined;

/** Node makes new agents with each call. The old ones would keep their connections, so it is called only for a change. */
function useProxy(environment: NodeJS.ProcessEnv): void {
  const settings = JSON.stringify(environment);
  if (proxyInUse?.settings === settings) return;
  proxyInUse?.restore();
  proxyInUse = undefined;
  proxyInUse = { settings, restore: http.setGlobalProxyFromEnv(environment) };
}
