import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRedactor } from './redact.ts';
import { scrubUnhandledErrors } from './scrub-unhandled-errors.ts';

const redactor = createRedactor([{ value: 'hunter2hunter2', shownAs: '[redacted]' }]);
const event = 'unhandledRejection';
type Listener = (error: unknown) => void;

/** vitest's own listeners would take what the tests emit for failures of the tests. */
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

/** What Node does with a rejection that nobody handles. */
function reject(error: unknown): void {
  for (const each of process.listeners(event) as Listener[]) each(error);
}

test('what the listener hears of an error that nobody handles has no secrets, and the error is not changed', () => {
  const stop = scrubUnhandledErrors(() => redactor);
  const error = Object.freeze(new Error('outer hunter2hunter2'));
  reject(error);
  stop();
  expect(heard).toMatchObject([{ message: 'outer [redacted]' }]);
  expect(error.message).toBe('outer hunter2hunter2');
});

test('what AbortSignal.timeout rejects with is passed on', async () => {
  const stop = scrubUnhandledErrors(() => redactor);
  const { signal } = new AbortController();
  const timeout = AbortSignal.any([signal, AbortSignal.timeout(0)]);
  await once(timeout, 'abort');
  reject(timeout.reason);
  stop();
  expect(heard).toMatchObject([{ name: 'TimeoutError', message: 'The operation was aborted due to timeout' }]);
});

test('there are no more listeners than before, because vitest counts them, and the same ones again at the end', () => {
  const stop = scrubUnhandledErrors(() => redactor);
  expect(process.listenerCount(event)).toBe(1);
  stop();
  expect(process.listeners(event)).toEqual([listener]);
});
