import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { FrameBuffer, FrameError } from '../frame.ts';
import { parseFromMonitor } from '../messages.ts';
import type { DriveLimits, DriveEvent } from './drive-report.ts';
import type { MonitorProcess } from './monitor-process.ts';
import type { Ending } from './run-steps.ts';

export interface TearDownOptions {
  readonly ending: Ending;
  readonly tmpDir: string;
  readonly limits: DriveLimits;
  /** The beginning of a message whose rest has not been read. */
  readonly pending: Uint8Array;
  readonly onEvent: (event: DriveEvent) => void;
}

/** The order of the Orchestrator: Exit, the directory removed, SIGTERM to the group, and in the end SIGKILL. */
export async function tearDown(
  monitor: MonitorProcess,
  { ending, tmpDir, limits, pending, onEvent }: TearDownOptions,
): Promise<void> {
  const onProblem = (text: string): void => onEvent({ kind: 'problem', text });
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
  await readLastLogs(monitor, pending, onEvent);
}

/**
 * What a monitor logs while it leaves. The Orchestrator does not read that, but it may be the only place where the monitor
 * names what it could not remove. Nothing there is a problem any more.
 */
async function readLastLogs(
  { events }: MonitorProcess,
  pending: Uint8Array,
  onEvent: (event: DriveEvent) => void,
): Promise<void> {
  const frames = new FrameBuffer();
  frames.append(pending);
  // The process is gone: what it wrote is all there.
  for (let event; (event = await events.next(0)) !== undefined;) {
    if (event.kind === 'stdout') frames.append(event.bytes);
  }
  try {
    for (let body; (body = frames.next()) !== undefined;) {
      const message = parseFromMonitor(body);
      if (message.kind !== 'log' || message.text.trim() === '') continue;
      onEvent({ kind: 'log', level: message.level, text: message.text.trim() });
    }
  } catch (error) {
    // After bytes that are no message, nothing can be read.
    if (!(error instanceof FrameError)) throw error;
  }
}
