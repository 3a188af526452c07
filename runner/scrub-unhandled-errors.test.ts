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

test('an error that nobody handles has lost its secrets when the listener hears of it, causes included', () => {
  const stop = scrubUnhandledErrors(() => redactor);
  const error = new Error('outer hunter2hunter2', { cause: new Error('inner hunter2hunter2') });
  reject(error);
  stop();
  expect(heard).toEqual([error]);
  expect(error.message).toBe('outer [redacted]');
  expect(error.stack).not.toContain('hunter2');
  expect((error.cause as Error).message).toBe('inner [redacted]');
});

test('an error that is its own cause, or no error, is passed on and does no harm', () => {
  const stop = scrubUnhandledErrors(() => redactor);
  const error = new Error('hunter2hunter2');
  error.cause = error;
  for (const each of [error, 'a string', undefined]) reject(each);
  stop();
  expect(heard).toEqual([error, 'a string', undefined]);
  expect(error.message).toBe('[redacted]');
});

test('there are no more listeners than before, because vitest counts them, and the same ones again at the end', () => {
  const stop = scrubUnhandledErrors(() => redactor);
  expect(process.listenerCount(event)).toBe(1);
  stop();
  expect(process.listeners(event)).toEqual([listener]);
});
