import { inspect } from 'node:util';
import dotenv from 'dotenv';
import { redactedCopy } from '../runner/scrub-unhandled-errors.ts';
import { runProgram } from './program.ts';

/** Runs a command of a user at a terminal or in a script. */
export async function runCommand(args: readonly string[], self: readonly string[]): Promise<void> {
  dotenv.config({ quiet: true });
  // `awsiam cleanup --dry-run | head`: whoever reads has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  // Node itself would print an error that nobody handles with all of its secrets.
  process.on('uncaughtException', (error: unknown) => {
    process.stderr.write(`${inspect(redactedCopy(error))}\n`);
    process.exit(1);
  });
  process.exitCode = await runProgram(args, {
    self,
    values: process.env,
    output: process.stdout,
    errorOutput: process.stderr,
    onSignal: (listener) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listener);
    },
  });
  // A search for credentials that was given up may still hold a connection or a child process.
  setTimeout(() => process.exit(), 1000).unref();
}
