import { describe, expect, onTestFinished, test } from 'vitest';
import { type MetristApi, type MetristApiOptions, createMetristApi } from './api.ts';
import { errorBody, telemetryBody } from './testing/builders.ts';
import { type Misbehaviour, type MetristStandIn, startMetristStandIn } from './testing/stand-in.ts';

const token = 'k3v0test0token';
const telemetry = telemetryBody();
const failure = errorBody();

async function start(options: Partial<MetristApiOptions> = {}): Promise<{ standIn: MetristStandIn; api: MetristApi }> {
  const standIn = await startMetristStandIn({ token });
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
    expect(await api.postTelemetry(telemetry)).toEqual({ state: 'accepted' });
    expect(await api.postError(failure)).toEqual({ state: 'accepted' });
    expect(standIn.telemetry).toEqual([telemetry]);
    expect(standIn.errors).toEqual([failure]);
    expect(standIn.requests[0]).toMatchObject({
      method: 'POST',
      path: '/api/agent/telemetry',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'user-agent': 'awsiam/0.1.0' },
    });
  });

  test('does not send what Metrist would silently drop', async () => {
    const { standIn, api } = await start();
    expect(await api.postTelemetry({ ...telemetry, value: Number.NaN })).toEqual({
      state: 'rejected',
      reason: 'not sent, Metrist would drop it: value must be a finite number',
    });
    expect(standIn.requests).toEqual([]);
  });

  test('names the variable of a wrong token, never the token', async () => {
    const { api } = await start({ token: 'wrong0token' });
    const result = await api.postTelemetry(telemetry);
    expect(result).toMatchObject({
      state: 'rejected',
      status: 403,
      reason: expect.stringContaining('METRIST_API_TOKEN') as unknown,
    });
    expect(JSON.stringify(result)).not.toContain('wrong0token');
  });

  test.for([
    [{ kind: 'answer', status: 413 }, 413, 'too large'],
    [{ kind: 'answer', status: 429 }, 429, 'too many results'],
    [{ kind: 'answer', status: 429, headers: { 'x-ratelimit-reset': '1' } }, 429, 'too many results'],
    [{ kind: 'answer', status: 500, body: 'Internal Server Error' }, 500, 'Metrist failed'],
    [{ kind: 'answer', status: 502 }, 502, 'Metrist failed'],
    [{ kind: 'answer', status: 400 }, 400, 'a bug of this monitor'],
    [{ kind: 'answer', status: 404 }, 404, 'not the Metrist API'],
    [{ kind: 'answer', status: 200, body: '<html>Please log in</html>' }, 200, 'not the Metrist API'],
    [
      { kind: 'redirect', location: 'https://elsewhere.example/login?x=1' },
      302,
      'a redirect to https://elsewhere.example;',
    ],
    [{ kind: 'redirect', location: '/login' }, 302, 'a redirect to another place;'],
  ] as const satisfies [Misbehaviour, number, string][])(
    'rejects after %o and says what to do',
    async ([misbehaviour, status, words]) => {
      const { standIn, api } = await start();
      standIn.behave([misbehaviour]);
      const result = await api.postTelemetry(telemetry);
      expect(result).toEqual({ state: 'rejected', status, reason: expect.stringContaining(words) as unknown });
      expect(standIn.requests).toHaveLength(1);
    },
  );

  test('waits no longer than its timeout for an answer', async () => {
    const { standIn, api } = await start({ requestTimeoutMs: 50 });
    standIn.behave([{ kind: 'hang' }]);
    expect(await api.postTelemetry(telemetry)).toEqual({
      state: 'unreachable',
      reason: expect.stringMatching(/^no answer from 127\.0\.0\.1:\d+ within 0\.05 s/) as unknown,
    });
  });

  test('waits for a slow answer', async () => {
    const { standIn, api } = await start();
    standIn.behave([{ kind: 'slow', delayMs: 20 }]);
    expect(await api.postTelemetry(telemetry)).toEqual({ state: 'accepted' });
  });

  test('ends a request when its caller gives up', async () => {
    const { standIn, api } = await start();
    const caller = new AbortController();
    standIn.behave(() => {
      caller.abort();
      return { kind: 'hang' };
    });
    expect(await api.postError(failure, { signal: caller.signal })).toMatchObject({
      state: 'unreachable',
      reason: expect.stringContaining('gave up') as unknown,
    });
  });

  test('sends nothing twice when the connection is lost', async () => {
    const { standIn, api } = await start();
    standIn.behave([{ kind: 'reset', when: 'after' }]);
    expect(await api.postError(failure)).toMatchObject({
      state: 'unreachable',
      reason: expect.stringContaining('closed the connection') as unknown,
    });
    expect(standIn.errors).toHaveLength(1);
  });

  test('says that nobody listens', async () => {
    const { standIn, api } = await start();
    await standIn.close();
    onTestFinished(() => {});
    expect(await api.postTelemetry(telemetry)).toMatchObject({
      state: 'unreachable',
      reason: expect.stringContaining('refused the connection') as unknown,
    });
  });

  test.for([
    ['ENOTFOUND', 'does not resolve'],
    ['EAI_AGAIN', 'does not resolve'],
    ['UND_ERR_CONNECT_TIMEOUT', 'no connection'],
    ['EHOSTUNREACH', 'no connection'],
    ['CERT_HAS_EXPIRED', 'NODE_EXTRA_CA_CERTS'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'NODE_EXTRA_CA_CERTS'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS'],
    ['EWHATEVER', 'EWHATEVER happened (EWHATEVER)'],
  ] as const)('explains %s', async ([code, words]) => {
    const result = await failingApi(fetchFailed(code)).postTelemetry(telemetry);
    expect(result).toEqual({ state: 'unreachable', reason: expect.stringContaining(words) as unknown });
    expect(JSON.stringify(result)).toContain('app.metrist.io');
  });

  test('masks the token in whatever fetch says about it', async () => {
    const result = await failingApi(new TypeError(`"Bearer ${token}" is an invalid header value.`)).postTelemetry(
      telemetry,
    );
    expect(result).toMatchObject({ state: 'unreachable', reason: expect.stringContaining('"Bearer ***"') as unknown });
  });
});
