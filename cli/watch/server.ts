import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { PrometheusFormat } from '../../metrics/prometheus.ts';
import { styleSource } from '../../reporters/html/style.ts';
import { abortAfter, settleWithin } from '../../runner/deadline.ts';
import { formatLimit } from '../../text/duration.ts';
import { messageOf, oneLine } from '../../text/printable.ts';
import { chooseFormat } from './choose-format.ts';
import { hostInUrl, type ListenAddress } from './listen-address.ts';
import type { PageName } from './pages.ts';

// An import would evaluate every export of node:http. One of them is `WebSocket`, which loads undici and takes 10 ms.
const http = process.getBuiltinModule('node:http');

/** What a watch serves. Each is asked at every request. */
export interface Served {
  /** The metrics at this moment. */
  readonly metrics: (format: PrometheusFormat) => string;
  /** Whether runs end on time, and why not, in one line. */
  readonly health: () => { readonly ok: boolean; readonly text: string };
  /** Rejects with an error whose message says why the page cannot be made. */
  readonly page: (name: PageName) => Promise<Buffer>;
}

export interface WatchServer {
  /** `http://127.0.0.1:9464`, with the port that was chosen. */
  readonly url: string;
  /** Ends every connection at once, also in the middle of an answer. */
  readonly close: () => Promise<void>;
}

/** The address cannot be listened on. The message says why, and what to do. */
export class ListenError extends Error {
  readonly code = 'ListenError';
}

const defaultLimits = {
  /** More are refused. */
  connections: 300,
  headerBytes: 16_384,
  /** From the start of a connection, or from the first byte of a later request, to the end of its headers. */
  headersTimeoutMs: 10_000,
  /** How often the limit for headers is checked. */
  checkIntervalMs: 2000,
  /** How long a connection may wait for its next request. */
  idleTimeoutMs: 5000,
  pageTimeoutMs: 30_000,
  /** How long a client may take to read an answer. */
  readTimeoutMs: 60_000,
} as const;

export type ServerLimits = Readonly<Record<keyof typeof defaultLimits, number>>;

/** Strict, for a page without a script that loads nothing. Its one style sheet is permitted by its hash. */
const contentSecurityPolicy = `default-src 'none'; style-src ${styleSource()}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** On every answer, errors included. */
const commonHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': contentSecurityPolicy,
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const;

const plainText = 'text/plain; charset=utf-8';

const metricsTypes: Readonly<Record<PrometheusFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

const paths = `/            the report
/metrics     metrics for Prometheus
/healthz     whether runs end on time
/api/status  the state as JSON
`;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Starts a server that only reads: `/` is the report, `/metrics` is for Prometheus, `/healthz` says whether runs end on time,
 * and `/api/status` is the state as JSON. Connections, headers and times are bounded, so that no client can hold up the runs
 * or use up the memory.
 *
 * @throws {ListenError}
 */
export async function startWatchServer(
  { host, port, isLoopback }: ListenAddress,
  served: Served,
  limits: Partial<ServerLimits> = {},
): Promise<WatchServer> {
  const { connections, headerBytes, headersTimeoutMs, checkIntervalMs, idleTimeoutMs, pageTimeoutMs, readTimeoutMs } = {
    ...defaultLimits,
    ...limits,
  };
  const server = http.createServer({
    maxHeaderSize: headerBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: headersTimeoutMs,
    connectionsCheckingInterval: checkIntervalMs,
    keepAliveTimeout: idleTimeoutMs,
    // Node's own answer would not have our headers.
    requireHostHeader: false,
  });
  server.maxConnections = connections;

  /** Each open connection, with the timer that ends it. */
  const sockets = new Map<Socket, NodeJS.Timeout | undefined>();
  /**
   * Ends a connection if it has not come further by then. Node's own limits are not enough: they do not limit reading, and
   * empty lines between two requests begin them anew.
   */
  const limit = (socket: Socket, ms: number | undefined): void => {
    if (!sockets.has(socket)) return;
    clearTimeout(sockets.get(socket));
    sockets.set(socket, ms === undefined ? undefined : setTimeout(() => socket.destroy(), ms));
  };
  /** Node ends a slow request with an answer, if it comes that far. */
  const requestLimitMs = idleTimeoutMs + headersTimeoutMs + 2 * checkIntervalMs;
  /** Those with a request that is not answered yet. */
  const busy = new WeakSet<Socket>();
  const closing = new AbortController();
  const metrics = { text: shareBuffer(), openmetrics: shareBuffer() };

  const makePage = async (name: PageName, type: string): Promise<Answer> => {
    const tooLong = `it took longer than ${formatLimit(pageTimeoutMs)}`;
    using deadline = abortAfter(pageTimeoutMs, tooLong, closing.signal);
    try {
      return { status: 200, type, body: await settleWithin(served.page(name), deadline.signal, 0) };
    } catch (error) {
      return unavailable(`The ${name} could not be made: ${oneLine(messageOf(error), 500)}`);
    }
  };

  const answerOf = async (request: IncomingMessage): Promise<Answer> => {
    const refusal = refuse(request, isLoopback);
    if (refusal !== undefined) return refusal;
    const [path = ''] = (request.url ?? '').split('?', 1);
    switch (path) {
      case '/':
        return await makePage('report', 'text/html; charset=utf-8');
      case '/api/status':
        return await makePage('status', 'application/json');
      case '/metrics': {
        const format = chooseFormat(request.headers.accept);
        try {
          return { status: 200, type: metricsTypes[format], body: metrics[format](served.metrics(format)) };
        } catch (error) {
          return unavailable(`The metrics could not be made: ${oneLine(messageOf(error), 500)}`);
        }
      }
      case '/healthz': {
        const { ok, text } = served.health();
        return { status: ok ? 200 : 503, type: plainText, body: `${oneLine(text, 500)}\n` };
      }
      default:
        return { status: 404, type: plainText, body: `There is nothing here. What there is:\n\n${paths}` };
    }
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { socket } = request;
    // A client that sends requests without waiting for answers would pile them up here. No client that we know does.
    if (busy.has(socket)) {
      socket.destroy();
      return;
    }
    busy.add(socket);
    // Making an answer has a limit of its own.
    limit(socket, undefined);
    response.once('close', () => {
      busy.delete(socket);
      limit(socket, requestLimitMs);
    });
    const { status, type, body, headers } = await answerOf(request);
    limit(socket, readTimeoutMs);
    const length = { 'Content-Length': String(Buffer.byteLength(body)) };
    response.writeHead(status, { ...commonHeaders, 'Content-Type': type, ...length, ...headers });
    response.end(body);
  };

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    // A fault in answering ends this connection and nothing else.
    handle(request, response).catch(() => request.socket.destroy());
  };
  server.on('request', onRequest);
  // Node would answer these by itself, without our headers.
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('connect', (_request, socket) => endWith(socket as Socket, 405, 'Only GET and HEAD are answered.'));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable || busy.has(socket as Socket)) socket.destroy();
    else if (error.code === 'HPE_HEADER_OVERFLOW') endWith(socket as Socket, 431, 'The headers are too long.');
    else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') endWith(socket as Socket, 408, 'The request took too long.');
    else endWith(socket as Socket, 400, 'This is not a request of HTTP/1.1.');
  });
  server.on('connection', (socket) => {
    sockets.set(socket, undefined);
    limit(socket, requestLimitMs);
    socket.once('close', () => {
      limit(socket, undefined);
      sockets.delete(socket);
    });
  });

  await listen(server, host, port);
  // A connection that cannot be accepted, for example because there are too many open files, must not end the watch.
  server.on('error', () => {});
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${hostInUrl(host)}:${bound}`,
    close: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      closing.abort(new Error('the watch ends'));
      for (const socket of sockets.keys()) socket.destroy();
      await promise;
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port }, resolve);
  try {
    await promise;
  } catch (error) {
    throw new ListenError(describeListenError(error as NodeJS.ErrnoException, host, port), { cause: error });
  } finally {
    server.off('error', reject);
  }
}

