import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import net, { type Socket } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseListenAddress } from './listen-address.ts';
import { ListenError, startWatchServer, type Served, type ServerLimits } from './server.ts';

const reportPage = '<!doctype html>\n<title>IAM is up</title>';

/** Starts a server on a free port of loopback for one test. */
async function start(served: Partial<Served> = {}, limits: Partial<ServerLimits> = {}, address = '127.0.0.1:0') {
  const server = await startWatchServer(
    parseListenAddress(address),
    {
      metrics: (format) => `format ${format}\n`,
      health: () => ({ ok: true, text: 'ok' }),
      page: async (name) => Buffer.from(name === 'report' ? reportPage : '{}'),
      ...served,
    },
    limits,
  );
  onTestFinished(async () => await server.close());
  return { ...server, port: Number(new URL(server.url).port) };
}

async function connect(port: number, allowHalfOpen = false): Promise<Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Resolves when the connection has ended, in order or not. */
async function closeOf(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('close', () => resolve());
  if (socket.closed) resolve();
  await promise;
}

/** Sends these bytes and returns all that comes until the server ends the connection. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = await connect(port);
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  socket.write(bytes);
  await closeOf(socket);
  return answer;
}

/** Sends a request with these headers, and `Connection: close`. */
async function ask(port: number, start_: string, headers: Readonly<Record<string, string>> = {}) {
  const all = { Host: 'localhost', Connection: 'close', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const answer = await exchange(port, `${start_} HTTP/1.1\r\n${lines.join('')}\r\n`);
  return { ...parse(answer), answer };
}

function parse(answer: string) {
  const [head = '', ...rest] = answer.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  return { status: Number(statusLine.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
}

const strictHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': expect.stringMatching(
    /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
  ) as unknown,
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

describe('the routes', () => {
  test.for([
    ['/', 'text/html; charset=utf-8', reportPage],
    ['/?days=7', 'text/html; charset=utf-8', reportPage],
    ['/api/status', 'application/json', '{}'],
    ['/metrics', 'text/plain; version=0.0.4; charset=utf-8', 'format text\n'],
    ['/metrics?x', 'text/plain; version=0.0.4; charset=utf-8', 'format text\n'],
    ['/healthz', 'text/plain; charset=utf-8', 'ok\n'],
  ] as const)('%s is answered with %s and every strict header', async ([target, type, body]) => {
    const { port } = await start();
    const got = await ask(port, `GET ${target}`);
    expect(got.status).toBe(200);
    expect(got.body).toBe(body);
    expect(got.headers).toMatchObject({ ...strictHeaders, 'content-type': type });
    expect(Object.keys(got.headers)).not.toContain('server');
    expect(Object.keys(got.headers)).not.toContain('x-powered-by');
    const head = await ask(port, `HEAD ${target}`);
    expect(head).toMatchObject({ status: 200, body: '' });
    expect(head.headers).toMatchObject({ 'content-length': String(Buffer.byteLength(body)), 'content-type': type });
  });

  test('/healthz is 503 with the reason in one line', async () => {
    const { port } = await start({ health: () => ({ ok: false, text: 'no run has ended for 9 min\nsecond line' }) });
    expect(await ask(port, 'GET /healthz')).toMatchObject({ status: 503, body: 'no run has ended for 9 min\n' });
  });

  test('an unknown path lists the four that there are', async () => {
    const { port } = await start();
    for (const target of ['/x', '/metrics/', '//', '/../metrics', 'http://localhost/metrics', '*']) {
      const { status, body, headers } = await ask(port, `GET ${target}`);
      expect([target, status]).toEqual([target, 404]);
      expect(body.match(/^\/\S*/gm)).toEqual(['/', '/metrics', '/healthz', '/api/status']);
      expect(headers).toMatchObject(strictHeaders);
    }
  });

  test('a browser gets the next answer over the same connection', async () => {
    const { url } = await start();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const isReused = async () => {
      const request = http.get(`${url}/healthz`, { agent });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      response.resume();
      await once(response, 'end');
      return request.reusedSocket;
    };
    expect([await isReused(), await isReused()]).toEqual([false, true]);
  });
});

describe('what is refused, with every strict header', () => {
  test.for(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'])('the method %s', async (method) => {
    const { port } = await start();
    const { status, headers } = await ask(port, `${method} /metrics`);
    expect(status).toBe(405);
    expect(headers).toMatchObject({ ...strictHeaders, allow: 'GET, HEAD' });
  });

  test('CONNECT', async () => {
    const { port } = await start();
    const { status, headers } = await ask(port, 'CONNECT example.com:443');
    expect(status).toBe(405);
    expect(headers).toMatchObject({ ...strictHeaders, allow: 'GET, HEAD' });
  });

  test.for<Readonly<Record<string, string>>>([
    { 'Content-Length': '3' },
    { 'Content-Length': '3', Expect: '100-continue' },
    { 'Transfer-Encoding': 'chunked' },
  ])('a body: %j', async (fields) => {
    const { port } = await start();
    const { status, headers, body } = await ask(port, 'GET /metrics', fields);
    expect([status, body]).toEqual([413, 'A request must not have a body.\n']);
    expect(headers).toMatchObject({ ...strictHeaders, connection: 'close' });
  });

  test('an unknown expectation is ignored', async () => {
    const { port } = await start();
    const { status, headers } = await ask(port, 'GET /healthz', { Expect: 'tea' });
    expect(status).toBe(200);
    expect(headers).toMatchObject(strictHeaders);
  });

  test('an empty body is none', async () => {
    const { port } = await start();
    expect(await ask(port, 'GET /healthz', { 'Content-Length': '0' })).toMatchObject({ status: 200 });
  });

  test.for([
    ['no request at all', 'SSH-2.0-OpenSSH\r\n\r\n', 400],
    ['no Host', 'GET /metrics HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n', 400],
    ['long headers', `GET / HTTP/1.1\r\nHost: localhost\r\nCookie: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a long path', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
    ['many headers', `GET / HTTP/1.1\r\nHost: localhost\r\n${'a: b\r\n'.repeat(5000)}\r\n`, 431],
  ] as const)('%s', async ([, bytes, status]) => {
    const { port } = await start();
    const answer = parse(await exchange(port, bytes));
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({ ...strictHeaders, connection: 'close' });
    expect(answer.body).toMatch(/^[A-Z][^\n]+\.\n$/);
  });

  test('HTTP/1.0 needs no Host', async () => {
    const { port } = await start();
    expect(parse(await exchange(port, 'GET /healthz HTTP/1.0\r\n\r\n')).status).toBe(200);
  });

  test.for([
    ['localhost', 200],
    ['LOCALHOST:9464', 200],
    ['127.0.0.1', 200],
    ['127.0.0.1:9464', 200],
    ['[::1]', 200],
    ['[::1]:9464', 200],
    ['192.0.2.7:9464', 200],
    ['attacker.example', 421],
    ['localhost.attacker.example:9464', 421],
    ['127.0.0.1.attacker.example', 421],
    ['monitor', 421],
    ['', 421],
    ['[::1]x', 421],
    ['::1', 421],
  ] as const)('on loopback, the Host %j is answered with %i', async ([host, status]) => {
    const { port } = await start();
    const got = await ask(port, 'GET /api/status', { Host: host });
    expect(got.status).toBe(status);
    expect(got.headers).toMatchObject(strictHeaders);
    if (status === 421) expect(got.body).toContain('the Host header must be localhost or an IP address');
  });

  test('beyond loopback, any Host is answered', async () => {
    const { port, url } = await start({}, {}, '0.0.0.0:0');
    expect(url).toBe(`http://0.0.0.0:${port}`);
    expect(await ask(port, 'GET /healthz', { Host: 'monitor.example' })).toMatchObject({ status: 200 });
  });

  test('requests that do not wait for the answer before them', async () => {
    let pages = 0;
    const { promise, resolve } = Promise.withResolvers<Buffer>();
    const { port } = await start({ page: async () => ((pages += 1), await promise) });
    const answer = await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100));
    expect([answer, pages]).toEqual(['', 1]);
    resolve(Buffer.from('late'));
  });
});

