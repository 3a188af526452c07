import type { Plugin } from 'vitest/config';
import { copyError } from './copy-error.ts';
import { redact } from './redact.ts';

const events = ['uncaughtException', 'unhandledRejection'] as const;

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
