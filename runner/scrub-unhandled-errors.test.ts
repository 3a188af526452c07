import { expect, test } from 'vitest';
import { createRedactor } from './redact.ts';
import { scrubUnhandledErrors } from './scrub-unhandled-errors.ts';

const redactor = createRedactor([{ value: 'hunter2hunter2', shownAs: '[redacted]' }]);

/** Lets the listeners have an error without failing this process for it: vitest's own are left out. */
function reject(error: unknown): void {
  const [scrub] = process.listeners('unhandledRejection');
  scrub?.(error, Promise.resolve());
}

test('an error that nobody handles loses its secrets before anybody else hears of it, causes included', () => {
  const stop = scrubUnhandledErrors(() => redactor);
  const error = new Error('outer hunter2hunter2', { cause: new Error('inner hunter2hunter2') });
  reject(error);
  stop();
  expect(error.message).toBe('outer [redacted]');
  expect(error.stack).not.toContain('hunter2');
  expect((error.cause as Error).message).toBe('inner [redacted]');
});

test('an error that is its own cause, or no error, does no harm', () => {
  const stop = scrubUnhandledErrors(() => redactor);
  const error = new Error('hunter2hunter2');
  error.cause = error;
  reject(error);
  reject('hunter2hunter2');
  reject(undefined);
  stop();
  expect(error.message).toBe('[redacted]');
});

test('nothing listens any more when it was ended', () => {
  const before = process.listenerCount('unhandledRejection');
  scrubUnhandledErrors(() => redactor)();
  expect(process.listenerCount('unhandledRejection')).toBe(before);
});
