import { once } from 'node:events';
import net from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { IAM } from '@aws-sdk/client-iam';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { hadNoEffect } from '../errors/error-kinds.ts';
import { explainError } from '../errors/explain-error.ts';
import { deadPort, iamErrorXml, iamXml, listen, startHttpServer, type TestServer } from '../testing/http-server.ts';
import { connect, deleteUser, failureOf } from '../testing/connect.ts';
import type { Origin } from './transport.ts';

const { signal: quiet } = new AbortController();

const originOf = ({ port }: { readonly port: number }): Origin => ({ protocol: 'http:', hostname: '127.0.0.1', port });
const answerWell = (): Promise<TestServer> =>
  startHttpServer((_request, response) => response.end(iamXml('DeleteUser')));

describe('an answer over the transport', () => {
  test('is passed on if it is one of IAM’s', async () => {
    const { url } = await startHttpServer((_request, response) =>
      response
        .writeHead(200, { 'x-amzn-requestid': '6b7f9f3e' })
        .end(
          iamXml('CreateUser', '<CreateUserResult><User><Arn>arn:aws:iam::1:user/u</Arn></User></CreateUserResult>'),
        ),
    );
    const { iam } = connect(url);
    expect(await iam.createUser({ UserName: 'u' })).toMatchObject({
      User: { Arn: 'arn:aws:iam::1:user/u' },
      $metadata: { httpStatusCode: 200, requestId: '6b7f9f3e' },
    });
  });

  test('becomes the SDK’s exception if it is a refusal of IAM', async () => {
    const { url } = await startHttpServer((_request, response) =>
      response.writeHead(404).end(iamErrorXml('NoSuchEntity')),
    );
    expect(await failureOf(deleteUser(connect(url).iam))).toMatchObject({
      name: 'NoSuchEntityException',
      message: 'as AWS says',
      $metadata: { httpStatusCode: 404 },
    });
  });

  test.for([
    ['a page with status 200', 200, '<html>Please sign in</html>', "the answer is not one of IAM's"],
    ['an empty one with status 200', 200, '', 'the answer is empty'],
    ['one that breaks off', 200, iamXml('DeleteUser').slice(0, 40), 'the answer breaks off'],
    ['one that contradicts its status', 200, iamErrorXml('NoSuchEntity'), 'contradicts its own HTTP status'],
    ['a gateway’s page', 502, '<html>Bad Gateway</html>', "the answer is not one of IAM's"],
  ] as const)('is a service failure if it is %s', async ([, status, body, message]) => {
    const { url } = await startHttpServer((_request, response) => response.writeHead(status).end(body));
    const error = await failureOf(deleteUser(connect(url).iam));
    expect(error).toMatchObject({ name: 'ForeignAnswer', $metadata: { httpStatusCode: status } });
    expect(explainError(error, 'DeleteUser')).toMatchObject({
      verdict: 'service',
      code: 'ForeignAnswer',
      message: expect.stringContaining(message) as unknown,
    });
  });

  test.for([
    ['a gateway’s page with 429', 429, '<html>Slow down</html>'],
    ['JSON', 400, '{"__type":"com.amazon#ThrottlingException","message":"Rate exceeded"}'],
    ['another XML', 400, '<Response><Errors><Error><Code>Throttling</Code></Error></Errors></Response>'],
  ] as const)('that throttles is retried and explained as throttling even if it is %s', async ([, status, body]) => {
    let requests = 0;
    const { url } = await startHttpServer((_request, response) => {
      requests++;
      response.writeHead(status).end(body);
    });
    const error = await failureOf(deleteUser(connect(url, {}, 2).iam));
    expect(explainError(error, 'DeleteUser')).toMatchObject({ verdict: 'throttled', code: 'ForeignAnswer' });
    expect(requests).toBe(2);
  });

  test.for([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('is read even if something on the way compressed it with %s', async ([encoding, compress]) => {
    const { url } = await startHttpServer((request, response) => {
      const isFirst = request.headers['amz-sdk-request']?.includes('attempt=1');
      response.writeHead(isFirst ? 503 : 200, { 'content-encoding': encoding });
      response.end(compress(isFirst ? iamErrorXml('ServiceUnavailable') : iamXml('DeleteUser')));
    });
    expect(await deleteUser(connect(url, {}, 2).iam)).toMatchObject({
      $metadata: { httpStatusCode: 200, attempts: 2 },
    });
  });

  test.for([
    [
      'named wrongly',
      200,
      'gzip',
      Buffer.from(iamXml('DeleteUser')),
      'cannot be decompressed (Content-Encoding: gzip)',
    ],
    ['unknown', 200, 'zstd', Buffer.from([1, 2, 3]), 'cannot be decompressed (Content-Encoding: zstd)'],
    ['not named', 403, undefined, gzipSync(iamErrorXml('AccessDenied')), "not one of IAM's, nor is it text"],
  ] as const)(
    'is a failure of the service when its compression is %s, and none of its bytes are shown',
    async ([, status, encoding, body, message]) => {
      const { url } = await startHttpServer((_request, response) =>
        response.writeHead(status, encoding ? { 'content-encoding': encoding } : {}).end(body),
      );
      const explained = explainError(await failureOf(deleteUser(connect(url).iam)), 'DeleteUser');
      expect(explained).toMatchObject({ verdict: 'service', message: expect.stringContaining(message) as unknown });
      expect(explained.message).toMatch(/^[\x20-\x7E]+$/);
    },
  );

  const user = (inside: string): string => iamXml('CreateUser', `<CreateUserResult><User>${inside}</CreateUserResult>`);
  test.for([
    ['XML that is broken inside', 200, user('')],
    ['a date that is none', 200, user('<CreateDate>soon</CreateDate></User>')],
    ['a refusal with broken XML', 503, '<ErrorResponse><Error><Code>X</Error></ErrorResponse>'],
    ['a refusal without a code', 503, '<ErrorResponse><Error/></ErrorResponse>'],
    ['a refusal with an empty code', 400, '<ErrorResponse><Error><Code/></Error></ErrorResponse>'],
    ['a bare error', 503, '<Error/>'],
  ] as const)('is a service failure with a readable message if it is %s', async ([, status, body]) => {
    const { url } = await startHttpServer((_request, response) => response.writeHead(status).end(body));
    const error = await failureOf(connect(url).iam.createUser({ UserName: 'u' }));
    const explained = explainError(error, 'CreateUser');
    expect(explained).toMatchObject({
      verdict: 'service',
      code: 'ForeignAnswer',
      message: expect.stringMatching(
        /the answer (cannot be read as|is not one of) IAM's|is an error without a code/,
      ) as unknown,
    });
    expect(explained.message).not.toMatch(/TypeError|hidden field/);
  });

  test('is a service failure if it does not end, and is not read further', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const { url } = await startHttpServer((_request, response) => {
      const line = Buffer.alloc(64 * 1024, '<member/>');
      const write = (): void => {
        while (!response.destroyed && response.write(line));
      };
      response.writeHead(200).on('drain', write).on('close', resolve);
      write();
    });
    const error = await failureOf(deleteUser(connect(url).iam));
    expect(explainError(error, 'DeleteUser')).toMatchObject({
      verdict: 'service',
      code: 'ForeignAnswer',
      message: expect.stringContaining("the answer is longer than any of IAM's") as unknown,
    });
    await closed;
  });

  test('is a network failure if its connection is cut in the middle', async () => {
    const { url } = await startHttpServer((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('<DeleteUser');
      setImmediate(() => response.destroy());
    });
    const error = await failureOf(deleteUser(connect(url).iam));
    expect(explainError(error, 'DeleteUser')).toMatchObject({ verdict: 'network', code: 'ECONNRESET' });
  });

  test('is not IAM’s if it is not even HTTP', async () => {
    const server = net.createServer((socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n')));
    const { url } = await listen(server, 'http');
    const error = await failureOf(deleteUser(connect(url).iam));
    expect(explainError(error, 'DeleteUser')).toMatchObject({ verdict: 'service', code: 'HPE_INVALID_CONSTANT' });
  });

  test('that does not come ends at the request timeout', async () => {
    const { url } = await startHttpServer(() => {});
    const error = await failureOf(deleteUser(connect(url, { requestTimeoutMs: 50 }).iam));
    expect(explainError(error, 'DeleteUser')).toMatchObject({
      verdict: 'timeout',
      advice: expect.stringContaining('did not answer in time') as unknown,
    });
  });

  test('whose body stalls ends at the request timeout, too', async () => {
    const { url } = await startHttpServer((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('<DeleteUser');
    });
    const error = await failureOf(deleteUser(connect(url, { requestTimeoutMs: 50 }).iam));
    expect(explainError(error, 'DeleteUser')).toMatchObject({
      verdict: 'timeout',
      advice: expect.stringContaining('did not answer in time') as unknown,
    });
  });

  test('is not waited for after an abort', async () => {
    const cancel = new AbortController();
    const { url } = await startHttpServer(() => cancel.abort());
    const { iam } = connect(url);
    const error = await failureOf(iam.deleteUser({ UserName: 'u' }, { abortSignal: cancel.signal }));
    expect(error).toMatchObject({ name: 'AbortError' });
  });

  test('whose body stalls is not waited for after an abort', async () => {
    const cancel = new AbortController();
    const { url } = await startHttpServer((_request, response) => {
      response
        .writeHead(200, { 'content-length': 1000 })
        .write('<DeleteUser', () => setTimeout(() => cancel.abort(), 20));
    });
    const { iam } = connect(url);
    const error = await failureOf(iam.deleteUser({ UserName: 'u' }, { abortSignal: cancel.signal }));
    expect(error).toBeInstanceOf(Error);
  });

  test('is a network failure if nobody listens', async () => {
    const error = await failureOf(deleteUser(connect(`http://127.0.0.1:${await deadPort()}`).iam));
    expect(explainError(error, 'DeleteUser')).toMatchObject({ verdict: 'network', code: 'ECONNREFUSED' });
  });
});

describe('the connections of a transport', () => {
  test('are measured when they are opened, once, and reused afterwards', async () => {
    const server = await answerWell();
    const { transport, iam } = connect(server.url);
    expect(transport.takeConnectMs()).toBeUndefined();
    await deleteUser(iam);
    expect(transport.takeConnectMs()).toBeGreaterThan(0);
    expect(transport.takeConnectMs()).toBeUndefined();
    await deleteUser(iam);
    expect(transport.takeConnectMs()).toBeUndefined();
    expect(server.sockets).toHaveLength(1);
  });

  test('are measured by the clock that was given, the second one too', async () => {
    let now = 0;
    const server = await startHttpServer((_request, response) => {
      response.writeHead(200, { connection: 'close' }).end(iamXml('DeleteUser'));
    });
    const { transport, iam } = connect(server.url, { elapsedMs: () => (now += 10) });
    await deleteUser(iam);
    await deleteUser(iam);
    expect(server.sockets).toHaveLength(2);
    expect(transport.takeConnectMs()).toBe(20);
  });

  test('that are opened ahead serve the first request and are not measured', async () => {
    const server = await answerWell();
    const { transport, iam } = connect(server.url);
    await transport.openAhead(originOf(server), quiet);
    expect(transport.takeConnectMs()).toBeUndefined();
    await vi.waitUntil(() => server.sockets.length === 1);
    expect(server.bytes()).toBe(0);
    await deleteUser(iam);
    expect(transport.takeConnectMs()).toBeUndefined();
    expect(server.sockets).toHaveLength(1);
  });

  test('that are opened ahead serve one request only', async () => {
    const server = await answerWell();
    const { transport, iam } = connect(server.url);
    await transport.openAhead(originOf(server), quiet);
    await Promise.all([deleteUser(iam), deleteUser(iam)]);
    expect(server.sockets).toHaveLength(2);
    expect(transport.takeConnectMs()).toBeGreaterThan(0);
  });

  test('that are opened ahead do not serve another origin', async () => {
    const [one, other] = [await answerWell(), await answerWell()];
    const { transport, iam } = connect(other.url);
    await transport.openAhead(originOf(one), quiet);
    await deleteUser(iam);
    expect(other.sockets).toHaveLength(1);
    expect(one.bytes()).toBe(0);
  });

  test('that were opened ahead and closed by the server are replaced', async () => {
    const server = await answerWell();
    const { transport, iam } = connect(server.url);
    await transport.openAhead(originOf(server), quiet);
    await vi.waitUntil(() => server.sockets.length === 1);
    const [socket] = server.sockets;
    socket?.end();
    await once(socket as net.Socket, 'close');
    expect(await deleteUser(iam)).toBeDefined();
    expect(server.sockets).toHaveLength(2);
  });

  test.for([
    ['nobody listens', async () => ({ port: await deadPort() })],
    ['there is no such port', () => Promise.resolve({ port: 70_000 })],
  ] as const)('are silently not opened ahead if %s', async ([, makeOrigin]) => {
    const { transport } = connect('http://127.0.0.1:9');
    await expect(transport.openAhead(originOf(await makeOrigin()), quiet)).resolves.toBeUndefined();
    expect(transport.takeConnectMs()).toBeUndefined();
  });

  test('are not opened ahead if the run has been cancelled', async () => {
    const server = await answerWell();
    const { transport, iam } = connect(server.url);
    await transport.openAhead(originOf(server), AbortSignal.abort());
    await deleteUser(iam);
    expect(transport.takeConnectMs()).toBeGreaterThan(0);
  });

  test('are not waited for after an abort', async () => {
    // A socket that never connects stands for a host that drops packets.
    const never = vi.spyOn(net.Socket.prototype, 'connect').mockReturnThis();
    onTestFinished(() => never.mockRestore());
    const cancel = new AbortController();
    const { transport } = connect('http://192.0.2.1');
    const opening = transport.openAhead({ protocol: 'http:', hostname: '192.0.2.1' }, cancel.signal);
    cancel.abort();
    await expect(opening).resolves.toBeUndefined();
  });

  test('are closed with it', async () => {
    const server = await answerWell();
    const { transport, iam } = connect(server.url);
    await deleteUser(iam);
    await transport.openAhead(originOf(server), quiet);
    await vi.waitUntil(() => server.sockets.length === 2);
    transport.close();
    await vi.waitUntil(() => server.sockets.every(({ closed }) => closed));
  });
});

describe('connecting', () => {
  const connectionTimeoutMs = 100;
  const startSilent = () =>
    listen(
      net.createServer((socket) => socket.resume()),
      'https',
    );

  /** Expects that the connection does not open in time, so that nothing is sent over it. */
  async function expectGivenUp(iam: IAM, host: string): Promise<void> {
    const error = await failureOf(deleteUser(iam));
    expect(explainError(error, 'DeleteUser')).toMatchObject({
      verdict: 'timeout',
      code: 'ERR_CONNECT_TIMEOUT',
      message: `ERR_CONNECT_TIMEOUT at DeleteUser: no connection to ${host} within 0.1 s`,
      advice: expect.stringContaining('Nothing was sent') as unknown,
    });
    expect(hadNoEffect(error)).toBe(true);
  }

  test('to a host that accepts and stays silent ends in time, TLS included, in each of three attempts', async () => {
    const server = await startSilent();
    const { iam } = connect(server.url, { connectionTimeoutMs }, 3);
    await expectGivenUp(iam, `127.0.0.1:${server.port}`);
    expect(server.sockets).toHaveLength(3);
    await vi.waitUntil(() => server.sockets.every(({ closed }) => closed));
  });

  test.for([
    ['accepts and says nothing', undefined],
    ['makes a tunnel to a host that says nothing', 'HTTP/1.1 200 Connection established\r\n\r\n'],
  ] as const)('through a proxy that %s ends in time', async ([, words]) => {
    const proxy = await listen(
      net.createServer((socket) => socket.once('data', () => void (words && socket.write(words)))),
      'http',
    );
    const proxyEnvironment = { HTTPS_PROXY: proxy.url };
    const { iam } = connect('https://iam.amazonaws.com', { connectionTimeoutMs, proxyEnvironment });
    await expectGivenUp(iam, 'iam.amazonaws.com:443 through the proxy');
    await vi.waitUntil(() => proxy.sockets.every(({ closed }) => closed));
  });

  test('ends with the request timeout if that is shorter, and still nothing was sent', async () => {
    const server = await startSilent();
    const { iam } = connect(server.url, { requestTimeoutMs: connectionTimeoutMs });
    await expectGivenUp(iam, `127.0.0.1:${server.port}`);
  });

  test('ahead of the first request ends in time, too, without an error', async () => {
    const server = await startSilent();
    const { transport } = connect(server.url, { connectionTimeoutMs });
    await transport.openAhead({ protocol: 'https:', hostname: '127.0.0.1', port: server.port }, quiet);
    await vi.waitUntil(() => server.sockets.every(({ closed }) => closed));
    expect(transport.takeConnectMs()).toBeUndefined();
  });

  test('does not count towards the time that an answer may take', async () => {
    const { url } = await startHttpServer((_request, response) => {
      setTimeout(() => response.end(iamXml('DeleteUser')), 3 * connectionTimeoutMs);
    });
    expect(await deleteUser(connect(url, { connectionTimeoutMs }).iam)).toBeDefined();
  });
});

test.for([
  ['https:', 'iam.amazonaws.com', { host: '127.0.0.1', port: 3128 }],
  ['https:', 'iam.internal', undefined],
  ['http:', 'iam.amazonaws.com', undefined],
] as const)('the proxy on the way to %s//%s is known', ([protocol, hostname, proxy]) => {
  const proxyEnvironment = { HTTPS_PROXY: 'http://127.0.0.1:3128', NO_PROXY: '.internal' };
  const { transport } = connect('https://iam.amazonaws.com', { proxyEnvironment });
  expect(transport.proxyFor({ protocol, hostname })).toEqual(proxy);
});
