import { getEventListeners } from 'node:events';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  createMetristClient,
  explainStatus,
  fetchThroughProxy,
  type MetristClientOptions,
  MetristError,
} from './request.ts';
import { startMetristStandIn } from './testing/stand-in.ts';

const token = 'k3v0test0token';
const userAgent = 'awsiam/0.1.0';

async function setUp(options: Partial<MetristClientOptions> = {}) {
  const standIn = await startMetristStandIn({ token });
  onTestFinished(() => standIn.close());
  return { standIn, send: createMetristClient({ baseUrl: standIn.url, token, userAgent, ...options }) };
}

/** The error that a request ends with. */
async function errorOf(promise: Promise<unknown>): Promise<MetristError> {
  const error = await promise.catch((reason: unknown) => reason);
  if (!(error instanceof MetristError)) throw new Error('expected a MetristError', { cause: error });
  return error;
}

/** Sends a request whose `fetch` fails with this cause, as undici's does. */
async function failWith(cause: unknown): Promise<MetristError> {
  const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }));
  return await errorOf(
    createMetristClient({ baseUrl: 'https://app.metrist.io', token, userAgent, fetch })({ path: '/' }),
  );
}

describe('a request', () => {
  test('names the account and the program, and sends its body as JSON', async () => {
    const { standIn, send } = await setUp();
    const answer = await send({ method: 'POST', path: '/api/agent/telemetry?x=1', body: { value: 1 } });
    expect([answer.status, await answer.readText()]).toEqual([202, 'Accepted']);
    expect(standIn.requests).toMatchObject([
      {
        method: 'POST',
        path: '/api/agent/telemetry?x=1',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'user-agent': userAgent },
        body: '{"value":1}',
      },
    ]);
  });

  test('leaves no timer and no listener behind, whether it was answered or not', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { signal } = new AbortController();
    const fetch = vi.fn<typeof globalThis.fetch>();
    fetch.mockResolvedValueOnce(new Response('Accepted')).mockRejectedValueOnce(new TypeError('fetch failed'));
    const send = createMetristClient({ baseUrl: 'https://app.metrist.io', token, userAgent, fetch });
    const answer = await send({ path: '/', signal });
    expect(vi.getTimerCount()).toBe(1);
    await answer.readText();
    await errorOf(send({ path: '/', signal }));
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test.for([
    ['https://elsewhere.example/login?x=1', 'a redirect to https://elsewhere.example;'],
    ['/login', 'a redirect to another place;'],
  ] as const)('does not follow a redirect to %s', async ([location, words]) => {
    const { standIn, send } = await setUp();
    standIn.behave([{ kind: 'redirect', location }]);
    const answer = await send({ method: 'POST', path: '/api/agent/error', body: {} });
    expect(explainStatus(answer)).toContain(words);
    expect(standIn.requests).toHaveLength(1);
  });

  test.for([
    [undefined, '0.05'],
    [20, '0.02'],
    [19.97, '0.02'],
    [5000, '0.05'],
  ] as const)('ends after the shorter of its own time limit (%s ms) and the client’s (50 ms)', async ([own, shown]) => {
    const { standIn, send } = await setUp({ requestTimeoutMs: 50 });
    standIn.behave([{ kind: 'hang' }]);
    const error = await errorOf(send({ path: '/', ...(own !== undefined && { timeoutMs: own }) }));
    expect(error.message).toMatch(
      new RegExp(`^no answer from 127\\.0\\.0\\.1:\\d+ within ${shown} s; check the network`),
    );
    expect(error).toMatchObject({ isNeverSent: false, isPointlessToRepeat: true });
  });

  test('ends when its caller gives up', async () => {
    const { standIn, send } = await setUp();
    const caller = new AbortController();
    standIn.behave(() => {
      caller.abort();
      return { kind: 'hang' };
    });
    const error = await errorOf(send({ path: '/', signal: caller.signal }));
    expect(error.message).toContain('gave up on 127.0.0.1');
    expect(error).toMatchObject({ isNeverSent: false, isPointlessToRepeat: true });
  });

  test('fails when nobody listens', async () => {
    const { standIn, send } = await setUp();
    await standIn.close();
    const error = await errorOf(send({ path: '/' }));
    expect(error.message).toContain('refused the connection; check the port in METRIST_API_HOST');
    expect(error).toMatchObject({ isNeverSent: true, isPointlessToRepeat: false });
  });

  test('is not sent to a port that fetch refuses to use', async () => {
    const error = await errorOf(
      createMetristClient({ baseUrl: 'http://127.0.0.1:9', token, userAgent })({ path: '/' }),
    );
    expect(error.message).toBe('fetch does not connect to the port of 127.0.0.1:9; check METRIST_API_HOST');
    expect(error.isNeverSent).toBe(true);
  });

  test('fails if its answer is far too long or cut off', async () => {
    for (const [body, words] of [
      ['x'.repeat(4_000_001), 'the answer is too long'],
      [new ReadableStream({ pull: (controller) => controller.error(new Error('cut off')) }), 'cut off'],
    ] as const) {
      const { send } = await setUp({ fetch: () => Promise.resolve(new Response(body)) });
      const answer = await send({ path: '/' });
      expect((await errorOf(answer.readText())).message).toContain(words);
    }
  });

  test('reads characters that arrive in pieces', async () => {
    const bytes = new TextEncoder().encode('ä😀');
    const body = ReadableStream.from(Array.from(bytes, (_, index) => bytes.slice(index, index + 1)));
    const { send } = await setUp({ fetch: () => Promise.resolve(new Response(body)) });
    expect(await (await send({ path: '/' })).readText()).toBe('ä😀');
  });

  test.for([
    ['ENOTFOUND', 'never sent', 'does not resolve'],
    ['EAI_AGAIN', 'never sent, slow', 'does not resolve'],
    ['ECONNREFUSED', 'never sent', 'refused the connection'],
    ['UND_ERR_CONNECT_TIMEOUT', 'never sent, slow', 'no connection'],
    ['ETIMEDOUT', 'slow', 'no connection'],
    ['EHOSTUNREACH', 'slow', 'no connection'],
    ['UND_ERR_HEADERS_TIMEOUT', 'slow', 'UND_ERR_HEADERS_TIMEOUT happened'],
    ['ECONNRESET', '', 'closed the connection'],
    ['UND_ERR_SOCKET', '', 'closed the connection'],
    ['CERT_HAS_EXPIRED', 'never sent', 'NODE_EXTRA_CA_CERTS'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'never sent', 'NODE_EXTRA_CA_CERTS'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'never sent', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'never sent', 'NODE_EXTRA_CA_CERTS'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'never sent', 'TLS'],
    ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', '', 'TLS'],
    ['EPROTO', '', 'TLS'],
    ['EWHATEVER', '', 'EWHATEVER happened (EWHATEVER)'],
  ] as const)('that ends with %s is %s, and explained', async ([code, traits, words]) => {
    const error = await failWith(Object.assign(new Error(`${code} happened`), { code }));
    expect(error.message).toContain(words);
    expect(error.message).toContain('app.metrist.io');
    const isNeverSent = traits.includes('never sent');
    expect(error).toMatchObject({ isNeverSent, isPointlessToRepeat: traits.includes('slow') });
  });

  test.for(['ETIMEDOUT', 'EHOSTUNREACH', 'ECONNRESET'])(
    'was never sent if connecting to every address of the name ended with %s',
    async (code) => {
      const each = Object.assign(new Error(`connect ${code}`), { code, syscall: 'connect' });
      for (const cause of [each, Object.assign(new AggregateError([each, each]), { code })]) {
        expect((await failWith(cause)).isNeverSent).toBe(true);
      }
    },
  );
});

test('the proxy of the process is set only when its settings change, and taken back before', () => {
  const restore = vi.fn();
  const set = vi.spyOn(process.getBuiltinModule('node:http'), 'setGlobalProxyFromEnv').mockReturnValue(restore);
  onTestFinished(() => set.mockRestore());
  const metrist = 'https://app.metrist.io';
  const useProxy = (name: string) => fetchThroughProxy({ HTTPS_PROXY: `http://${name}:3128` }, metrist);
  for (let run = 0; run < 3; run++) useProxy('one');
  expect(set.mock.calls).toEqual([[{ HTTPS_PROXY: 'http://one:3128' }]]);
  expect(restore).not.toHaveBeenCalled();
  useProxy('other');
  expect(restore).toHaveBeenCalledOnce();
  fetchThroughProxy({ HTTPS_PROXY: 'http://other:3128' }, 'http://127.0.0.1:4000');
  expect(restore).toHaveBeenCalledTimes(2);
  expect(set.mock.calls.slice(1)).toEqual([[{ HTTPS_PROXY: 'http://other:3128' }], [{}]]);
});
