import os from 'node:os';
import type { Plugin } from 'vitest/config';
import { announceInterruption } from './interruption.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * A plugin that lets a run end in order when it is told to stop: the running step is cut off, teardown removes what the
 * run made, the reports are written, and the exit code is 128 plus the signal's number.
 *
 * vitest itself would be gone one millisecond after the signal, its hooks unfinished. Further signals change nothing: a
 * Ctrl-C reaches the process more than once when npm passes it on as well, and teardown has a deadline of its own.
 */
export function takeOverSignals(errorOutput: { write(text: string): unknown }): Plugin {
  return {
    name: 'take-over-signals',
    configureVitest() {
      for (const signal of signals) {
        process.removeAllListeners(signal);
        process.on(signal, interruptOnce);
      }
    },
  };

  function interruptOnce(signal: NodeJS.Signals): void {
    for (const each of signals) process.off(each, interruptOnce).on(each, () => {});
    errorOutput.write(`${signal}: stopping; what this run made is being removed\n`);
    announceInterruption(signal);
    process.once('exit', () => {
      process.exitCode = 128 + os.constants.signals[signal];
    });
  }
}
