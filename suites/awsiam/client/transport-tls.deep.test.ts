import https from 'node:https';
import net from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { explainError } from '../errors/explain-error.ts';
import { makeCertificate } from '../testing/certificate.ts';
import { connect, deleteUser, failureOf } from '../testing/connect.ts';
import { iamXml, listen, type TestServer } from '../testing/http-server.ts';

const { signal: quiet } = new AbortController();

const certificate = await makeCertificate();

describe.skipIf(certificate === undefined)('over TLS (needs the openssl command)', () => {
  const startTls = (): Promise<TestServer> =>
    listen(
      https.createServer({ ...certificate }, (_request, response) => response.end(iamXml('DeleteUser'))),
      'https',
    );

  test('a certificate that nobody signed is a network failure', async () => {
    const { url } = await startTls();
    const error = await failureOf(deleteUser(connect(url).iam));
    expect(explainError(error, 'DeleteUser')).toMatchObject({
      verdict: 'network',
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      advice: expect.stringContaining('NODE_EXTRA_CA_CERTS') as unknown,
    });
  });

  test('a connection is silently not opened ahead over a certificate that nobody signed', async () => {
    const { url, port } = await startTls();
    const { transport } = connect(url);
    await transport.openAhead({ protocol: 'https:', hostname: '127.0.0.1', port }, quiet);
    expect(transport.takeConnectMs()).toBeUndefined();
  });

  describe('with a trusted certificate', () => {
    /** Turns the check off, because trusted certificates can only be set before a process starts. */
    const trust = (): void => {
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
      onTestFinished(() => void vi.unstubAllEnvs());
    };

    test('a connection that was opened ahead serves the first request', async () => {
      trust();
      const server = await startTls();
      const { transport, iam } = connect(server.url);
      await transport.openAhead({ protocol: 'https:', hostname: '127.0.0.1', port: server.port }, quiet);
      await deleteUser(iam);
      expect(server.sockets).toHaveLength(1);
      expect(transport.takeConnectMs()).toBeUndefined();
    });

    test('a connection is measured up to the end of its handshake', async () => {
      trust();
      const { url } = await startTls();
      const { transport, iam } = connect(url);
      await deleteUser(iam);
      expect(transport.takeConnectMs()).toBeGreaterThan(0);
    });

    test.for([
      ['through the proxy', {}, 1],
      ['past the proxy where NO_PROXY says so', { NO_PROXY: '127.0.0.1' }, 0],
    ] as const)('a request goes %s', async ([, noProxy, tunnels]) => {
      trust();
      const server = await startTls();
      const proxy = await startProxy();
      const { transport, iam } = connect(server.url, {
        proxyEnvironment: { HTTPS_PROXY: proxy.url, ...noProxy },
      });
      await transport.openAhead({ protocol: 'https:', hostname: '127.0.0.1', port: server.port }, quiet);
      await deleteUser(iam);
      await deleteUser(iam);
      expect(proxy.targets).toEqual(tunnels === 0 ? [] : [`127.0.0.1:${server.port}`]);
      expect(server.sockets).toHaveLength(1);
      expect(transport.takeConnectMs()).toBeUndefined();
    });

    test('a tunnel that was not opened ahead is measured', async () => {
      trust();
      const server = await startTls();
      const proxy = await startProxy();
      const { transport, iam } = connect(server.url, { proxyEnvironment: { HTTPS_PROXY: proxy.url } });
      await deleteUser(iam);
      expect(proxy.targets).toHaveLength(1);
      expect(transport.takeConnectMs()).toBeGreaterThan(0);
    });

    test('a proxy that refuses is a network failure that does not show its password', async () => {
      trust();
      const server = await startTls();
      const proxy = await startProxy('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      const url = proxy.url.replace('//', '//user:hunter2hunter2@');
      const { transport, iam } = connect(server.url, { proxyEnvironment: { HTTPS_PROXY: url } });
      await transport.openAhead({ protocol: 'https:', hostname: '127.0.0.1', port: server.port }, quiet);
      const explained = explainError(await failureOf(deleteUser(iam)), 'DeleteUser');
      expect(explained).toMatchObject({ verdict: 'network', code: 'ERR_PROXY_TUNNEL' });
      expect(JSON.stringify(explained)).not.toContain('hunter2');
    });
  });
});

/** A proxy that opens tunnels, or refuses every request for one. */
async function startProxy(refusal?: string): Promise<TestServer & { readonly targets: readonly string[] }> {
  const targets: string[] = [];
  const server = net.createServer((client) => {
    client.once('data', (head) => {
      const target = /^CONNECT (\S+) /.exec(head.toString())?.[1] ?? '';
      targets.push(target);
      if (refusal !== undefined) {
        client.end(refusal);
        return;
      }
      const [host, port] = target.split(':');
      const upstream = net.connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      upstream.on('error', () => client.destroy());
      client.once('close', () => upstream.destroy());
    });
  });
  return Object.assign(await listen(server, 'http'), { targets });
}
