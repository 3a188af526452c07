import { describe, expect, onTestFinished, test } from 'vitest';
import { MetristError } from '../request.ts';
import { createMonitorConfigApi } from './monitor-config-api.ts';
import { monitorConfig } from '../testing/builders.ts';
import { type Misbehaviour, startMetristStandIn } from '../testing/stand-in.ts';

const token = 'k3v0test0token';

async function start(options: Partial<Parameters<typeof createMonitorConfigApi>[0]> = {}) {
  const standIn = await startMetristStandIn({ token, otherTokens: ['other0token'] });
  onTestFinished(() => standIn.close());
  const api = createMonitorConfigApi({ baseUrl: standIn.url, token, userAgent: 'awsiam/0.1.0', ...options });
  return { standIn, api };
}

describe('createMonitorConfigApi', () => {
  test('creates, lists and removes registrations', async () => {
    const { standIn, api } = await start();
    const id = await api.create(monitorConfig());
    expect(id).toMatch(/^[\dA-Za-z]+$/);
    expect(await api.list('awsiam')).toMatchObject([{ id, interval_secs: 120, run_groups: ['prod'] }]);
    await api.remove('awsiam', id);
    expect(await api.list('awsiam')).toEqual([]);
    expect(standIn.monitorConfigs.swallowed).toEqual([]);
  });

  test('sends requests in the form that Metrist expects', async () => {
    const { standIn, api } = await start();
    const id = await api.create(monitorConfig());
    await api.remove('awsiam', id);
    expect(standIn.requests).toMatchObject([
      {
        method: 'POST',
        path: '/api/v0/monitor-config',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'user-agent': 'awsiam/0.1.0' },
      },
      { method: 'DELETE', path: `/api/v0/monitor-config/awsiam/${id}` },
    ]);
    expect(JSON.parse(standIn.requests[0]?.body ?? '')).toEqual(monitorConfig());
  });

  test('lists only those of the monitor and of the account', async () => {
    const { standIn, api } = await start();
    const { monitorConfigs } = standIn;
    monitorConfigs.seed(token, { ...monitorConfig(), monitor_logical_name: 'other' });
    monitorConfigs.seed('other0token', { ...monitorConfig() });
    expect(await api.list('awsiam')).toEqual([]);
    expect(await api.list('other')).toHaveLength(1);
  });

  test('does not take registrations of another monitor for its own, whatever Metrist answers', async () => {
    const { standIn, api } = await start();
    const others = [{ ...monitorConfig(), id: 'a', monitor_logical_name: 'other' }];
    standIn.behave([{ kind: 'answer', status: 200, body: JSON.stringify(others) }]);
    expect(await api.list('awsiam')).toEqual([]);
  });

  test("reads a monitor's state, or that there is none", async () => {
    const { standIn, api } = await start();
    expect(await api.status('awsiam')).toBeUndefined();
    const status = { state: 'up', last_checked: '2026-11-22T10:00:00Z' };
    standIn.monitorConfigs.setStatus(token, 'awsiam', status);
    expect(await api.status('awsiam')).toEqual({ monitor_logical_name: 'awsiam', ...status });
  });

  test('names the variable of a wrong token, never the token', async () => {
    const { api } = await start({ token: 'wrong0token' });
    const error = await api.list('awsiam').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(MetristError);
    expect(error).toMatchObject({ status: 403, message: expect.stringContaining('METRIST_API_TOKEN') as unknown });
    expect(String(error)).not.toContain('wrong0token');
  });

  test("passes on the API's own words about what it does not accept", async () => {
    const { standIn, api } = await start();
    const errors = [
      { title: 'Invalid value', source: { pointer: '/run_spec/run_type' }, detail: 'Invalid value for enum' },
      { title: 'Invalid value', source: { pointer: '/steps' }, detail: 'Missing field:\u001B[31m steps' },
    ];
    standIn.behave([{ kind: 'answer', status: 422, body: JSON.stringify({ errors }) }]);
    await expect(api.create(monitorConfig())).rejects.toThrow(
      [
        'Metrist does not accept this:',
        '- /run_spec/run_type: Invalid value for enum',
        '- /steps: Missing field:␛[31m steps',
      ].join('\n'),
    );
  });

  test.for([
    [{ kind: 'answer', status: 200, body: '<html>Please log in</html>' }, 200, 'not what the Metrist API answers'],
    [{ kind: 'answer', status: 200, body: '{"data":[]}' }, 200, 'not what the Metrist API answers'],
    [{ kind: 'answer', status: 202, body: '[]' }, 202, 'not what the Metrist API answers'],
    [{ kind: 'answer', status: 400 }, 400, 'not what the Metrist API answers'],
    [{ kind: 'answer', status: 404 }, 404, 'METRIST_API_HOST'],
    [{ kind: 'answer', status: 422, body: 'nonsense' }, 422, '- nonsense'],
    [{ kind: 'answer', status: 429 }, 429, 'too many requests'],
    [{ kind: 'answer', status: 500 }, 500, 'Metrist failed'],
    [{ kind: 'answer', status: 503 }, 503, 'Metrist failed'],
    [{ kind: 'redirect', location: 'https://elsewhere.example/login' }, 302, 'a redirect to https://elsewhere.example'],
  ] as const satisfies [Misbehaviour, number, string][])('explains %o', async ([misbehaviour, status, words]) => {
    const { standIn, api } = await start();
    for (const request of [() => api.list('awsiam'), () => api.status('awsiam')]) {
      standIn.behave([misbehaviour]);
      await expect(request()).rejects.toMatchObject({ status, message: expect.stringContaining(words) as unknown });
    }
    expect(standIn.requests).toHaveLength(2);
  });

  test('refuses an answer that is not an id, and any status but 202', async () => {
    const { standIn, api } = await start();
    for (const [status, body] of [
      [202, '<html>'],
      [202, ''],
      [200, '11y9YlrWxXf39mRWIrhFtPl'],
    ] as const) {
      standIn.behave([{ kind: 'answer', status, body }]);
      await expect(api.create(monitorConfig())).rejects.toThrow('not what the Metrist API answers');
    }
  });

  test('waits no longer than its own time limit, or the shorter one of a call', async () => {
    const { standIn, api } = await start({ requestTimeoutMs: 50 });
    standIn.behave(() => ({ kind: 'hang' }));
    await expect(api.list('awsiam')).rejects.toThrow('within 0.05 s');
    await expect(api.list('awsiam', 20)).rejects.toThrow('within 0.02 s');
  });

  test('ends a request when its caller gives up', async () => {
    const caller = new AbortController();
    const { standIn, api } = await start({ signal: caller.signal });
    standIn.behave(() => {
      caller.abort();
      return { kind: 'hang' };
    });
    await expect(api.list('awsiam')).rejects.toThrow('gave up');
  });

  test('sends nothing twice when the connection is lost', async () => {
    const { standIn, api } = await start();
    standIn.behave([{ kind: 'reset', when: 'after' }]);
    await expect(api.create(monitorConfig())).rejects.toMatchObject({ status: undefined, isAnswerLost: true });
    expect(standIn.monitorConfigs.stored(token)).toHaveLength(1);
  });
});
