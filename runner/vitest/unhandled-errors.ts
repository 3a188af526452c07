import { copyError } from '../../text/copy-error.ts';
import { redact } from '../../text/redact.ts';
import type { Plugin } from 'vitest/config';

const events = ['uncaughtException', 'unhandledRejection'] as const;
type Listener = (...args: unknown[]) => void;

/**
 * Removes secrets from unhandled errors, before vitest prints them or sends them from its worker to its reporters. The
 * reporters know the secrets in the environment, but not the credentials that the run found by itself.
 *
 * It replaces the existing listeners, because vitest ignores such errors if there are other listeners than its own.
 *
 * @returns a function that restores them
 */
export function scrubUnhandledErrors(): () => void {
  const restores = events.map((event) => {
    const listeners = process.listeners(event) as Listener[];
    const replacements = listeners.map((listener): Listener => (error, ...rest) => {
      // A copy, because the error may be frozen or have getters that throw.
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
 * A plugin that keeps the main process alive after an unhandled error. vitest would end on a rejection and Node on an
 * exception, and that would cut off the worker, which runs the steps and teardown. The error becomes a problem of the run,
 * like one in the worker, and the exit code is 1.
 */
export function keepUnhandledErrors(errorOutput: { write(text: string): unknown }): Plugin {
  return {
    name: 'keep-unhandled-errors',
    configureVitest({ vitest }) {
      for (const event of events) {
        process.removeAllListeners(event);
        process.on(event, (thrown: unknown) => {
          const error = copyError(thrown, redact.text);
          process.exitCode = 1;
          // Printed too, because the reports may already be written, or the error may come from them.
          errorOutput.write(`unhandled error; the run goes on: ${error.message}\n`);
          vitest.state.catchError(error, event);
        });
      }
    },
  };
}
