import os from 'node:os';
import { serveMonitor } from '../metrist/protocol/serve/serve-monitor.ts';
import { configProperties } from '../suites/awsiam/outline.ts';

interface ServeOptions {
  /** What runs here, for the Orchestrator's log. */
  readonly build: string;
  /** Whether `Started` has been written already. */
  readonly startedSent: boolean;
}

/**
 * Runs the monitor for the Orchestrator, on this process's stdin and stdout. Metrist's API token is not read: the
 * Orchestrator posts the results.
 */
export async function serve({ build, startedSent }: ServeOptions): Promise<void> {
  const wire = takeStdout();
  await serveMonitor({
    load: async () => (await import('../suites/awsiam/monitor.ts')).awsiam,
    values: process.env,
    properties: configProperties,
    about: build,
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
    startedSent,
  });
  await wire.sent();
  // Node does not end before a thread that waits for a name server, which takes ten seconds or more if none answers.
  if (process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap')) process.kill(process.pid, 'SIGKILL');
}

interface Wire {
  /** Writes a frame. Calls `onLost` if nobody will read it. */
  readonly send: (frame: Uint8Array, onLost: () => void) => void;
  /** Waits until every frame is written. Gives up on a reader that is too slow: its frames are lost. */
  readonly sent: () => Promise<void>;
}

/** How long to wait for a slow reader at the end. With teardown's three seconds it stays below four. */
const maxWaitMs = 600;

/**
 * Reserves stdout for frames. From now on everything else that is written to it, by `console.log` or a library, goes to stderr:
 * a single byte that belongs to no frame makes the Orchestrator lose results.
 */
function takeStdout(): Wire {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  // Nobody reads any more. Treat it like the end of the input.
  stdout.on('error', () => process.stdin.destroy());
  // A message that cannot be written is no reason to fail a step.
  stderr.on('error', () => {});
  const unsent = new Set<() => void>();
  return {
    send: (frame, onLost) => {
      unsent.add(onLost);
      write(frame, (error) => {
        unsent.delete(onLost);
        if (error) onLost();
      });
    },
    sent: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, maxWaitMs);
      // Written after the frames that a full pipe has not taken yet, which would be lost with the process.
      write('', () => resolve());
      await promise;
      for (const onLost of unsent) onLost();
    },
  };
}
