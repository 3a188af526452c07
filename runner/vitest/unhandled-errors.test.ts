import { once } from 'node:events';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hideSecrets } from '../../text/redact.ts';
import { scrubUnhandledErrors } from './unhandled-errors.ts';

hideSecrets([{ value: 'hunter2hunter2', shownAs: '[redacted]' }]);
const event = 'unhandledRejection';
type Listener = (error: unknown) => void;

/** vitest's own listeners would report the errors of these tests as failures. */
let vitests: Listener[];
let heard: unknown[];
const listener: Listener = (error) => void heard.push(error);

beforeEach(() => {
  heard = [];
  vitests = process.listeners(event) as Listener[];
  process.removeAllListeners(event);
  process.on(event, listener);
});

afterEach(() => {
  process.removeAllListeners(event);
  for (const each of vitests) process.on(event, each);
});

/** Does what Node does with an unhandled rejection. */
function reject(error: unknown): void {
  for (const each of process.listeners(event) as Listener[]) each(error);
}

/** What the listener gets for unhandled errors. */
function hear(...thrown: unknown[]): unknown[] {
  const stop = scrubUnhandledErrors();
  for (const each of thrown) reject(each);
  stop();
  return heard;
}

test('an unhandled error reaches the listener without secrets, in its causes too', () => {
  const cause = Object.assign(new TypeError('inner hunter2hunter2'), { code: 'ERR_INNER' });
  const [error] = hear(new Error('outer hunter2hunter2', { cause }));
  expect(error).toMatchObject({
    name: 'Error',
    message: 'outer [redacted]',
    cause: { name: 'TypeError', message: 'inner [redacted]', code: 'ERR_INNER' },
  });
  expect((error as Error).stack).toMatch(/^Error: outer \[redacted\]\n +at /);
  expect(inspect(error, { showHidden: true })).not.toContain('hunter2');
});

test('other properties of an error are not passed on: they may hold the whole request', () => {
  const request = { headers: { 'proxy-authorization': 'hunter2hunter2' } };
  const [error] = hear(Object.assign(new Error('refused'), { request, input: 'http://hunter2hunter2@proxy' }));
  expect(Object.getOwnPropertyNames(error)).toEqual(expect.not.arrayContaining(['request', 'input']));
});

test('a frozen error is passed on without secrets, and does not change itself', () => {
  const frozen = Object.freeze(new Error('outer hunter2hunter2'));
  const heardErrors = hear(frozen, new DOMException('hunter2hunter2 took too long', 'TimeoutError'));
  expect(heardErrors).toMatchObject([
    { message: 'outer [redacted]' },
    { name: 'TimeoutError', message: '[redacted] took too long' },
  ]);
  expect(frozen.message).toBe('outer hunter2hunter2');
});

test('the error of AbortSignal.timeout is passed on', async () => {
  const timeout = AbortSignal.timeout(0);
  await once(timeout, 'abort');
  expect(hear(timeout.reason)).toMatchObject([
    { name: 'TimeoutError', message: 'The operation was aborted due to timeout' },
  ]);
});

test('an error that is its own cause, or no error, does no harm', () => {
  const error = new Error('hunter2hunter2');
  error.cause = error;
  const heardErrors = hear(error, 'a string, hunter2hunter2', undefined);
  expect(heardErrors).toMatchObject([
    { message: '[redacted]', cause: { message: '[redacted]' } },
    { message: 'a string, [redacted]' },
    { message: 'undefined' },
  ]);
});

test('the number of listeners stays the same, because vitest counts them, and the old ones come back at the end', () => {
  const stop = scrubUnhandledErrors();
  expect(process.listenerCount(event)).toBe(1);
  stop();
  expect(process.listeners(event)).toEqual([listener]);
});
