import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { abortAfter, abortLater, abortWith, openInTime, OpenTimeoutError, pause, settleWithin } from './deadline.ts';

describe('settleWithin', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('returns what the work returns', async () => {
    expect(await settleWithin(Promise.resolve('done'), new AbortController().signal)).toBe('done');
  });

  test('rejects with what the work rejects with, not with the abort', async () => {
    const { promise, reject } = Promise.withResolvers<never>();
    const outcome = settleWithin(promise, AbortSignal.abort(new Error('aborted')));
    reject(new Error('of the work'));
    await expect(outcome).rejects.toThrow('of the work');
  });

  test('lets work that obeys its signal finish', async () => {
    const controller = new AbortController();
    const { promise, resolve } = Promise.withResolvers<string>();
    const outcome = settleWithin(promise, controller.signal);
    controller.abort();
    await vi.advanceTimersByTimeAsync(200);
    resolve('tidied up');
    expect(await outcome).toBe('tidied up');
  });

  test.for([
    ['comes before it begins', true],
    ['comes while it runs', false],
  ] as const)('abandons work that ignores an abort that %s', async ([, early]) => {
    const controller = new AbortController();
    if (early) controller.abort(new Error('enough'));
    const outcome = expect(settleWithin(new Promise(() => {}), controller.signal)).rejects.toThrow('enough');
    controller.abort(new Error('enough'));
    await vi.advanceTimersByTimeAsync(1000);
    await outcome;
  });

  test('rejects at once on an abort if there is no grace period', async () => {
    const controller = new AbortController();
    const outcome = settleWithin(new Promise(() => {}), controller.signal, 0);
    controller.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
    await expect(settleWithin(new Promise(() => {}), controller.signal, 0)).rejects.toThrow('enough');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('leaves no timer and no listener behind', async () => {
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    await settleWithin(Promise.resolve(), controller.signal);
    controller.abort();
    expect(vi.getTimerCount()).toBe(0);
    expect(removed).toHaveBeenCalledWith('abort', expect.any(Function));
  });
});

describe('pause', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('waits for the given time', async () => {
    const ended = vi.fn();
    const outcome = pause(1000, new AbortController().signal).then(ended);
    await vi.advanceTimersByTimeAsync(999);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await outcome;
  });

  test('ends on an abort, and leaves no timer behind', async () => {
    const controller = new AbortController();
    const outcome = pause(1000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
    await expect(pause(1000, controller.signal)).rejects.toThrow('enough');
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('abortAfter aborts with an error that says what took too long', async () => {
  vi.useFakeTimers();
  using deadline = abortAfter(1000, 'the kettle took longer than 1 s');
  const { signal } = deadline;
  await vi.advanceTimersByTimeAsync(999);
  expect(signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(signal.reason).toMatchObject({ name: 'TimeoutError', message: 'the kettle took longer than 1 s' });
  vi.useRealTimers();
});

test('abortAfter aborts with another signal as well', () => {
  const other = new AbortController();
  using deadline = abortAfter(1000, 'too long', other.signal);
  other.abort(new Error('enough'));
  expect(deadline.signal.reason).toEqual(new Error('enough'));
});

describe('abortWith', () => {
  test('aborts with the first of its signals, and keeps that reason', () => {
    const [one, other] = [new AbortController(), new AbortController()];
    using joined = abortWith(one.signal, other.signal);
    expect(joined.signal.aborted).toBe(false);
    other.abort(new Error('other'));
    one.abort(new Error('one'));
    expect(joined.signal.reason).toEqual(new Error('other'));
  });

  test('is aborted from the beginning if one of its signals is', () => {
    const aborted = AbortSignal.abort(new Error('before'));
    using joined = abortWith(new AbortController().signal, aborted);
    expect(joined.signal.reason).toEqual(new Error('before'));
  });
});

test('once they are disposed, deadlines leave no timer and no listener behind, and abort no more', async () => {
  vi.useFakeTimers();
  const lasting = new AbortController();
  const deadline = abortAfter(1000, 'too long', lasting.signal);
  deadline[Symbol.dispose]();
  abortLater(1000, lasting.signal, () => {})[Symbol.dispose]();
  abortLater(1000, AbortSignal.abort(), () => {})[Symbol.dispose]();
  await openInTime(
    () => Promise.resolve('opened'),
    () => {},
    1000,
    lasting.signal,
  );
  expect(vi.getTimerCount()).toBe(0);
  expect(getEventListeners(lasting.signal, 'abort')).toEqual([]);
  lasting.abort();
  expect(deadline.signal.aborted).toBe(false);
  vi.useRealTimers();
});

test('what opens too late is closed', async () => {
  const opening = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<string>();
  const { signal } = new AbortController();
  await expect(openInTime(() => opening.promise, closed.resolve, 1, signal)).rejects.toThrow(OpenTimeoutError);
  opening.resolve('the session');
  expect(await closed.promise).toBe('the session');
});
