import { copyError } from './copy-error.ts';
import { redact } from './redact.ts';

const events = ['uncaughtException', 'unhandledRejection'] as const;
type Listener = (...args: unknown[]) => void;

/**
 * Removes secrets from errors that nobody handles, before vitest prints them or sends them from its worker to its
 * reporters. Those know the secrets of the environment, but not the credentials that the run found by itself.
 *
 * It replaces the listeners that are there: vitest ignores such errors where it is not the only listener.
 *
 * @returns a function that ends it
 */
export function scrubUnhandledErrors(): () => void {
  const restores = events.map((event) => {
    const listeners = process.listeners(event) as Listener[];
    const replacements = listeners.map((listener): Listener => (error, ...rest) => {
      // The error itself stays as it is: a frozen one cannot be changed, and one with getters would throw.
      listener(copyError(error, redact.text), ...rest);
    });
    exchange(event, listeners, replacements);
    return () => exchange(event, replacements, listeners);
  });
  return () => restores.forEach((restore) => restore());
}

function exchange(event: (typeof events)[number], before: readonly Listener[], after: readonly Listener[]): void {
  for (const listener of before) process.off(event, listener);
  for (const listener of after) process.on(event, listener);
}
