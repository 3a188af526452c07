import { describe, expect, onTestFinished, test } from 'vitest';
import { type MetristStandIn, type MetristStandInOptions, startMetristStandIn } from './stand-in.ts';

const telemetry = {
  monitor_logical_name: 'awsiam',
  instance_name: 'aws:us-east-1',
  check_logical_name: 'CreateUser',
  value: 412.7,
  metadata: { 'metrist.source': 'monitor' },
};
const { value: _value, ...address } = telemetry;
const failure = {
  ...address,
  message: 'service: no',
  time: '2026-11-22T10:11:12.345000',
  blocked_steps: [] as unknown,
};

async function start(options: Partial<MetristStandInOptions> = {}): Promise<MetristStandIn> {
  const standIn = await startMetristStandIn({ token: 'right', ...options });
  onTestFinished(() => standIn.close());
  return standIn;
}

function post(
  standIn: MetristStandIn,
  kind: 'telemetry' | 'error',
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${standIn.url}/api/agent/${kind}`, {
    method: 'POST',
    headers: { authorization: 'Bearer right', 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

describe('the Metrist stand-in', () => {
  test('stores good results, without a leading aws:', async () => {
    const standIn = await start();
    const response = await post(standIn, 'telemetry', telemetry);
    expect([response.status, await response.text()]).toEqual([202, 'Accepted']);
    expect(response.headers.get('x-ratelimit-reset')).toBe('1');
    expect((await post(standIn, 'error', failure)).headers.get('x-ratelimit-reset')).toBeNull();
    expect(standIn.telemetry).toEqual([{ ...telemetry, instance_name: 'us-east-1' }]);
    expect(standIn.errors).toEqual([{ ...failure, instance_name: 'us-east-1' }]);
    expect([...standIn.swallowed, ...standIn.problems]).toEqual([]);
  });

  test('answers 403 to a wrong token and to none', async () => {
    const standIn = await start();
    for (const authorization of ['Bearer wrong', '']) {
      const response = await post(standIn, 'telemetry', telemetry, { authorization });
      expect([response.status, await response.json()]).toEqual([403, { error: 'Forbidden' }]);
    }
  });

  test('verifies a token', async () => {
    const standIn = await start();
    const response = await fetch(`${standIn.url}/api/v0/verify-auth`, { headers: { authorization: 'Bearer right' } });
    expect([response.status, await response.json()]).toEqual([200, 'ok']);
  });

  test.for([
    ['{', {}, 400],
    ['x'.repeat(8_000_001), {}, 413],
    [telemetry, { accept: 'text/html' }, 406],
  ] as const)('refuses a request that breaks the transport (%#)', async ([body, headers, status]) => {
    const standIn = await start();
    expect((await post(standIn, 'telemetry', body, { ...headers })).status).toBe(status);
    expect(standIn.telemetry).toEqual([]);
  });

  test('answers 404 for an unknown route', async () => {
    const standIn = await start();
    expect((await fetch(`${standIn.url}/api/v1/verify-auth`)).status).toBe(404);
  });

  test.for([
    ['value', null],
    ['value', '12'],
    ['value', undefined],
    ['check_logical_name', undefined],
    ['instance_name', 7],
    ['metadata', { a: true }],
    ['metadata', { a: null }],
    ['metadata', { a: { b: 1 } }],
    ['metadata', [1]],
  ] as const)('drops telemetry with %s = %o, although it answers 202', async ([field, value]) => {
    const standIn = await start();
    expect((await post(standIn, 'telemetry', { ...telemetry, [field]: value })).status).toBe(202);
    expect(standIn.telemetry).toEqual([]);
    expect(standIn.swallowed).toHaveLength(1);
  });

  test('sees no field in a body that is not declared as JSON', async () => {
    const standIn = await start();
    expect((await post(standIn, 'telemetry', telemetry, { 'content-type': 'text/plain' })).status).toBe(202);
    expect(standIn.swallowed).toHaveLength(1);
  });

  test.for([
    ['blocked_steps', undefined],
    ['blocked_steps', null],
    ['blocked_steps', [1]],
    ['message', null],
    ['time', undefined],
    ['time', '2026-11-22'],
    ['time', '2026-11-22t10:11:12.345000'],
    ['time', '2026-11-22T10:11:60.345000'],
    ['time', '2026-02-30T10:11:12.345000'],
    ['time', 1_795_342_272],
    ['metadata', { a: false }],
  ] as const)('answers 500 to an error with %s = %o', async ([field, value]) => {
    const standIn = await start();
    expect((await post(standIn, 'error', { ...failure, [field]: value })).status).toBe(500);
    expect(standIn.errors).toEqual([]);
  });

  test.for([
    ['time', '2026-11-22T10:11:12.345Z', 'never reaches the error list'],
    ['time', '2026-11-22 10:11:12', 'never reaches the error list'],
    ['time', '2026-11-22T10:11:12.345000+02:00', 'offset'],
    ['message', 'a\0b', 'NUL'],
    ['check_logical_name', 'x'.repeat(256), 'more than 255'],
    ['metadata', {}, 'metrist.source'],
    ['blocked_steps', ['CreateUser'], 'the failed step itself'],
  ] as const)('takes an error with %s = %o and notes what a user will miss', async ([field, value, problem]) => {
    const standIn = await start();
    expect((await post(standIn, 'error', { ...failure, [field]: value })).status).toBe(202);
    expect(standIn.problems).toEqual([expect.stringContaining(problem)]);
  });

  test('misbehaves for as many requests as planned', async () => {
    const standIn = await start();
    standIn.behave([
      { kind: 'answer', status: 429, headers: { 'x-ratelimit-reset': '1' } },
      { kind: 'reset', when: 'before' },
    ]);
    expect((await post(standIn, 'telemetry', telemetry)).status).toBe(429);
    await expect(post(standIn, 'telemetry', telemetry)).rejects.toThrow('fetch failed');
    expect(standIn.telemetry).toEqual([]);
    expect((await post(standIn, 'telemetry', telemetry)).status).toBe(202);
    expect(standIn.requests).toHaveLength(3);
  });

  test('stores a result before it loses the connection', async () => {
    const standIn = await start();
    standIn.behave([{ kind: 'reset', when: 'after' }]);
    await expect(post(standIn, 'telemetry', telemetry)).rejects.toThrow('fetch failed');
    expect(standIn.telemetry).toHaveLength(1);
  });

  test.for(['before', 'after'] as const)('holds a request %s storing it until the promise resolves', async (when) => {
    const standIn = await start();
    const arrival = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    standIn.behave(() => {
      arrival.resolve();
      return { kind: 'hold', when, until: release.promise };
    });
    const answer = post(standIn, 'telemetry', telemetry);
    await arrival.promise;
    await Promise.resolve();
    expect(standIn.telemetry).toHaveLength(when === 'before' ? 0 : 1);
    release.resolve();
    expect((await answer).status).toBe(202);
    expect(standIn.telemetry).toHaveLength(1);
  });

  test('closes while a request hangs', async () => {
    const standIn = await startMetristStandIn({ token: 'right' });
    const arrived = Promise.withResolvers<void>();
    standIn.behave(() => {
      arrived.resolve();
      return { kind: 'hang' };
    });
    await Promise.all([
      expect(post(standIn, 'telemetry', telemetry)).rejects.toThrow('fetch failed'),
      arrived.promise.then(() => standIn.close()),
    ]);
  });
});

describe('the Metrist stand-in, asked for errors', () => {
  const range = { from: '2026-11-22T10:00:00Z', to: '2026-11-22T11:00:00Z', 'm[]': 'awsiam' };

  async function ask(standIn: MetristStandIn, query: Record<string, string>): Promise<[number, unknown]> {
    const url = `${standIn.url}/api/v0/monitor-error?${new URLSearchParams(query).toString()}`;
    const response = await fetch(url, { headers: { authorization: 'Bearer right' } });
    return [response.status, await response.json()];
  }

  test('counts them by minute, check and instance', async () => {
    const standIn = await start();
    for (const second of ['01', '59']) {
      await post(standIn, 'error', { ...failure, time: `2026-11-22T10:11:${second}.345000` });
    }
    await post(standIn, 'error', { ...failure, time: '2026-11-22T10:12:00.000000', check_logical_name: 'DeleteUser' });
    const row = { monitor_logical_name: 'awsiam', instance: 'us-east-1' };
    expect(await ask(standIn, range)).toEqual([
      200,
      {
        entries: [
          { ...row, timestamp: '2026-11-22T10:11:00.000000Z', check: 'CreateUser', count: 2 },
          { ...row, timestamp: '2026-11-22T10:12:00.000000Z', check: 'DeleteUser', count: 1 },
        ],
        metadata: { cursor_after: null, cursor_before: null },
      },
    ]);
    expect(await ask(standIn, { ...range, limit: '1' })).toMatchObject([200, { entries: [{ count: 2 }] }]);
    expect(await ask(standIn, { ...range, 'c[]': 'DeleteUser' })).toMatchObject([200, { entries: [{ count: 1 }] }]);
    // Both ends belong to the range.
    const minute = { ...range, from: '2026-11-22T10:11:59.345Z', to: '2026-11-22T10:12:00Z' };
    expect(await ask(standIn, minute)).toMatchObject([200, { entries: [{ count: 1 }, { count: 1 }] }]);
    const others: Record<string, string>[] = [{ 'm[]': 'awss3' }, { 'i[]': 'eu-west-1' }, { only_shared: 'true' }];
    for (const other of others) {
      expect(await ask(standIn, { ...range, ...other })).toMatchObject([200, { entries: [] }]);
    }
  });

  test('does not list errors with fewer than six fraction digits', async () => {
    const standIn = await start();
    await post(standIn, 'error', { ...failure, time: '2026-11-22T10:11:12.345Z' });
    expect(standIn.errors).toHaveLength(1);
    expect(await ask(standIn, range)).toMatchObject([200, { entries: [] }]);
  });

  test('shows them after the configured time', async () => {
    let nowMs = 0;
    const standIn = await start({ msUntilErrorVisible: 1000, nowMs: () => nowMs });
    await post(standIn, 'error', failure);
    nowMs = 999;
    expect(await ask(standIn, range)).toMatchObject([200, { entries: [] }]);
    nowMs = 1000;
    expect(await ask(standIn, range)).toMatchObject([200, { entries: [{ count: 1 }] }]);
  });

  test.for([
    [{ from: '2026-11-22T10:00:00' }, '/from'],
    [{ to: '2026-11-22' }, '/to'],
    [{ to: 'tomorrow' }, '/to'],
    [{ limit: 'all' }, '/limit'],
    [{ n: '1' }, '/n'],
  ] as const)('refuses a query with %o', async ([parameter, pointer]) => {
    const standIn = await start();
    const [status, body] = await ask(standIn, { ...range, ...parameter });
    expect([status, body]).toMatchObject([422, { errors: [{ source: { pointer } }] }]);
  });

  test.for(['from', 'to', 'm[]'] as const)('refuses a query without %s', async (missing) => {
    const standIn = await start();
    const { [missing]: _, ...rest } = range;
    expect((await ask(standIn, rest))[0]).toBe(422);
  });
});
