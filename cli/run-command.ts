import dotenv from 'dotenv';
import { runProgram } from './program.ts';

/** Runs a command of a user at a terminal or in a script. */
export async function runCommand(args: readonly string[], self: readonly string[]): Promise<void> {
  dotenv.config({ quiet: true });
  // `awsiam cleanup --dry-run | head`: whoever reads has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  process.exitCode = await runProgram(args, {
    self,
    values: process.env,
    output: process.stdout,
    errorOutput: process.stderr,
    onSignal: (listener) => {
      for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, listener);
    },
  });
  // A search for credentials that was given up may still hold a connection or a child process.
  setTimeout(() => process.exit(), 1000).unref();
}