describe('/metrics by Accept', () => {
  const prometheus3 =
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
  const prometheus2 =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  test.for([
    [prometheus3, 'openmetrics'],
    [prometheus2, 'openmetrics'],
    // `scrape_protocols: [PrometheusText0.0.4, OpenMetricsText1.0.0]`
    ['text/plain;version=0.0.4;q=0.4,application/openmetrics-text;version=1.0.0;q=0.3,*/*;q=0.2', 'text'],
    ['application/openmetrics-text', 'openmetrics'],
    ['Application/OpenMetrics-Text; Version="1.0.0"; charset=utf-8', 'openmetrics'],
    ['application/openmetrics-text;version=0.0.1,*/*;q=0.1', 'text'],
    ['application/openmetrics-text;version=2.0.0', 'text'],
    ['application/openmetrics-text;q=0', 'text'],
    ['application/openmetrics-text;q=0,*/*', 'text'],
    ['application/openmetrics-text;q=x', 'text'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'text'],
    ['*/*', 'text'],
    ['application/json', 'text'],
    ['', 'text'],
  ] as const)('%j gets %s', async ([accept, format]) => {
    const { port } = await start();
    const { headers, body } = await ask(port, 'GET /metrics', { Accept: accept });
    expect(body).toBe(`format ${format}\n`);
    expect(headers['content-type']).toBe(
      format === 'text'
        ? 'text/plain; version=0.0.4; charset=utf-8'
        : 'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
  });
});

describe('what cannot be made', () => {
  test('is 503 with the reason and without a stack', async () => {
    const fail = (): never => {
      throw new Error('the disk does not answer\n    at secret (/opt/awsiam/x.ts:1:1)');
    };
    const { port } = await start({ page: async () => fail(), metrics: fail });
    for (const [target, what] of [
      ['/', 'report'],
      ['/api/status', 'status'],
      ['/metrics', 'metrics'],
    ] as const) {
      const { status, body, headers } = await ask(port, `GET ${target}`);
      expect(status).toBe(503);
      expect(body).toMatch(new RegExp(`^The ${what} could not be made: the disk does not answer\\n$`));
      expect(headers).toMatchObject(strictHeaders);
    }
  });

  test('is 503 after the time limit, never a hang', async () => {
    const { port } = await start({ page: async () => await new Promise(() => {}) }, { pageTimeoutMs: 50 });
    expect(await ask(port, 'GET /')).toMatchObject({
      status: 503,
      body: 'The report could not be made: it took longer than 0.05 s\n',
    });
  });

  test('ends the connection and nothing else if the health itself cannot be told', async () => {
    let isBroken = true;
    const { port } = await start({
      health: () => {
        if (isBroken) throw new Error('broken');
        return { ok: true, text: 'ok' };
      },
    });
    expect((await ask(port, 'GET /healthz')).answer).toBe('');
    isBroken = false;
    expect(await ask(port, 'GET /healthz')).toMatchObject({ status: 200 });
  });
});

/** Far more than the kernel buffers for one connection. */
const hugePage = Buffer.alloc(64 * 1024 * 1024, 'x');

describe('clients that misbehave', () => {
  test.for(['/', '/metrics'])(
    '200 slow readers of %s do not keep a scraper waiting, and share one buffer',
    async (target) => {
      const text = hugePage.toString('latin1');
      let asked = 0;
      const { port } = await start({
        page: async () => ((asked += 1), hugePage),
        metrics: () => (asked < 200 ? ((asked += 1), text) : 'scraped\n'),
      });
      const before = process.memoryUsage().arrayBuffers;
      const readers = await Promise.all(
        Array.from({ length: 200 }, async () => {
          const socket = await connect(port);
          socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
          // Reads the first part, and no more.
          await once(socket, 'readable');
          return socket;
        }),
      );
      expect(readers.every(({ destroyed }) => !destroyed)).toBe(true);
      expect(asked).toBe(200);
      expect((await ask(port, 'GET /metrics')).status).toBe(200);
      expect(await ask(port, 'GET /healthz')).toMatchObject({ status: 200 });
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * hugePage.length);
    },
  );

  test.for(['/', '/metrics', '/healthz'])('one that never reads %s is cut off', async (target) => {
    const { port } = await start(
      { page: async () => hugePage, metrics: () => hugePage.toString('latin1') },
      { readTimeoutMs: 50, idleTimeoutMs: 50, headersTimeoutMs: 50, checkIntervalMs: 20 },
    );
    const socket = await connect(port, true);
    const closed = closeOf(socket);
    socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    // Writing is how one that does not read notices.
    const knock = setInterval(() => socket.write('\r\n'), 20);
    onTestFinished(() => clearInterval(knock));
    await closed;
  });

  test.for(['', 'GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b'])(
    'one that sends no more than %j is answered with 408 and cut off',
    async (bytes) => {
      const { port } = await start({}, { headersTimeoutMs: 50, checkIntervalMs: 20 });
      const answer = parse(await exchange(port, bytes));
      expect(answer.status).toBe(408);
      expect(answer.headers).toMatchObject(strictHeaders);
    },
  );

  test('a connection without a next request is closed', async () => {
    const { port } = await start({}, { idleTimeoutMs: 50 });
    expect(parse(await exchange(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')).status).toBe(200);
  });

  test('more connections than the limit are refused, and there is room again when one ends', async () => {
    const { port } = await start({}, { connections: 2 });
    const [first] = [await connect(port), await connect(port)];
    expect(await exchange(port, '')).toBe('');
    first.destroy();
    await closeOf(first);
    await expect
      .poll(async () => (await ask(port, 'GET /healthz')).status, { timeout: 10_000, interval: 10 })
      .toBe(200);
  });

  test('one that goes away while its page is made harms nothing', async () => {
    const { promise, resolve } = Promise.withResolvers<Buffer>();
    const asked = Promise.withResolvers<void>();
    const { port } = await start({
      page: async () => {
        asked.resolve();
        return await promise;
      },
    });
    const socket = await connect(port);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await asked.promise;
    socket.resetAndDestroy();
    await closeOf(socket);
    resolve(Buffer.from(reportPage));
    expect(await ask(port, 'GET /')).toMatchObject({ status: 200, body: reportPage });
  });
});

describe('the address', () => {
  test('gives a URL with the port that was chosen', async () => {
    const { url, port } = await start();
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test('that is taken is an error that says what to do', async () => {
    const { port } = await start();
    const address = parseListenAddress(`127.0.0.1:${port}`);
    const served: Served = { metrics: () => '', health: () => ({ ok: true, text: '' }), page: async () => Buffer.of() };
    const starting = startWatchServer(address, served);
    await expect(starting).rejects.toThrow(ListenError);
    await expect(starting).rejects.toThrow(
      `could not listen on 127.0.0.1:${port}: another program listens there. Choose another address, such as --listen 127.0.0.1:${port + 1}, or serve nothing with --no-listen`,
    );
  });

  test('that this host does not have is an error that says what to do', async () => {
    const starting = start({}, {}, '192.0.2.77:9464');
    await expect(starting).rejects.toThrow(
      'could not listen on 192.0.2.77:9464: this host does not have this address. Choose another address, such as --listen 127.0.0.1:9464, or serve nothing with --no-listen',
    );
  });
});

describe('close', () => {
  test('ends every connection within a second, whatever its state, and leaves no handle', async () => {
    const asked = Promise.withResolvers<void>();
    const { port, close } = await start({
      page: async (name) => {
        if (name === 'report') return hugePage;
        asked.resolve();
        return await new Promise(() => {});
      },
    });
    const silent = await connect(port);
    const slow = await connect(port);
    slow.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(slow, 'readable');
    const waiting = await connect(port);
    waiting.write('GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const half = await connect(port);
    half.write('GET / HTTP/1.1\r\n');
    const idle = await connect(port);
    idle.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(idle, 'readable');
    await asked.promise;
    const sockets = [silent, slow, waiting, half, idle];
    const ends = sockets.map(async (socket) => {
      socket.resume();
      await closeOf(socket);
    });
    const startMs = performance.now();
    await close();
    expect(performance.now() - startMs).toBeLessThan(5000);
    await Promise.all(ends);
    expect(await connect(port).catch(() => 'refused')).toBe('refused');
    await close();
  });

  test('leaves no timer, socket or listener', async () => {
    const program = `
      import { once } from 'node:events';
      import net from 'node:net';
      import { startWatchServer } from ${JSON.stringify(import.meta.resolve('./server.ts'))};
      const asked = Promise.withResolvers();
      const server = await startWatchServer({ host: '127.0.0.1', port: 0, isLoopback: true }, {
        metrics: () => 'x'.repeat(64 * 1024 * 1024),
        health: () => ({ ok: true, text: 'ok' }),
        page: () => (asked.resolve(), new Promise(() => {})),
      });
      const clients = ['', '/', '/metrics', '/healthz'].map((target) => {
        const socket = net.connect(new URL(server.url).port, '127.0.0.1').on('error', () => {});
        if (target !== '') socket.write('GET ' + target + ' HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n');
        return socket;
      });
      await Promise.all([asked.promise, once(clients[2], 'readable'), once(clients[3], 'readable')]);
      const closes = clients.map((socket) => once(socket.resume(), 'close').catch(() => {}));
      await server.close();
      await Promise.all(closes);
      setImmediate(() => process.stdout.write('left: ' + process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap').join()));
    `;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { timeout: 30_000 });
    expect(stdout).toBe('left: ');
  });
});