function describeListenError(error: NodeJS.ErrnoException, host: string, port: number): string {
  const shown = net.isIPv6(host) ? `[${host}]` : host;
  const [reason, address] = explainListenError(error, shown, port);
  return `could not listen on ${shown}:${port}: ${reason}. Choose another address, such as --listen ${address}, or serve nothing with --no-listen`;
}

/** Why the address cannot be listened on, and which one may do. */
function explainListenError(
  { code = '', message }: NodeJS.ErrnoException,
  host: string,
  port: number,
): readonly [reason: string, address: string] {
  switch (code) {
    case 'EADDRINUSE':
      return ['another program listens there', `${host}:${port < 65_535 ? port + 1 : port - 1}`];
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
      return ['this host does not have this address', `127.0.0.1:${port}`];
    case 'EACCES':
      return ['this user may not use this port', `${host}:9464`];
    default:
      return [oneLine(message, 200), '127.0.0.1:9464'];
  }
}

/** Why a request is not answered, if it is not. */
function refuse(request: IncomingMessage, isLoopback: boolean): Answer | undefined {
  const { method = '', headers } = request;
  const hosts = request.headersDistinct['host'] ?? [];
  const [host] = hosts;
  if (hosts.length > 1 || (host === undefined && request.httpVersion !== '1.0')) {
    return { status: 400, type: plainText, body: 'A request needs one Host header.\n', headers: closesConnection };
  }
  // A web page of any origin could otherwise read what is served: its own name may point to this machine.
  if (isLoopback && host !== undefined && !isLocalName(host)) {
    const body = 'This address is for this machine: the Host header must be localhost or an IP address.\n';
    return { status: 421, type: plainText, body };
  }
  if (method !== 'GET' && method !== 'HEAD') {
    const body = 'Only GET and HEAD are answered.\n';
    return { status: 405, type: plainText, body, headers: { Allow: 'GET, HEAD', ...closesConnection } };
  }
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
    return { status: 413, type: plainText, body: 'A request must not have a body.\n', headers: closesConnection };
  }
  return undefined;
}

const closesConnection = { Connection: 'close' };

/** `localhost`, or an IP address, with or without a port. */
function isLocalName(host: string): boolean {
  const name = host.replace(/:\d*$/, '');
  return name.toLowerCase() === 'localhost' || net.isIPv4(name) || net.isIPv6(/^\[(.*)\]$/.exec(name)?.[1] ?? '');
}

function unavailable(text: string): Answer {
  return { status: 503, type: plainText, body: `${text}\n` };
}

/** Answers what never became a request, and ends the connection. */
function endWith(socket: Socket, status: number, text: string): void {
  const body = `${text}\n`;
  const headers = {
    ...commonHeaders,
    'Content-Type': plainText,
    'Content-Length': Buffer.byteLength(body),
    ...closesConnection,
    ...(status === 405 && { Allow: 'GET, HEAD' }),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => {});
  socket.write(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  socket.destroySoon();
}

/** All who read the same text share one buffer, however many read slowly. */
function shareBuffer(): (text: string) => Buffer {
  let lastText = '';
  let buffer = Buffer.alloc(0);
  return (text) => {
    if (text !== lastText) [lastText, buffer] = [text, Buffer.from(text)];
    return buffer;
  };
}
