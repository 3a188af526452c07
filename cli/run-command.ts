import path from 'node:path';
import { inspect } from 'node:util';
import { shortenPath } from '../host/results-dir.ts';
import { copyError } from '../text/copy-error.ts';
import { readEnvFile } from '../host/env-file.ts';
import { surviveOutputErrors } from '../host/output-errors.ts';
import { redact } from '../text/redact.ts';
import { runProgram } from './program.ts';

export interface RunCommandOptions {
  readonly self: readonly string[];
  /** Where `.env` lies. */
  readonly baseDir: string;
}

/** Runs a command of a user at a terminal or in a script. */
export async function runCommand(args: readonly string[], { self, baseDir }: RunCommandOptions): Promise<void> {
  // After `awsiam drive | head -1` the command goes on: a monitor that is cut off would leave things behind.
  surviveOutputErrors(process);
  const environment = { ...process.env };
  const envFile = await readEnvFile(baseDir, environment);
  Object.assign(process.env, envFile.added);
  // Node itself would print an error that nobody handles with all of its secrets.
  process.on('uncaughtException', (error: unknown) => {
    process.stderr.write(`${inspect(copyError(error, redact.text))}\n`);
    process.exit(1);
  });
  process.exitCode = await runProgram(args, {
    self,
    environment,
    values: process.env,
    envFile: shortenPath(path.join(baseDir, '.env'), process.cwd()),
    envProblems: envFile.problems,
    output: process.stdout,
    errorOutput: process.stderr,
    onSignal: (listener) => {
      for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, listener);
    },
  });
  // A search for credentials that was given up may still hold a connection or a child process.
  setTimeout(() => process.exit(), 1000).unref();
}
