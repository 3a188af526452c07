import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { DriveLimits } from './drive-limits.ts';
import type { MonitorProcess } from './monitor-process.ts';
import type { Ending } from './run-steps.ts';

export interface TearDownOptions {
  readonly ending: Ending;
  readonly tmpDir: string;
  readonly limits: DriveLimits;
  readonly onProblem: (text: string) => void;
}

/** The order of the Orchestrator: Exit, the directory removed, SIGTERM to the group, and in the end SIGKILL. */
export async function tearDown(
  monitor: MonitorProcess,
  { ending, tmpDir, limits, onProblem }: TearDownOptions,
): Promise<void> {
  if (ending.farewell !== undefined) monitor.write(ending.farewell);
  await Promise.all([
    // The monitor may still write there: then it goes when the monitor is gone.
    rm(tmpDir, { recursive: true, force: true }).catch(() => {}),
    ending.farewell !== undefined && delay(limits.terminateAfterMs),
  ]);
  if (monitor.isRunning) {
    monitor.signalGroup('SIGTERM');
    const timer = setTimeout(() => {
      monitor.signalGroup('SIGKILL');
      onProblem(
        `the monitor did not leave within ${limits.killAfterMs / 1000} s of SIGTERM: the Orchestrator kills it, or loses sight of it where a shell stands between; leave on SIGTERM and at the end of stdin`,
      );
    }, limits.killAfterMs);
    await monitor.exited;
    clearTimeout(timer);
  }
  const { outlived } = await monitor.closed;
  if (outlived) {
    onProblem(
      'the monitor left a process behind that does not leave on SIGTERM: under the Orchestrator it stays; end what you start',
    );
  }
}
