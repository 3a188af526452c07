import { copyError } from '../../text/copy-error.ts';
import { redact } from '../../text/redact.ts';
import type { Plugin } from 'vitest/config';

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

/**
 * A plugin that lets a run go on when nobody handles an error of the process that reports it. The steps and teardown run in
 * a worker, which the end of this process would cut off: vitest ends on a rejection, and Node on an exception. The error
 * becomes a problem of the run, as one of the worker does, and the exit code is 1.
 */
export function keepUnhandledErrors({
  errorOutput,
}: {
  readonly errorOutput: { write(text: string): unknown };
}): Plugin {
  return {
    name: 'keep-unhandled-errors',
    configureVitest({ vitest }) {
      for (const event of events) {
        process.removeAllListeners(event);
        process.on(event, (thrown: unknown) => {
          const error = copyError(thrown, redact.text);
          process.exitCode = 1;
          // It may come after the reports, or from what should make them.
          errorOutput.write(`an error that nobody handled; the run goes on: ${error.message}\n`);
          vitest.state.catchError(error, event);
        });
      }
    },
  };
}
