import { describe, expect, onTestFinished, test } from 'vitest';
import { need } from '../../runner/testing/needs.ts';
import { makeCertificate } from '../../suites/awsiam/testing/certificate.ts';
import { type MetristApi, type MetristApiOptions, createMetristApi } from './api.ts';
import { errorBody, telemetryBody } from '../testing/builders.ts';
import { type MetristStandIn, type MetristStandInOptions, startMetristStandIn } from '../testing/stand-in.ts';

const token = 'k3v0test0token';
const telemetry = { kind: 'telemetry', body: telemetryBody() } as const;
const failure = { kind: 'error', body: errorBody() } as const;

async function start(
  options: Partial<MetristApiOptions> = {},
  standInOptions: Partial<MetristStandInOptions> = {},
): Promise<{ standIn: MetristStandIn; api: MetristApi }> {
  const standIn = await startMetristStandIn({ token, ...standInOptions });
  onTestFinished(() => standIn.close());
  return { standIn, api: createMetristApi({ baseUrl: standIn.url, token, userAgent: 'awsiam/0.1.0', ...options }) };
}

/** A client whose fetch fails as undici does. */
function failingApi(error: Error): MetristApi {
  const fetch = async () => {
    throw error;
  };
  return createMetristApi({ baseUrl: 'https://app.metrist.io', token, userAgent: 'awsiam/0.1.0', fetch });
}

function fetchFailed(code: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(`${code} happened`), { code }) });
}

