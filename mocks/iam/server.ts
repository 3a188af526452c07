import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IamEndpoint, type IamEndpointOptions } from './endpoint.ts';

export interface IamServerOptions extends IamEndpointOptions {
  /** @default 0, any free port */
  readonly port?: number;
}

/** A running server. */
export interface IamServer extends Pick<IamEndpoint, 'state' | 'calls' | 'events'> {
  /** What `AWS_ENDPOINT_URL`, or `AWS_ENDPOINT_URL_IAM`, has to be: `http://127.0.0.1:4566`. */
  readonly url: string;
  readonly port: number;
  /** Stops at once, even in the middle of an answer. */
  readonly close: () => Promise<void>;
}

/** The mock checks no signature, so it must not be reachable from other machines. */
const host = '127.0.0.1';

/** Far above any request of the monitor. IAM's own limit is not documented. */
const maxBodyBytes = 1024 * 1024;

/**
 * Serves a mocked IAM account over HTTP, in IAM's own protocol, for the real SDK, the AWS CLI or any other client.
 * @throws Node's error (`EADDRINUSE`) for a port that is in use
 */
export async function startIamServer(options: IamServerOptions = {}): Promise<IamServer> {
  const endpoint = new IamEndpoint(options);
  const closing = new AbortController();
  // Longer than any pause between two requests of a client: with Node's 5 s, some requests would find the connection reset.
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    readBody(request, (body) => {
      if (body === undefined) refuseOversize(response);
      else answer(endpoint, request, body, response, closing.signal);
    });
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(options.port ?? 0, host, resolve);
  await promise;

  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    port,
    state: endpoint.state,
    calls: endpoint.calls,
    events: endpoint.events,
    close: async () => {
      closing.abort();
      server.closeAllConnections();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Calls `done` with the whole body, or with `undefined` as soon as it is too long. Not if the client leaves before that. */
function readBody(request: IncomingMessage, done: (body: string | undefined) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
    else if (bytes - chunk.length <= maxBodyBytes) done(undefined);
  });
  request.on('end', () => {
    if (bytes <= maxBodyBytes) done(Buffer.concat(chunks).toString());
  });
}

function refuseOversize(response: ServerResponse): void {
  response.writeHead(413, { connection: 'close' }).end(`A request may have at most ${maxBodyBytes} bytes.\n`);
}

function answer(
  endpoint: IamEndpoint,
  request: IncomingMessage,
  body: string,
  response: ServerResponse,
  closing: AbortSignal,
): void {
  const { search } = new URL(request.url ?? '/', 'http://localhost');
  // Node gives an array for some repeated headers, but for none of those that are read here.
  const headers = request.headers as Record<string, string | undefined>;
  const { delayMs, deliver, settle } = endpoint.receive({ query: search.slice(1), headers, body });

  const respond = (): void => {
    const delivery = deliver();
    if (delivery === 'hang') return;
    if (delivery === 'reset') {
      request.socket.resetAndDestroy();
      settle();
      return;
    }
    const { status, headers: answerHeaders, body: text } = delivery;
    response.once('finish', settle);
    response.writeHead(status, { ...answerHeaders, 'content-length': Buffer.byteLength(text) }).end(text);
  };
  if (delayMs === 0) {
    respond();
    return;
  }
  const timer = setTimeout(respond, delayMs);
  const cancel = (): void => clearTimeout(timer);
  closing.addEventListener('abort', cancel);
  response.once('close', () => {
    cancel();
    closing.removeEventListener('abort', cancel);
  });
}
