import { describe, expect, test } from 'vitest';
import { MetristError } from '../request.ts';
import { register, type RegistrationEvent, removeAndConfirm } from './register.ts';
import { planRegistration } from './registration-plan.ts';
import type { StoredMonitorConfig } from './stored-monitor-config.ts';
import { monitorConfig, storedMonitorConfig } from '../testing/builders.ts';
import { fakeApi, type FakeApiOptions, fakeTime } from '../testing/fake-api.ts';

const wanted = monitorConfig();
const fresh = storedMonitorConfig({ id: 'new' });
const old = storedMonitorConfig({ id: 'old', interval_secs: 300 });
const copy = storedMonitorConfig({ id: 'copy' });

/** Carries out the plan for what is registered before. */
function setUp(before: readonly StoredMonitorConfig[], options: FakeApiOptions) {
  const api = fakeApi(options);
  const events: RegistrationEvent[] = [];
  const time = fakeTime();
  const run = () =>
    register(planRegistration(wanted, before), api, { ...time, onEvent: (event) => void events.push(event) });
  return { api, events, time, run };
}

describe('register', () => {
  test('changes nothing and sends nothing if an equal registration exists', async () => {
    const { api, events, run } = setUp([copy], {});
    await run();
    expect(events).toEqual([{ kind: 'kept', id: 'copy' }]);
    expect(api.calls).toEqual([]);
  });

  test('creates what does not exist, and is done only when Metrist shows it', async () => {
    const { api, events, run } = setUp([], { list: (times) => (times < 2 ? [] : [fresh]) });
    await run();
    expect(events).toEqual([{ kind: 'registered', id: 'new' }]);
    expect(api.calls).toEqual(['create', 'list', 'list', 'list']);
  });

  test('replaces what differs: creates, reads, removes, reads', async () => {
    const { api, events, run } = setUp([old], {
      list: (times) => [[old], [old, fresh], [old, fresh], [fresh]][times] ?? [],
    });
    await run();
    expect(events).toEqual([
      { kind: 'registered', id: 'new' },
      { kind: 'removed', id: 'old', why: 'interval_secs 300 instead of 120' },
    ]);
    expect(api.calls).toEqual(['create', 'list', 'list', 'remove old', 'list', 'list']);
  });

  test('removes duplicates and creates nothing', async () => {
    const { api, events, run } = setUp([copy, fresh], { list: () => [copy] });
    await run();
    expect(events).toEqual([
      { kind: 'kept', id: 'copy' },
      { kind: 'removed', id: 'new', why: 'a duplicate' },
    ]);
    expect(api.calls).toEqual(['remove new', 'list']);
  });

  test('removes nothing if the new one does not show up, and says what was left unchanged', async () => {
    const { api, events, run } = setUp([old], { list: () => [old] });
    await expect(run()).rejects.toThrow(
      'Metrist took the registration as new but does not show it: it may not have stored it. Nothing was removed; still registered: old.',
    );
    expect(events).toEqual([]);
    expect(new Set(api.calls)).toEqual(new Set(['create', 'list']));
  });

  test('removes nothing if Metrist shows something else than was sent', async () => {
    const { api, run } = setUp([old], { list: () => [old, { ...fresh, steps: [] }] });
    await expect(run()).rejects.toThrow('does not show it');
    expect(api.calls).not.toContain('remove old');
  });

  test.for([undefined, 502, 504])(
    'finds a registration that arrived although its answer was lost (%s)',
    async (status) => {
      const create = () => new MetristError('no answer', status === undefined ? {} : { status });
      const { api, events, run } = setUp([], { create, list: (times) => (times === 0 ? [] : [fresh]) });
      await run();
      expect(events).toEqual([{ kind: 'registered', id: 'new' }]);
      expect(api.calls).toEqual(['create', 'list', 'list']);
    },
  );

  test('does not send a registration again that did not arrive', async () => {
    const { api, run } = setUp([old], { create: () => new MetristError('no answer'), list: () => [old] });
    await expect(run()).rejects.toThrow(
      'no answer; Metrist shows no new registration. Nothing was removed; still registered: old.',
    );
    expect(api.calls.filter((call) => call !== 'list')).toEqual(['create']);
  });

  test.for([403, 422, 429, 500])('does not look for a registration that was refused with %d', async (status) => {
    const { api, run } = setUp([old], { create: () => new MetristError('refused', { status }) });
    await expect(run()).rejects.toThrow('refused');
    expect(api.calls).toEqual(['create']);
  });

  test('reports the new one even if the old one cannot be removed', async () => {
    const remove = () => new MetristError('HTTP 500', { status: 500 });
    const { events, run } = setUp([old], { remove, list: () => [old, fresh] });
    await expect(run()).rejects.toThrow(/still shows old .*\(HTTP 500\)/);
    expect(events).toEqual([{ kind: 'registered', id: 'new' }]);
  });

  test('does not touch what somebody else registers at the same time, but reports it', async () => {
    const stranger = storedMonitorConfig({ id: 'stranger', interval_secs: 60 });
    const { api, events, run } = setUp([], { list: () => [fresh, stranger] });
    await run();
    expect(events).toEqual([
      { kind: 'registered', id: 'new' },
      { kind: 'appeared', id: 'stranger' },
    ]);
    expect(api.calls).toEqual(['create', 'list']);
  });

  test('does not mistake an equal registration of somebody else for its own', async () => {
    const { events, run } = setUp([], { list: (times) => (times === 0 ? [copy] : [copy, fresh]) });
    await run();
    expect(events).toEqual([
      { kind: 'registered', id: 'new' },
      { kind: 'appeared', id: 'copy' },
    ]);
  });

  test('fails if the new one is gone after the old ones were removed', async () => {
    const { run } = setUp([old], { list: (times) => (times === 0 ? [old, fresh] : []) });
    await expect(run()).rejects.toThrow('does not confirm');
  });
});

