import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A server on a loopback port for one test, with what it has seen. */
export interface TestServer {
  readonly port: number;
  readonly url: string;
  /** Connections opened so far. */
  readonly sockets: readonly net.Socket[];
  /** Bytes received so far, over all connections. */
  bytes(): number;
}

/** Serves HTTP until the test is over. */
export async function startHttpServer(
  answer: (request: http.IncomingMessage, response: http.ServerResponse) => void,
): Promise<TestServer> {
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume();
    request.once('end', () => answer(request, response));
  });
  return await listen(server, 'http');
}

/** Makes any server of `net` a test server. */
export async function listen(server: net.Server, protocol: 'http' | 'https'): Promise<TestServer> {
  const sockets: net.Socket[] = [];
  server.on('connection', (socket: net.Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await server[Symbol.asyncDispose]();
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${protocol}://127.0.0.1:${port}`,
    sockets,
    bytes: () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
  };
}

/** A port of this machine that nobody listens at. */
export async function deadPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await server[Symbol.asyncDispose]();
  return port;
}

/** An answer as IAM gives it. */
export function iamXml(operation: string, result = ''): string {
  return `<${operation}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">${result}<ResponseMetadata><RequestId>6b7f9f3e</RequestId></ResponseMetadata></${operation}Response>`;
}

/** A refusal as IAM gives it. */
export function iamErrorXml(code: string, message = 'as AWS says'): string {
  return `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>6b7f9f3e</RequestId></ErrorResponse>`;
}
