import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import https from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import {
  createMonitorConfigBackend,
  type ConfigRequest,
  type MonitorConfigBackend,
  type MonitorConfigBackendOptions,
} from './monitor-config-backend.ts';
import {
  type Answer,
  createMonitorErrorBackend,
  isJsonObject,
  jsonAnswer,
  type JsonObject,
  type MonitorErrorBackendOptions,
  type Reception,
  receiveError,
  receiveTelemetry,
} from './results-backend.ts';

/** A request as it came in. */
export interface ReceivedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What goes wrong with one request. */
export type Misbehaviour =
  /** Answers at once and stores nothing: 429 with or without headers, 500, 502, a proxy's 200. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** Reads the request and never answers. */
  | { readonly kind: 'hang' }
  /** Closes the connection, before or after the result has been stored. */
  | { readonly kind: 'reset'; readonly when: 'before' | 'after' }
  /** Answers well, but waits for the promise: before or after the result has been stored. */
  | { readonly kind: 'hold'; readonly when: 'before' | 'after'; readonly until: Promise<unknown> }
  /** Answers well, but later. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  | { readonly kind: 'redirect'; readonly location: string };

/** One entry per request from now on, in order; `undefined` for a good answer. Or a function that decides for each. */
export type BehaviourPlan =
  | readonly (Misbehaviour | undefined)[]
  | ((request: ReceivedRequest) => Misbehaviour | undefined);

/** A Metrist API on loopback, and what has reached it. */
export interface MetristStandIn {
  /** `http://127.0.0.1:34567` */
  readonly url: string;
  /** Every request that was read to its end, including those that were refused. */
  readonly requests: readonly ReceivedRequest[];
  /** Telemetry that the backend stored, in order. */
  readonly telemetry: readonly JsonObject[];
  /** Errors that the backend stored, in order. */
  readonly errors: readonly JsonObject[];
  /** Why results were dropped although the answer was 202. Empty with a good client. */
  readonly swallowed: readonly string[];
  /** What a user would miss in stored results. Empty with a good client. */
  readonly problems: readonly string[];
  /** Registrations and states; a token is an account. */
  readonly monitorConfigs: MonitorConfigBackend;
  /** The most requests that were under way at the same time. */
  readonly maxConcurrency: number;
  /** Misbehaves from now on; `[]` ends that. */
  behave(plan: BehaviourPlan): void;
  /** Closes every connection and the port. */
  close(): Promise<void>;
}

/** A request that passed the transport: the body is parsed, or empty where its type was not JSON. */
type Handler = (body: JsonObject, request: ConfigRequest) => Answer | undefined;

export interface MetristStandInOptions extends MonitorConfigBackendOptions, MonitorErrorBackendOptions {
  readonly token: string;
  /** Speaks https, with this key and certificate. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Tokens of other accounts. @default [] */
  readonly otherTokens?: readonly string[];
}

/** Limit of Plug's parsers. */
const maxBodyBytes = 8_000_000;

/**
 * Starts a strict stand-in for Metrist's API: status codes, formats and silent losses are those of the real backend of
 * Metrist-Software. It records what it got and never checks anything for the client.
 */
