import { describe, expect, test } from 'vitest';
import { MetristError } from './monitor-config-api.ts';
import { register, type RegistrationEvent, removeAndConfirm } from './register.ts';
import { planRegistration } from './registration-plan.ts';
import type { StoredMonitorConfig } from './stored-monitor-config.ts';
import { monitorConfig, storedMonitorConfig } from '../testing/config-builders.ts';
import { fakeApi, type FakeApiOptions } from '../testing/fake-api.ts';
import { fakeClock } from '../testing/fake-clock.ts';

const wanted = monitorConfig();
const fresh = storedMonitorConfig({ id: 'new' });
const old = storedMonitorConfig({ id: 'old', interval_secs: 300 });
const copy = storedMonitorConfig({ id: 'copy' });

/** Carries out the plan for what is registered before. */
function setUp(before: readonly StoredMonitorConfig[], options: FakeApiOptions) {
  const api = fakeApi(options);
  const events: RegistrationEvent[] = [];
  const time = fakeClock();
  const run = () =>
    register(planRegistration(wanted, before), api, { ...time, onEvent: (event) => void events.push(event) });
  return { api, events, run };
}

describe('register', () => {
  test('changes nothing and asks nobody where one equal registration is there', async () => {
    const { api, events, run } = setUp([copy], {});
    await run();
    expect(events).toEqual([{ kind: 'kept', id: 'copy' }]);
    expect(api.calls).toEqual([]);
  });

  test('makes what is not there, and believes only what it reads', async () => {
    const { api, events, run } = setUp([], { list: (times) => (times < 2 ? [] : [fresh]) });
    await run();
    expect(events).toEqual([{ kind: 'registered', id: 'new' }]);
    expect(api.calls).toEqual(['create', 'list', 'list', 'list']);
  });

  test('replaces what differs: makes, reads, removes, reads', async () => {
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

  test('removes duplicates and makes nothing', async () => {
    const { api, events, run } = setUp([copy, fresh], { list: () => [copy] });
    await run();
    expect(events).toEqual([
      { kind: 'kept', id: 'copy' },
      { kind: 'removed', id: 'new', why: 'a duplicate' },
    ]);
    expect(api.calls).toEqual(['remove new', 'list']);
  });

  test('removes nothing where the new one does not show up, and says what stands', async () => {
    const { api, events, run } = setUp([old], { list: () => [old] });
    await expect(run()).rejects.toThrow(
      'Metrist took the registration as new but does not show it: it may not have stored it. Nothing was removed: old as before.',
    );
    expect(events).toEqual([]);
    expect(new Set(api.calls)).toEqual(new Set(['create', 'list']));
  });

  test('removes nothing where what shows up is not what was sent', async () => {
    const { api, run } = setUp([old], { list: () => [old, { ...fresh, steps: [] }] });
    await expect(run()).rejects.toThrow('does not show it');
    expect(api.calls).not.toContain('remove old');
  });

  test.for([undefined, 502, 504])('finds what arrived although its answer was lost (%s)', async (status) => {
    const create = () => new MetristError('no answer', status === undefined ? {} : { status });
    const { api, events, run } = setUp([], { create, list: (times) => (times === 0 ? [] : [fresh]) });
    await run();
    expect(events).toEqual([{ kind: 'registered', id: 'new' }]);
    expect(api.calls).toEqual(['create', 'list', 'list']);
  });

  test('does not send again what did not arrive', async () => {
    const { api, run } = setUp([old], { create: () => new MetristError('no answer'), list: () => [old] });
    await expect(run()).rejects.toThrow(
      'no answer; Metrist shows no new registration. Nothing was removed: old as before.',
    );
    expect(api.calls.filter((call) => call !== 'list')).toEqual(['create']);
  });

  test.for([403, 422, 429, 500])('does not look for what was refused with %d', async (status) => {
    const { api, run } = setUp([old], { create: () => new MetristError('refused', { status }) });
    await expect(run()).rejects.toThrow('refused');
    expect(api.calls).toEqual(['create']);
  });

  test('has told of the new one when the old one cannot be removed', async () => {
    const remove = () => new MetristError('HTTP 500', { status: 500 });
    const { events, run } = setUp([old], { remove, list: () => [old, fresh] });
    await expect(run()).rejects.toThrow(/still shows old .*\(HTTP 500\)/);
    expect(events).toEqual([{ kind: 'registered', id: 'new' }]);
  });

  test('does not touch what somebody else registers at the same time, but tells', async () => {
    const stranger = storedMonitorConfig({ id: 'stranger', interval_secs: 60 });
    const { api, events, run } = setUp([], { list: () => [fresh, stranger] });
    await run();
    expect(events).toEqual([
      { kind: 'registered', id: 'new' },
      { kind: 'appeared', id: 'stranger' },
    ]);
    expect(api.calls).toEqual(['create', 'list']);
  });

  test('does not take what somebody else registers alike for its own', async () => {
    const { events, run } = setUp([], { list: (times) => (times === 0 ? [copy] : [copy, fresh]) });
    await run();
    expect(events).toEqual([
      { kind: 'registered', id: 'new' },
      { kind: 'appeared', id: 'copy' },
    ]);
  });

  test('is not content where the new one is gone when the old ones are removed', async () => {
    const { run } = setUp([old], { list: (times) => (times === 0 ? [old, fresh] : []) });
    await expect(run()).rejects.toThrow('does not confirm');
  });
});

const [a, b, c] = ['a', 'b', 'c'].map((id) => storedMonitorConfig({ id })) as [never, never, never];

function setUpRemoval(options: FakeApiOptions, remainingId?: string) {
  const api = fakeApi(options);
  const removal = { monitor: 'awsiam', ids: ['a', 'b'], ...(remainingId !== undefined && { remainingId }) };
  return { api, run: () => removeAndConfirm(api, removal, fakeClock()) };
}

describe('removeAndConfirm', () => {
  test('removes each and looks until they are gone', async () => {
    const { api, run } = setUpRemoval({ list: (times) => [[a, b, c], [b, c], [c]][times] ?? [] });
    expect(await run()).toEqual([c]);
    expect(api.calls).toEqual(['remove a', 'remove b', 'list', 'list', 'list']);
  });

  test('looks until what has to remain is there as well', async () => {
    const { api, run } = setUpRemoval({ list: (times) => (times === 0 ? [] : [c]) }, 'c');
    expect(await run()).toEqual([c]);
    expect(api.calls.slice(2)).toEqual(['list', 'list']);
  });

  test('is content where the answer was lost but the registration is gone', async () => {
    const { run } = setUpRemoval({ remove: () => new MetristError('connection closed'), list: () => [c] });
    expect(await run()).toEqual([c]);
  });

  test('names what is still there, and why', async () => {
    const { run } = setUpRemoval({
      remove: (id) => (id === 'b' ? new MetristError('no answer') : undefined),
      list: () => [b],
    });
    await expect(run()).rejects.toThrow(/^Metrist still shows b as registrations of awsiam \(no answer\)/);
  });

  test('does not call gone what it could not look for', async () => {
    const { run } = setUpRemoval({ list: () => new MetristError('HTTP 500', { status: 500 }) });
    await expect(run()).rejects.toThrow('Metrist does not confirm which registrations of awsiam there are');
  });

  test('stops at a refusal', async () => {
    const { api, run } = setUpRemoval({ remove: () => new MetristError('wrong token', { status: 403 }) });
    await expect(run()).rejects.toThrow('wrong token');
    expect(api.calls).toEqual(['remove a']);
  });
});
