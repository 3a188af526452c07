import { describe, expect, test } from 'vitest';
import { MetristError } from './metrist-error.ts';
import { removeAndConfirm } from './remove-and-confirm.ts';
import { storedMonitorConfig } from '../testing/config-builders.ts';
import { fakeApi, type FakeApiOptions } from '../testing/fake-api.ts';
import { fakeClock } from '../testing/fake-clock.ts';

const [a, b, c] = ['a', 'b', 'c'].map((id) => storedMonitorConfig({ id })) as [never, never, never];

function setUp(options: FakeApiOptions, remainingId?: string) {
  const api = fakeApi(options);
  const removal = { monitor: 'awsiam', ids: ['a', 'b'], ...(remainingId !== undefined && { remainingId }) };
  return { api, run: () => removeAndConfirm(api, removal, fakeClock()) };
}

describe('removeAndConfirm', () => {
  test('removes each and looks until they are gone', async () => {
    const { api, run } = setUp({ list: (times) => [[a, b, c], [b, c], [c]][times] ?? [] });
    expect(await run()).toEqual([c]);
    expect(api.calls).toEqual(['remove a', 'remove b', 'list', 'list', 'list']);
  });

  test('looks until what has to remain is there as well', async () => {
    const { api, run } = setUp({ list: (times) => (times === 0 ? [] : [c]) }, 'c');
    expect(await run()).toEqual([c]);
    expect(api.calls.slice(2)).toEqual(['list', 'list']);
  });

  test('is content where the answer was lost but the registration is gone', async () => {
    const { run } = setUp({ remove: () => new MetristError('connection closed'), list: () => [c] });
    expect(await run()).toEqual([c]);
  });

  test('names what is still there, and why', async () => {
    const { run } = setUp({
      remove: (id) => (id === 'b' ? new MetristError('no answer') : undefined),
      list: () => [b],
    });
    await expect(run()).rejects.toThrow(/^Metrist still shows b as registrations of awsiam \(no answer\)/);
  });

  test('does not call gone what it could not look for', async () => {
    const { run } = setUp({ list: () => new MetristError('HTTP 500', { status: 500 }) });
    await expect(run()).rejects.toThrow('Metrist does not confirm which registrations of awsiam there are');
  });

  test('stops at a refusal', async () => {
    const { api, run } = setUp({ remove: () => new MetristError('wrong token', { status: 403 }) });
    await expect(run()).rejects.toThrow('wrong token');
    expect(api.calls).toEqual(['remove a']);
  });
});
