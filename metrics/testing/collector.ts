import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { decodeMetrics, decodeTraces, type DecodedBatch, type DecodedMetric, type DecodedSpan } from './decode-otlp.ts';

/** A request that the collector got. */
export interface CollectedRequest {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly atMs: number;
}

/** How the collector answers: a status with headers and a body, or by closing or never answering. */
export type CollectorAnswer =
  | { readonly status: number; readonly headers?: http.OutgoingHttpHeaders; readonly body?: string | Buffer }
  | 'hang'
  | 'close'
  /** An answer that never ends. */
  | 'trickle'
  /** Half of an answer, then the end of the connection. */
  | 'break off';

export interface Collector {
  /** `http://127.0.0.1:4318` */
  readonly url: string;
  readonly requests: readonly CollectedRequest[];
  /** What was accepted. */
  readonly traces: readonly DecodedBatch<DecodedSpan>[];
  readonly metrics: readonly DecodedBatch<DecodedMetric>[];
  /** Why requests were refused: they broke the protocol. */
  readonly refusals: readonly string[];
  /** How many connections are open. */
  openConnections(): Promise<number>;
  close(): Promise<void>;
}

interface CollectorOptions {
  /** Answers a request in place of a success. @default every request is accepted */
  readonly answer?: (request: CollectedRequest, count: number) => CollectorAnswer | undefined;
  /** Headers that each request must have. */
  readonly required?: Readonly<Record<string, string>>;
}

const paths = { '/v1/traces': 'traces', '/v1/metrics': 'metrics' } as const;

/** A stand-in of an OpenTelemetry collector. It refuses whatever breaks OTLP over HTTP, and decodes the rest. */
export async function startCollector({ answer, required = {} }: CollectorOptions = {}): Promise<Collector> {
  const requests: CollectedRequest[] = [];
  const traces: DecodedBatch<DecodedSpan>[] = [];
  const metrics: DecodedBatch<DecodedMetric>[] = [];
  const refusals: string[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      const collected = { path: request.url ?? '', headers: request.headers, atMs: performance.now() };
      requests.push(collected);
      const given = answer?.(collected, requests.length);
      if (given === 'hang') return;
      if (given === 'close') {
        request.socket.resetAndDestroy();
        return;
      }
      if (given === 'trickle') {
        response.writeHead(200);
        const timer = setInterval(() => response.write('.'), 50);
        response.on('close', () => clearInterval(timer));
        return;
      }
      if (given === 'break off') {
        response.writeHead(200, { 'content-length': '100' }).write('half');
        setImmediate(() => request.socket.destroy());
        return;
      }
      if (given !== undefined && given.status !== 200) {
        response.writeHead(given.status, given.headers).end(given.body ?? '');
        return;
      }
      try {
        accept(request, Buffer.concat(chunks));
        const type = request.headers['content-type'] ?? '';
        const empty = type === 'application/json' ? '{}' : '';
        response.writeHead(200, { 'content-type': type, ...given?.headers }).end(given?.body ?? empty);
      } catch (error) {
        refusals.push(String(error));
        response.writeHead(400).end(String(error));
      }
    });
  });
  const accept = (request: http.IncomingMessage, raw: Buffer): void => {
    const { method, url = '', headers } = request;
    if (method !== 'POST') throw new Error(`the method is ${method}`);
    const signal = Object.entries(paths).find(([path]) => url.endsWith(path))?.[1];
    if (signal === undefined) throw new Error(`there is nothing at ${url}`);
    for (const [name, value] of Object.entries(required)) {
      if (headers[name] !== value) throw new Error(`the header ${name} is ${JSON.stringify(headers[name])}`);
    }
    const type = headers['content-type'];
    if (type !== 'application/x-protobuf' && type !== 'application/json') throw new Error(`the type is ${type}`);
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'gzip') throw new Error(`the encoding is ${encoding}`);
    const body = encoding === 'gzip' ? gunzipSync(raw) : raw;
    const isJson = type === 'application/json';
    if (signal === 'traces') traces.push(...decodeTraces(body, isJson));
    else metrics.push(...decodeMetrics(body, isJson));
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    traces,
    metrics,
    refusals,
    openConnections: async () => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      return await promise;
    },
    close: async () => {
      server.closeAllConnections();
      await server[Symbol.asyncDispose]();
    },
  };
}
