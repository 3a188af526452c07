import { describe, expect, onTestFinished, test } from 'vitest';
import { type MetristApi, createMetristApi } from './api.ts';
import type { MetristClientOptions } from '../request.ts';
import { errorBody, telemetryBody } from '../testing/builders.ts';
import { type MetristStandIn, startMetristStandIn } from '../testing/stand-in.ts';

const token = 'k3v0test0token';
const telemetry = { kind: 'telemetry', body: telemetryBody() } as const;
const failure = { kind: 'error', body: errorBody() } as const;

async function start(
  options: Partial<MetristClientOptions> = {},
): Promise<{ standIn: MetristStandIn; api: MetristApi }> {
  const standIn = await startMetristStandIn({ token });
  onTestFinished(() => standIn.close());
  return { standIn, api: createMetristApi({ baseUrl: standIn.url, token, userAgent: 'awsiam/0.1.0', ...options }) };
}

/** A client whose `fetch` fails with an error of this code. */
function failingApi(code: string): MetristApi {
  const cause = Object.assign(new Error(`${code} happened`), { code });
  const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }));
  return createMetristApi({ baseUrl: 'https://app.metrist.io', token, userAgent: 'awsiam/0.1.0', fetch });
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
      reason: 'not sent, Metrist would drop it: a bug of this monitor',
    });
    expect(standIn.requests).toEqual([]);
  });

  test.for([
    [403, {}, { state: 'denied' }, 'METRIST_API_TOKEN'],
    [413, {}, { state: 'refused' }, 'too large'],
    [400, {}, { state: 'denied' }, 'a bug of this monitor'],
    [404, {}, { state: 'denied' }, 'not what the Metrist API answers'],
    [302, { location: '/login' }, { state: 'denied' }, 'a redirect'],
    [429, {}, { state: 'not-taken' }, 'too many results'],
    [429, { 'x-ratelimit-reset': '1' }, { state: 'not-taken', retryAfterMs: 1000 }, 'too many results'],
    [429, { 'x-ratelimit-reset': 'soon' }, { state: 'not-taken' }, 'too many results'],
    [500, {}, { state: 'not-taken' }, 'Metrist failed'],
    [503, {}, { state: 'not-taken' }, 'Metrist failed'],
    [502, {}, { state: 'unknown' }, 'Metrist failed'],
    [504, {}, { state: 'unknown' }, 'Metrist failed'],
    [524, {}, { state: 'unknown' }, 'Metrist failed'],
    [408, {}, { state: 'unknown' }, 'not what the Metrist API answers'],
    [200, {}, { state: 'unknown', isPointlessToRepeat: true }, 'not what the Metrist API answers'],
    [204, {}, { state: 'unknown', isPointlessToRepeat: true }, 'not what the Metrist API answers'],
  ] as const)('understands HTTP %s with %o as %o and says what to do', async ([status, headers, outcome, words]) => {
    const { standIn, api } = await start();
    standIn.behave([{ kind: 'answer', status, headers: { ...headers } }]);
    const result = await api.post(telemetry);
    expect(result).toEqual({ ...outcome, status, reason: expect.stringContaining(words) as unknown });
    expect(standIn.requests).toHaveLength(1);
  });

  test('reports a request without an answer as unknown, and as pointless to repeat at once', async () => {
    const { standIn, api } = await start({ requestTimeoutMs: 50 });
    standIn.behave([{ kind: 'hang' }]);
    expect(await api.post(telemetry)).toEqual({
      state: 'unknown',
      isPointlessToRepeat: true,
      reason: expect.stringContaining('no answer from 127.0.0.1') as unknown,
    });
  });

  test('waits for a slow answer', async () => {
    const { standIn, api } = await start();
    standIn.behave([{ kind: 'slow', delayMs: 20 }]);
    expect(await api.post(telemetry)).toEqual({ state: 'accepted' });
  });

  test('treats a 202 as accepted even if the rest of the answer is cut off', async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('cut off')) });
    const fetch = () => Promise.resolve(new Response(body, { status: 202 }));
    expect(await (await start({ fetch })).api.post(telemetry)).toEqual({ state: 'accepted' });
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

  test.for([
    ['ECONNREFUSED', { state: 'not-taken' }],
    ['UND_ERR_CONNECT_TIMEOUT', { state: 'not-taken', isPointlessToRepeat: true }],
    ['UND_ERR_HEADERS_TIMEOUT', { state: 'unknown', isPointlessToRepeat: true }],
    ['ECONNRESET', { state: 'unknown' }],
  ] as const)('after %s returns %o and the reason', async ([code, outcome]) => {
    const reason = expect.stringContaining('app.metrist.io') as unknown;
    expect(await failingApi(code).post(telemetry)).toEqual({ ...outcome, reason });
  });

  describe('asked whether an error arrived', () => {
    test('says yes for an error that Metrist shows and no for others', async () => {
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
