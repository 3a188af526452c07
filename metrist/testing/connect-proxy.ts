import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { onTestFinished, type TestContext } from 'vitest';

/** A proxy for the running test. */
export interface ConnectProxy {
  /** `127.0.0.1:34567` */
  readonly address: string;
  /** `host:port` of each tunnel, in order. */
  readonly tunnels: readonly string[];
}

/**
 * @param refusal status line of a proxy that lets nothing through: `403 Forbidden`
 * @param context of a concurrent test
 */
export async function startConnectProxy(
  refusal?: string,
  { onTestFinished: cleanUp = onTestFinished }: Partial<Pick<TestContext, 'onTestFinished'>> = {},
): Promise<ConnectProxy> {
  const tunnels: string[] = [];
  const sockets: Duplex[] = [];
  const server = http.createServer((_, response) => {
    tunnels.push('no tunnel: the request itself');
    response.writeHead(502).end();
  });
  server.on('connect', ({ url = '' }, client: Duplex) => {
    tunnels.push(url);
    if (refusal !== undefined) {
      client.end(`HTTP/1.1 ${refusal}\r\n\r\n`);
      return;
    }
    const [host, port] = url.split(':');
    const target = net.connect(Number(port), host, () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    for (const socket of [client, target]) socket.on('error', () => socket.destroy());
    sockets.push(client, target);
    client.pipe(target).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(async () => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    await server[Symbol.asyncDispose]();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, tunnels };
}
