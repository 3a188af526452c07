import type { Values } from '../../runner/monitor.ts';
import type { CommandContext, OutputStream } from '../command-context.ts';
import { describeBuild } from '../main.ts';

/** A command's context in memory, with what was written to each stream. */
export interface TestContext extends CommandContext {
  readonly written: { output: string; errorOutput: string };
  /** Sends the process a signal. */
  readonly raise: (signal: NodeJS.Signals) => void;
}

/** By default, neither stream is a terminal and there is no `.env`. */
export function testContext(
  values: Values,
  {
    isTTY = false,
    environment = values,
    baseDir = '/nowhere',
  }: { readonly isTTY?: boolean; readonly environment?: Values; readonly baseDir?: string } = {},
): TestContext {
  const written = { output: '', errorOutput: '' };
  const write =
    (stream: keyof typeof written): OutputStream['write'] =>
    (text, done) => {
      written[stream] += text;
      done?.();
    };
  const listeners: ((signal: NodeJS.Signals) => void)[] = [];
  return {
    self: ['awsiam'],
    build: describeBuild(),
    environment,
    values,
    baseDir,
    envFile: '.env',
    envProblems: [],
    loadEnvFile: () => Promise.resolve([]),
    written,
    output: { isTTY, write: write('output') },
    errorOutput: { isTTY, write: write('errorOutput') },
    onSignal: (listener) => listeners.push(listener),
    onUnhandled: () => ({ [Symbol.dispose]: () => {} }),
    endAtOnce: () => {},
    raise: (signal) => {
      for (const listener of listeners) listener(signal);
    },
  };
}
