import os from 'node:os';
import { serveMonitor } from '../metrist/protocol/serve/serve-monitor.ts';
import { configProperties } from '../suites/awsiam/settings/variables.ts';
import { describeBuild } from './build.ts';

/**
 * Runs the monitor for the Orchestrator, on this process's stdin and stdout. Its API token is not read: the Orchestrator
 * posts the results.
 *
 * @param options.greeted whether `Started` has been written already
 */
export async function serve({ greeted }: { readonly greeted: boolean }): Promise<void> {
  await serveMonitor({
    load: async () => (await import('../suites/awsiam/monitor.ts')).awsiam,
    values: process.env,
    properties: configProperties,
    about: describeBuild(),
    input: process.stdin,
    output: takeStdout(),
    errorOutput: process.stderr,
    onSignal: (listener) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.on(signal, () => {
          process.exitCode ??= 128 + os.constants.signals[signal];
          listener(signal);
        });
      }
    },
    onCrash: (listener) => {
      process.on('uncaughtException', listener);
      process.on('unhandledRejection', listener);
    },
    greeted,
  });
}

/**
 * Takes stdout for the wire. Whatever else is written to it from now on, by `console.log` or by a library, goes to
 * stderr: one byte that belongs to no frame, and the Orchestrator loses results.
 */
function takeStdout(): (frame: Uint8Array) => void {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  // Nobody reads any more: as if the input had ended.
  stdout.on('error', () => process.stdin.destroy());
  // What cannot be said there is lost, and no reason to fail a step.
  stderr.on('error', () => {});
  return (frame) => void write(frame);
}