describe('register, while it waits for Metrist to show the change,', () => {
  test('looks again with growing pauses', async () => {
    const { time, run } = setUp([], { list: (times) => (times < 7 ? [] : [fresh]) });
    await run();
    expect(time.waitsMs).toEqual([100, 200, 400, 800, 1600, 3000, 3000]);
  });

  test('gives up at the deadline, after a last look', async () => {
    const { api, time, run } = setUp([], { list: () => [] });
    await expect(run()).rejects.toThrow('does not show it');
    expect(time.clock.elapsedMs()).toBe(30_000);
    expect(api.calls).toHaveLength(1 + time.waitsMs.length + 1);
  });

  test.for([undefined, 429, 500, 503])('looks again after a temporary failure (%s)', async (status) => {
    const failure = new MetristError('no', { status });
    const { events, run } = setUp([], { list: (times) => (times === 0 ? failure : [fresh]) });
    await run();
    expect(events).toEqual([{ kind: 'registered', id: 'new' }]);
  });

  test('does not look again if the failure is not temporary', async () => {
    const { api, run } = setUp([], { list: () => new MetristError('wrong token', { status: 403 }) });
    await expect(run()).rejects.toThrow('wrong token');
    expect(api.calls).toEqual(['create', 'list']);
  });

  test('gives each request the time that is left, but at least a second', async () => {
    const { api, run } = setUp([], { list: () => [] });
    await expect(run()).rejects.toThrow('does not show it');
    expect(api.timeouts[0]).toBe(30_000);
    expect(api.timeouts.at(-1)).toBe(1000);
  });

  test.for([
    ['a request', (stop: AbortController): void => stop.abort(new Error('stopped'))],
    ['a pause', (stop: AbortController): void => void setTimeout(() => stop.abort(new Error('stopped')), 20)],
  ] as const)('ends with its signal, during %s', async ([, abort]) => {
    const stop = new AbortController();
    const list = (): StoredMonitorConfig[] => {
      abort(stop);
      return [];
    };
    const plan = planRegistration(wanted, []);
    const registering = register(plan, fakeApi({ list }), { signal: stop.signal, onEvent: () => {} });
    await expect(registering).rejects.toThrow(/stopped|aborted/);
  });
});

const [a, b, c] = ['a', 'b', 'c'].map((id) => storedMonitorConfig({ id })) as [never, never, never];

function setUpRemoval(options: FakeApiOptions, remainingId?: string) {
  const api = fakeApi(options);
  const removal = { monitor: 'awsiam', ids: ['a', 'b'], ...(remainingId !== undefined && { remainingId }) };
  return { api, run: () => removeAndConfirm(api, removal, fakeTime()) };
}

describe('removeAndConfirm', () => {
  test('removes each and looks until they are gone', async () => {
    const { api, run } = setUpRemoval({ list: (times) => [[a, b, c], [b, c], [c]][times] ?? [] });
    expect(await run()).toEqual([c]);
    expect(api.calls).toEqual(['remove a', 'remove b', 'list', 'list', 'list']);
  });

  test('looks until Metrist also shows what has to remain', async () => {
    const { api, run } = setUpRemoval({ list: (times) => (times === 0 ? [] : [c]) }, 'c');
    expect(await run()).toEqual([c]);
    expect(api.calls.slice(2)).toEqual(['list', 'list']);
  });

  test('succeeds if the answer was lost but the registration is gone', async () => {
    const { run } = setUpRemoval({ remove: () => new MetristError('connection closed'), list: () => [c] });
    expect(await run()).toEqual([c]);
  });

  test('names what still exists, and why', async () => {
    const { run } = setUpRemoval({
      remove: (id) => (id === 'b' ? new MetristError('no answer') : undefined),
      list: () => [b],
    });
    await expect(run()).rejects.toThrow(/^Metrist still shows b as registrations of awsiam \(no answer\)/);
  });

  test('does not claim that something is gone if it could not look', async () => {
    const { run } = setUpRemoval({ list: () => new MetristError('HTTP 500', { status: 500 }) });
    await expect(run()).rejects.toThrow('Metrist does not confirm which registrations of awsiam there are');
  });

  test('stops at a refusal', async () => {
    const { api, run } = setUpRemoval({ remove: () => new MetristError('wrong token', { status: 403 }) });
    await expect(run()).rejects.toThrow('wrong token');
    expect(api.calls).toEqual(['remove a']);
  });
});
