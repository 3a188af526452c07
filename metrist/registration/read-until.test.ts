import { describe, expect, test } from 'vitest';
import { MetristError } from './monitor-config-api.ts';
import { readUntil } from './read-until.ts';
import { type FakeApiOptions, fakeApi } from '../testing/fake-api.ts';
import { storedMonitorConfig } from '../testing/config-builders.ts';
import { fakeClock } from '../testing/fake-clock.ts';

const config = storedMonitorConfig();

function setUp(options: FakeApiOptions) {
  const api = fakeApi(options);
  const time = fakeClock();
  const confirm = { ...time, confirmWithinMs: 30_000 };
  return { api, time, confirm, read: () => readUntil(api, 'awsiam', ([first]) => first?.id, confirm) };
}

describe('readUntil', () => {
  test('is done at the first look where all is as it should be', async () => {
    const { time, read } = setUp({ list: () => [config] });
    expect(await read()).toBe(config.id);
    expect(time.waits).toEqual([]);
  });

  test('looks again, ever more slowly, until the change is there', async () => {
    const { time, read } = setUp({ list: (times) => (times < 7 ? [] : [config]) });
    expect(await read()).toBe(config.id);
    expect(time.waits).toEqual([100, 200, 400, 800, 1600, 3000, 3000]);
  });

  test('gives up at the deadline, not before and with a last look', async () => {
    const { api, time, read } = setUp({ list: () => [] });
    expect(await read()).toBeUndefined();
    expect(time.clock.elapsedMs()).toBe(30_000);
    expect(api.calls).toHaveLength(time.waits.length + 1);
  });

  test.for([undefined, 429, 500, 503])('looks again after an answer that fails for the moment (%s)', async (status) => {
    const failure = new MetristError('no', status === undefined ? {} : { status });
    const { read } = setUp({ list: (times) => (times === 0 ? failure : [config]) });
    expect(await read()).toBe(config.id);
  });

  test('does not look again where that is no use', async () => {
    const { api, read } = setUp({ list: () => new MetristError('wrong token', { status: 403 }) });
    await expect(read()).rejects.toThrow('wrong token');
    expect(api.calls).toHaveLength(1);
  });

  test('lets no request take longer than what is left, but a second at least', async () => {
    const { api, read } = setUp({ list: () => [] });
    await read();
    expect(api.timeouts[0]).toBe(30_000);
    expect(api.timeouts.at(-1)).toBe(1000);
  });

  test('ends when it is told to', async () => {
    const stop = new AbortController();
    const list = () => {
      stop.abort(new Error('stopped'));
      return [];
    };
    const { api, confirm } = setUp({ list });
    await expect(readUntil(api, 'awsiam', () => undefined, { ...confirm, signal: stop.signal })).rejects.toThrow(
      'stopped',
    );
  });

  test('ends also while it waits', async () => {
    const stop = new AbortController();
    const api = fakeApi({ list: () => [] });
    const reading = readUntil(api, 'awsiam', () => undefined, { signal: stop.signal });
    setTimeout(() => stop.abort(), 20);
    await expect(reading).rejects.toThrow('aborted');
  });
});
