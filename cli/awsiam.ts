#!/usr/bin/env node
import dotenv from 'dotenv';
import '../runner/compile-cache.ts';
import { runProgram } from './program.ts';

dotenv.config({ quiet: true });
// `awsiam cleanup --dry-run | head`: whoever reads has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
process.exitCode = await runProgram(process.argv.slice(2), {
  values: process.env,
  output: process.stdout,
  errorOutput: process.stderr,
  onSignal: (listener) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listener);
  },
});
// A search for credentials that was given up may still hold a connection or a child process.
setTimeout(() => process.exit(), 1000).unref();