export async function startMetristStandIn({
  token,
  otherTokens = [],
  tls,
  ...consistency
}: MetristStandInOptions): Promise<MetristStandIn> {
  const requests: ReceivedRequest[] = [];
  const telemetry: JsonObject[] = [];
  const errors = createMonitorErrorBackend(consistency);
  const swallowed: string[] = [];
  const problems: string[] = [];
  const monitorConfigs = createMonitorConfigBackend(consistency);
  let plan: BehaviourPlan = [];
  let planned = 0;
  let concurrency = 0;
  let maxConcurrency = 0;

  /** One line per endpoint, or per family of endpoints with their methods and ids in the path. */
  const routes: Readonly<Record<string, Handler>> = {
    'GET /api/v0/verify-auth': () => jsonAnswer(200, 'ok'),
    'POST /api/agent/telemetry': (body) => ({ ...keep(receiveTelemetry(body), telemetry), headers: rateLimitHeaders }),
    'POST /api/agent/error': (body) => keep(receiveError(body), errors),
    'GET /api/v0/monitor-error': (_, request) => errors.list(request),
    '/api/v0/monitor-config': (_, request) => monitorConfigs.handle(request),
    '/api/v0/monitor-status': (_, request) => monitorConfigs.handle(request),
  };

  function keep(
    { status, stored, swallowed: loss, problems: found }: Reception,
    rows: { push(row: JsonObject): unknown },
  ): Answer {
    if (stored !== undefined) rows.push(stored);
    if (loss !== undefined) swallowed.push(loss);
    problems.push(...found);
    return { status, body: status === 202 ? 'Accepted' : 'Internal Server Error' };
  }

  function answer({ method, path, headers, body }: ReceivedRequest): Answer {
    // Phoenix parses the body before it looks at the route or the token.
    if (Buffer.byteLength(body) > maxBodyBytes) return { status: 413, body: 'Request Entity Too Large' };
    const isJson = headers['content-type']?.toString().split(';', 1)[0]?.trim() === 'application/json';
    const parsed = isJson && body !== '' ? parseObject(body) : {};
    if (parsed === undefined) return { status: 400, body: 'Bad Request' };
    const route = path.split('?', 1)[0] ?? '';
    const family = route.split('/', 4).join('/');
    const handler = routes[`${method} ${route}`] ?? routes[family];
    if (handler === undefined) return { status: 404, body: 'Not Found' };
    if (!/json|text\/plain|\*\/\*/.test(headers.accept?.toString() ?? '*/*'))
      return { status: 406, body: 'Not Acceptable' };
    const sent = headers['authorization']?.toString().replace('Bearer', '').trim();
    if (sent === undefined || ![token, ...otherTokens].includes(sent))
      return { status: 403, body: '{"error":"Forbidden"}' };
    const request = { method, path, isJson, body: parsed, account: sent };
    return handler(parsed, request) ?? { status: 404, body: 'Not Found' };
  }

  function nextBehaviour(request: ReceivedRequest): Misbehaviour | undefined {
    return typeof plan === 'function' ? plan(request) : plan[planned++];
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    requests.push(request);
    const behaviour = nextBehaviour(request);
    switch (behaviour?.kind) {
      case undefined:
        send(response, answer(request));
        return;
      case 'answer':
        send(response, { body: '', ...behaviour });
        return;
      case 'hang':
        return;
      case 'reset':
        if (behaviour.when === 'after') answer(request);
        incoming.socket.destroy();
        return;
      case 'hold': {
        const stored = behaviour.when === 'after' ? answer(request) : undefined;
        await behaviour.until;
        send(response, stored ?? answer(request));
        return;
      }
      case 'slow':
        await wait(behaviour.delayMs);
        send(response, answer(request));
        return;
      case 'redirect':
        send(response, { status: 302, body: '', headers: { location: behaviour.location } });
        return;
      default:
        behaviour satisfies never;
    }
  }

  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    maxConcurrency = Math.max(maxConcurrency, ++concurrency);
    response.once('close', () => concurrency--);
    // The client left in the middle of its request.
    serve(incoming, response).catch(() => incoming.socket.destroy());
  };
  const server = tls === undefined ? createServer(listener) : https.createServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The stand-in listens on no TCP port.');

  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`,
    requests,
    telemetry,
    errors: errors.rows,
    swallowed,
    problems,
    monitorConfigs,
    get maxConcurrency() {
      return maxConcurrency;
    },
    behave(newPlan) {
      plan = newPlan;
      planned = 0;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The names mislead: `limit` is what has been used, `reset` the seconds to the next bucket, always 1. */
const rateLimitHeaders = { 'x-ratelimit-limit': '1200', 'x-ratelimit-remaining': '998800', 'x-ratelimit-reset': '1' };

async function readRequest(incoming: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  const { method = '', url = '', headers } = incoming;
  return { method, path: url, headers, body: Buffer.concat(chunks).toString('utf8') };
}

/** A JSON array or scalar ends up under `_json` in Phoenix: every field of ours is missing then. */
function parseObject(body: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isJsonObject(value) ? value : {};
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers });
  response.end(body);
}
