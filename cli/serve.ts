import os from 'node:os';
import { serveMonitor } from '../metrist/protocol/serve/serve-monitor.ts';
import type { Values } from '../runner/monitor.ts';
import { configProperties } from '../suites/awsiam/outline.ts';

interface ServeOptions {
  /** The name and version of this program, for the Orchestrator's log. */
  readonly build: string;
  /** Whether the message `Started` has already been sent. */
  readonly startedSent: boolean;
  /** The directory where a relative `METRIST_RESULTS_DIR` starts. */
  readonly baseDir: string;
}

/**
 * Runs the monitor for the Orchestrator, on this process's stdin and stdout. Metrist's API token is not read: the
 * Orchestrator posts the results.
 */
export async function serve({ build, startedSent, baseDir }: ServeOptions): Promise<void> {
  const values = process.env;
  const wire = takeStdout();
  let isReportHanging = false;
  await serveMonitor({
    load: async () => (await import('../suites/awsiam/monitor.ts')).awsiam,
    values,
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
    ...(wantsReports(values) && {
      loadReporting: async () => {
        const { createReporting } = await import('./serve-reports.ts');
        return createReporting(values, { baseDir, onHang: (isHanging) => (isReportHanging = isHanging) });
      },
    }),
  });
  await wire.sent();
  // Node waits for every thread. One that resolves a host name takes ten seconds or more if no name server answers, and
  // one that waits for a disk takes as long as the disk.
  const isHanging = isReportHanging || process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap');
  if (isHanging) process.kill(process.pid, 'SIGKILL');
}

/** Each of these asks for a report. Their values are read later, by the code of the reports. */
const reportVariables = [
  'METRIST_RESULTS_DIR',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
] as const;

/** Whether the run is to be reported to more than the Orchestrator. If not, no code of the reports is loaded. */
function wantsReports(values: Values): boolean {
  return reportVariables.some((name) => (values[name] ?? '').trim() !== '');
}

interface Wire {
  /** Writes a frame. Calls `onLost` if nobody will read it. */
  readonly send: (frame: Uint8Array, onLost: () => void) => void;
  /** Waits until every frame is written. Gives up on a reader that is too slow: its frames are lost. */
  readonly sent: () => Promise<void>;
}

/** How long to wait at the end for a slow reader. Together with teardown's 3 s and the reports' 0.75 s, this stays below five. */
const maxWaitMs = 600;

/**
 * Reserves stdout for frames. From now on everything else that is written to it, by `console.log` or a library, goes to stderr:
 * a single byte that belongs to no frame makes the Orchestrator lose results.
 */
function takeStdout(): Wire {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  // Nobody reads stdout any more. Treat that like the end of the input.
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
      // Completes after the frames that a full pipe has not taken yet. They would be lost if the process ended now.
      write('', () => resolve());
      await promise;
      for (const onLost of unsent) onLost();
    },
  };
}
