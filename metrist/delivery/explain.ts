/** Where a request went, as far as an explanation needs it. */
export interface RequestContext {
  /** `app.metrist.io`. */
  readonly host: string;
  readonly timeoutMs: number;
}

/** Why Metrist did not take a result, from the answer's status, and what to do about it. One line. */
export function explainStatus(status: number, location: string | null, { host }: RequestContext): string {
  const answer = `HTTP ${status} from ${host}`;
  if (status === 403) return `${answer}: the token is wrong; set METRIST_API_TOKEN to the account's token`;
  if (status === 413) return `${answer}: the result is too large`;
  if (status === 429) return `${answer}: too many results at once for this monitor; run it less often`;
  if (status >= 500) return `${answer}: Metrist failed; nothing to do here unless it lasts`;
  if (status >= 300 && status < 400) {
    return `${answer}: a redirect to ${originOf(location)}; set METRIST_API_HOST to the host of the API itself`;
  }
  if (status === 400 || status === 406 || status === 422)
    return `${answer}: the request is malformed: a bug of this monitor`;
  return `${answer}, where 202 was expected: not the Metrist API; check METRIST_API_HOST and any proxy on the way`;
}

/** Why there was no answer at all, from what `fetch` threw, and what to do about it. One line. */
export function explainFailure(error: unknown, { host, timeoutMs }: RequestContext): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `no answer from ${host} within ${timeoutMs / 1000} s; check the network and METRIST_API_HOST`;
  }
  const { code, message } = rootCause(error);
  if (isBlockedPort(message)) return `fetch does not connect to the port of ${host}; check METRIST_API_HOST`;
  if (isRefusedTunnel(message)) return `the proxy refused the way to ${host}: ${message}; check HTTPS_PROXY`;
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${host} does not resolve (${code}); check METRIST_API_HOST and DNS`;
    case 'ECONNREFUSED':
      return `${host} refused the connection; check the port in METRIST_API_HOST, and any proxy on the way`;
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `no connection to ${host} (${code}); check the network, a firewall or a proxy on the way`;
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return `${host} closed the connection without an answer (${code})`;
    default:
      return isTlsCode(code)
        ? `no trusted TLS connection to ${host} (${code}); with a certificate authority of your own set NODE_EXTRA_CA_CERTS`
        : `the request to ${host} failed: ${code === '' ? message : `${message} (${code})`}`;
  }
}

/** Whether a request that `fetch` failed at certainly did not reach Metrist: there was no connection to send it on. */
export function isNeverSent(error: unknown): boolean {
  const { code, syscall, message } = rootCause(error);
  return (
    syscall === 'connect' ||
    neverSentCodes.has(code) ||
    isCertificateCode(code) ||
    isRefusedTunnel(message) ||
    isBlockedPort(message)
  );
}

/** What fetch says of a port that it refuses to connect to, such as 9. https://fetch.spec.whatwg.org/#port-blocking */
function isBlockedPort(message: string): boolean {
  return message === 'bad port';
}

const neverSentCodes: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ENOTFOUND',
  'ERR_PROXY_INVALID_CONFIG',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_INVALID_ARG',
]);

/** Whether it took a timeout until `fetch` failed, somebody's: to try once more would take as long again. */
export function isSlow(error: unknown): boolean {
  return (error instanceof Error && error.name === 'TimeoutError') || slowCodes.has(rootCause(error).code);
}

const slowCodes: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ETIMEDOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
]);

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

/** OpenSSL's verification results (`CERT_HAS_EXPIRED`, `SELF_SIGNED_CERT_IN_CHAIN`) and Node's own TLS errors. */
function isTlsCode(code: string): boolean {
  return isCertificateCode(code) || /^ERR_TLS|^ERR_SSL|EPROTO/.test(code);
}

/** What is found wrong before anything is sent; other TLS errors can come in the middle of a connection. */
function isCertificateCode(code: string): boolean {
  return /CERT|UNABLE_TO_/.test(code) && !code.startsWith('ERR_SSL');
}

/** undici says it with no code of its own: `Proxy response (403) !== 200 when HTTP Tunneling`. */
function isRefusedTunnel(message: string): boolean {
  return /^Proxy response .* when HTTP Tunneling/.test(message);
}

function originOf(location: string | null): string {
  return (location === null ? undefined : URL.parse(location)?.origin) ?? 'another place';
}