describe('createMetristApi', () => {
  test('posts telemetry and errors as Metrist wants them', async () => {
    const { standIn, api } = await start();
    expect(await api.post(telemetry)).toEqual({ state: 'accepted' });
    expect(await api.post(failure)).toEqual({ state: 'accepted' });
    expect(standIn.telemetry).toEqual([telemetry.body]);
    expect(standIn.errors).toEqual([failure.body]);
    expect(standIn.requests[0]).toMatchObject({
      method: 'POST',
      path: '/api/agent/telemetry',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'user-agent': 'awsiam/0.1.0' },
    });
  });

  test('does not send what Metrist would silently drop', async () => {
    const { standIn, api } = await start();
    expect(await api.post({ kind: 'telemetry', body: telemetryBody({ value: Number.NaN }) })).toEqual({
      state: 'refused',
      reason: 'not sent, Metrist would drop it: value must be a finite number',
    });
    expect(standIn.requests).toEqual([]);
  });

  test('names the variable of a wrong token, never the token', async () => {
    const { api } = await start({ token: 'wrong0token' });
    const result = await api.post(telemetry);
    expect(result).toMatchObject({
      state: 'denied',
      status: 403,
      reason: expect.stringContaining('METRIST_API_TOKEN') as unknown,
    });
    expect(JSON.stringify(result)).not.toContain('wrong0token');
  });

  test.for([
    [413, {}, { state: 'refused' }, 'too large'],
    [400, {}, { state: 'denied' }, 'a bug of this monitor'],
    [404, {}, { state: 'denied' }, 'not the Metrist API'],
    [302, { location: 'https://elsewhere.example/login?x=1' }, { state: 'denied' }, 'to https://elsewhere.example;'],
    [307, { location: '/login' }, { state: 'denied' }, 'a redirect to another place;'],
    [429, {}, { state: 'not-taken' }, 'too many results'],
    [429, { 'x-ratelimit-reset': '1' }, { state: 'not-taken', retryAfterMs: 1000 }, 'too many results'],
    [429, { 'x-ratelimit-reset': 'soon' }, { state: 'not-taken' }, 'too many results'],
    [500, {}, { state: 'not-taken' }, 'Metrist failed'],
    [503, {}, { state: 'not-taken' }, 'Metrist failed'],
    [502, {}, { state: 'unknown' }, 'Metrist failed'],
    [504, {}, { state: 'unknown' }, 'Metrist failed'],
    [524, {}, { state: 'unknown' }, 'Metrist failed'],
    [408, {}, { state: 'unknown' }, 'not the Metrist API'],
    [200, {}, { state: 'unknown', isPointlessToRepeat: true }, 'not the Metrist API'],
    [204, {}, { state: 'unknown', isPointlessToRepeat: true }, 'not the Metrist API'],
  ] as const)('takes HTTP %s with %o for %o and says what to do', async ([status, headers, outcome, words]) => {
    const { standIn, api } = await start();
    standIn.behave([{ kind: 'answer', status, headers: { ...headers } }]);
    const result = await api.post(telemetry);
    expect(result).toEqual({ ...outcome, status, reason: expect.stringContaining(words) as unknown });
    expect(standIn.requests).toHaveLength(1);
  });

  test('waits no longer than its timeout for an answer', async () => {
    const { standIn, api } = await start({ requestTimeoutMs: 50 });
    standIn.behave([{ kind: 'hang' }]);
    expect(await api.post(telemetry)).toEqual({
      state: 'unknown',
      isPointlessToRepeat: true,
      reason: expect.stringMatching(/^no answer from 127\.0\.0\.1:\d+ within 0\.05 s/) as unknown,
    });
  });

  test('waits for a slow answer', async () => {
    const { standIn, api } = await start();
    standIn.behave([{ kind: 'slow', delayMs: 20 }]);
    expect(await api.post(telemetry)).toEqual({ state: 'accepted' });
  });

  test('ends a request when its caller gives up', async () => {
    const { standIn, api } = await start();
    const caller = new AbortController();
    standIn.behave(() => {
      caller.abort();
      return { kind: 'hang' };
    });
    expect(await api.post(failure, { signal: caller.signal })).toMatchObject({
      state: 'unknown',
      isPointlessToRepeat: true,
      reason: expect.stringContaining('gave up') as unknown,
    });
  });

  test('sends nothing twice when the connection is lost', async () => {
    const { standIn, api } = await start();
    standIn.behave([{ kind: 'reset', when: 'after' }]);
    expect(await api.post(failure)).toMatchObject({
      state: 'unknown',
      reason: expect.stringContaining('closed the connection') as unknown,
    });
    expect(standIn.errors).toHaveLength(1);
  });

  test('says that nobody listens', async () => {
    const { standIn, api } = await start();
    await standIn.close();
    onTestFinished(() => {});
    expect(await api.post(telemetry)).toMatchObject({
      state: 'not-taken',
      reason: expect.stringContaining('refused the connection') as unknown,
    });
  });

  test('says that fetch does not connect to some ports, and that nothing was sent', async () => {
    const api = createMetristApi({ baseUrl: 'http://127.0.0.1:9', token, userAgent: 'awsiam/0.0.0' });
    expect(await api.post(telemetry)).toMatchObject({
      state: 'not-taken',
      reason: 'fetch does not connect to the port of 127.0.0.1:9; check METRIST_API_HOST',
    });
  });

  test.for([
    ['ENOTFOUND', 'not-taken', 'does not resolve'],
    ['EAI_AGAIN', 'not-taken', 'does not resolve'],
    ['UND_ERR_CONNECT_TIMEOUT', 'not-taken', 'no connection'],
    ['ETIMEDOUT', 'unknown', 'no connection'],
    ['EHOSTUNREACH', 'unknown', 'no connection'],
    ['ECONNRESET', 'unknown', 'closed the connection'],
    ['UND_ERR_SOCKET', 'unknown', 'closed the connection'],
    ['CERT_HAS_EXPIRED', 'not-taken', 'NODE_EXTRA_CA_CERTS'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'not-taken', 'NODE_EXTRA_CA_CERTS'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'not-taken', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'not-taken', 'NODE_EXTRA_CA_CERTS'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'not-taken', 'TLS'],
    ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'unknown', 'TLS'],
    ['EPROTO', 'unknown', 'TLS'],
    ['EWHATEVER', 'unknown', 'EWHATEVER happened (EWHATEVER)'],
  ] as const)('after %s knows that it is %s and explains it', async ([code, state, words]) => {
    const result = await failingApi(fetchFailed(code)).post(telemetry);
    expect(result).toMatchObject({ state, reason: expect.stringContaining(words) as unknown });
    expect(JSON.stringify(result)).toContain('app.metrist.io');
  });

  test.for(['ETIMEDOUT', 'EHOSTUNREACH', 'ECONNRESET'])(
    'knows that nothing was sent where %s came of connecting, to any address of the name',
    async (code) => {
      const each = Object.assign(new Error(`connect ${code}`), { code, syscall: 'connect' });
      for (const cause of [each, Object.assign(new AggregateError([each, each]), { code })]) {
        const result = await failingApi(new TypeError('fetch failed', { cause })).post(telemetry);
        expect(result).toMatchObject({ state: 'not-taken' });
      }
    },
  );

  test.for(['EAI_AGAIN', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT'])(
    'takes %s for something that would take as long again',
    async (code) => {
      expect(await failingApi(fetchFailed(code)).post(telemetry)).toMatchObject({ isPointlessToRepeat: true });
    },
  );

  test('sends nothing to a server whose certificate nobody trusts', async (context) => {
    const tls = need(context, await makeCertificate(), 'the openssl command');
    const { standIn, api } = await start({}, { tls });
    expect(await api.post(failure)).toEqual({
      state: 'not-taken',
      reason: expect.stringContaining('NODE_EXTRA_CA_CERTS') as unknown,
    });
    expect(standIn.requests).toEqual([]);
  });

  describe('asked whether an error arrived', () => {
    test('says yes of one that Metrist shows and no of others', async () => {
      const { standIn, api } = await start();
      expect(await api.hasError(failure.body)).toBe(false);
      await api.post(failure);
      expect(await api.hasError(failure.body)).toBe(true);
      for (const other of [
        errorBody({ check_logical_name: 'DeleteUser' }),
        errorBody({ instance_name: 'eu-west-1' }),
        errorBody({ monitor_logical_name: 'awss3' }),
        errorBody({ time: '2026-11-22T10:00:03.312000' }),
        errorBody({ time: '2026-11-22T09:59:59.999000' }),
      ]) {
        expect(await api.hasError(other), JSON.stringify(other)).toBe(false);
      }
      expect(standIn.requests.at(-1)).toMatchObject({ method: 'GET', headers: { authorization: `Bearer ${token}` } });
    });

    test.for([
      ['an error of Metrist', { kind: 'answer', status: 500 }],
      ['a wrong token', { kind: 'answer', status: 403 }],
      ['a page of a proxy', { kind: 'answer', status: 200, body: '<html>Please log in</html>' }],
      ['an answer of something else', { kind: 'answer', status: 200, body: '{"data":[]}' }],
      ['a redirect', { kind: 'redirect', location: '/login' }],
      ['a lost connection', { kind: 'reset', when: 'after' }],
      ['no answer', { kind: 'hang' }],
    ] as const)('does not know after %s', async ([, misbehaviour]) => {
      const { standIn, api } = await start({ requestTimeoutMs: 200 });
      standIn.behave([misbehaviour]);
      expect(await api.hasError(failure.body)).toBeUndefined();
    });
  });
});
