import os from 'node:os';
import { serveMonitor } from '../metrist/protocol/serve/serve-monitor.ts';
import { configProperties } from '../suites/awsiam/settings/variables.ts';
import { describeBuild } from './build.ts';
import { takeStdout } from './wire.ts';

/**
 * Runs the monitor for the Orchestrator, on this process's stdin and stdout. Its API token is not read: the Orchestrator
 * posts the results.
 *
 * @param options.greeted whether `Started` has been written already
 */
export async function serve({ greeted }: { readonly greeted: boolean }): Promise<void> {
  const wire = takeStdout();
  await serveMonitor({
    load: async () => (await import('../suites/awsiam/monitor.ts')).awsiam,
    values: process.env,
    properties: configProperties,
    about: describeBuild(),
    input: process.stdin,
    output: wire.send,
    errorOutput: process.stderr,
    onSignal: (listener) => {
      for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
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
  await wire.sent();
  // Node does not end before a thread that waits for a name server: ten seconds and more where none answers.
  if (process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap')) process.kill(process.pid, 'SIGKILL');
}
