import { describe, expect, test } from 'vitest';
import { createMonitorConfigBackend, type MonitorConfigBackendOptions } from './monitor-config-backend.ts';
import type { JsonObject } from './results-backend.ts';

const step = { check_logical_name: 'CreateUser', description: 'x', required: true, timeout_secs: 900 };
const good = {
  monitor_logical_name: 'awsiam',
  interval_secs: 120,
  run_groups: ['prod'],
  run_spec: { name: 'awsiam', run_type: 'exe' },
  steps: [step],
};

/** A backend, and requests of one account unless another one is named. */
function setUp(options: MonitorConfigBackendOptions = {}) {
  const backend = createMonitorConfigBackend(options);
  const request = (method: string, path: string, body: JsonObject = {}, account = 'a') =>
    backend.handle({ method, path: `/api/v0/${path}`, isJson: true, body, account });
  const list = (query = '', account = 'a') =>
    JSON.parse(request('GET', `monitor-config${query}`, {}, account)?.body ?? '') as JsonObject[];
  return { backend, request, list, post: (body: JsonObject) => request('POST', 'monitor-config', body) };
}

describe('the registrations of the stand-in', () => {
  test('come back with an id and without what Metrist does not store', () => {
    const { post, list } = setUp();
    const answer = post({ ...good, colour: 'red', extra_config: [{ name: 'Namespace', value: 'secret' }] });
    expect(answer).toMatchObject({ status: 202, headers: { 'content-type': 'text/plain; charset=utf-8' } });
    expect(list()).toEqual([
      {
        ...good,
        id: answer?.body,
        steps: [{ check_logical_name: 'CreateUser', timeout_secs: 900 }],
        extra_config: [{ name: 'Namespace', value: '<redacted>' }],
      },
    ]);
  });

  test('are added each time, even equal ones', () => {
    const { post, list } = setUp();
    post(good);
    post(good);
    expect(new Set(list().map(({ id }) => id)).size).toBe(2);
  });

  test.for([
    [{ steps: [{ check_logical_name: 'CreateUser' }] }, 'no timeout_secs'],
    [{ steps: [{ ...step, timeout_secs: '900' }] }, 'a string for timeout_secs'],
    [{ steps: [{ timeout_secs: 900 }] }, 'no check_logical_name'],
    [{ interval_secs: '120' }, 'interval_secs is a string'],
  ] as const)('with %o are not stored, although the answer is 202 with an id', ([overrides, loss]) => {
    const { backend, post, list } = setUp();
    const answer = post({ ...good, ...overrides });
    expect(answer).toMatchObject({ status: 202, body: expect.stringMatching(/^\w+$/) as unknown });
    expect(list()).toEqual([]);
    expect(backend.swallowed).toEqual([expect.stringContaining(loss)]);
  });

  test.for([
    [{ monitor_logical_name: undefined }, '/monitor_logical_name', 'Missing field: monitor_logical_name'],
    [{ steps: undefined }, '/steps', 'Missing field: steps'],
    [{ interval_secs: 1.5 }, '/interval_secs', 'Invalid integer. Got: number'],
    [{ interval_secs: null }, '/interval_secs', 'Invalid integer. Got: null'],
    [{ run_groups: ['a', 'a'] }, '/run_groups', 'Array items must be unique'],
    [{ run_spec: { run_type: 'awslambda' } }, '/run_spec/run_type', 'Invalid value for enum'],
    [{ steps: [{ ...step, timeout_secs: null }] }, '/steps/0/timeout_secs', 'Invalid integer. Got: null'],
    [{ steps: {} }, '/steps', 'Invalid array. Got: object'],
    [{ extra_config: null }, '/extra_config', 'Invalid array. Got: null'],
  ] as const)('are refused with %o', ([overrides, pointer, detail]) => {
    const { post } = setUp();
    const answer = post({ ...good, ...overrides });
    expect(answer?.status).toBe(422);
    expect(JSON.parse(answer?.body ?? '')).toEqual({
      errors: [{ title: 'Invalid value', source: { pointer }, detail }],
    });
  });

  test('without a run type break the backend', () => {
    expect(setUp().post({ ...good, run_spec: { name: 'awsiam' } })?.status).toBe(500);
  });

  test('are refused if they are not declared as JSON', () => {
    const { backend } = setUp();
    const path = '/api/v0/monitor-config';
    expect(backend.handle({ method: 'POST', path, isJson: false, body: {}, account: 'a' })?.status).toBe(422);
  });

  test('belong to one account', () => {
    const { post, request, list } = setUp();
    const id = post(good)?.body;
    expect(list('', 'b')).toEqual([]);
    expect(request('DELETE', `monitor-config/awsiam/${id}`, {}, 'b')).toMatchObject({ status: 200, body: 'OK' });
    expect(list()).toHaveLength(1);
  });

  test('can be listed only by monitor', () => {
    const { post, request, list } = setUp();
    post(good);
    expect(list('?monitor=awsiam')).toHaveLength(1);
    expect(list('?monitor=other')).toEqual([]);
    expect(request('GET', 'monitor-config?m=awsiam')?.status).toBe(422);
  });

  test('are removed with the same OK that unknown ones get', () => {
    const { post, request, list } = setUp();
    const id = post(good)?.body;
    for (const path of ['awsiam/unknown', `other/${id}`]) {
      expect(request('DELETE', `monitor-config/${path}`)).toMatchObject({ status: 200, body: 'OK' });
    }
    expect(list()).toHaveLength(1);
    expect(request('DELETE', `monitor-config/${id}`)).toBeUndefined();
    request('DELETE', `monitor-config/awsiam/${id}`);
    expect(list()).toEqual([]);
  });

  test('appear and disappear some reads later', () => {
    const { post, request, list } = setUp({ readsUntilVisible: 2 });
    const id = post(good)?.body;
    expect([list().length, list().length, list().length]).toEqual([0, 0, 1]);
    request('DELETE', `monitor-config/awsiam/${id}`);
    expect([list().length, list().length, list().length]).toEqual([1, 1, 0]);
  });

  test('appear some time later', () => {
    let nowMs = 0;
    const { post, list } = setUp({ msUntilVisible: 500, nowMs: () => nowMs });
    post(good);
    expect(list()).toEqual([]);
    nowMs = 500;
    expect(list()).toHaveLength(1);
  });
});

describe('the states of the stand-in', () => {
  test('are returned for the monitors in the query, if they are known', () => {
    const { backend, request } = setUp();
    const status = { state: 'up', last_checked: '2026-11-22T10:00:00Z' };
    backend.setStatus('a', 'awsiam', status);
    const answer = request('GET', 'monitor-status?m%5B%5D=awsiam&m[]=unknown');
    expect(JSON.parse(answer?.body ?? '')).toEqual([{ monitor_logical_name: 'awsiam', ...status }]);
    expect(request('GET', 'monitor-status?m[]=awsiam', {}, 'b')?.body).toBe('[]');
  });

  test.for(['', '?m=awsiam', '?m[]=awsiam&x=1'])('are refused for the query %o', (query) => {
    expect(setUp().request('GET', `monitor-status${query}`)?.status).toBe(422);
  });
});
