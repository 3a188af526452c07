import { formatLimit } from '../../../text/duration.ts';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeDir } from '../../../host/make-dir.ts';
import { systemClock } from '../../../runner/clock.ts';
import type { Values } from '../../../runner/monitor.ts';
import { parseFromMonitor } from '../messages.ts';
import type { DriveEvent, DrivenStep, DriveReport } from './drive-report.ts';
import { performHandshake } from './handshake.ts';
import { type MonitorProcess, startMonitor } from './monitor-process.ts';
import { type DriveLimits, orchestratorLimits, OrchestratorReader } from './orchestrator-rules.ts';
import { type Ending, exitMessage, reportLog, runSteps } from './run-steps.ts';

export interface DriveOptions {
  /** The monitor's executable and its arguments. They do not pass through a shell. */
  readonly command: readonly string[];
  /** What to run, in order. */
  readonly steps: readonly string[];
  /** The monitor's extra_config as one compact JSON object. @default '{}' */
  readonly configJson?: string;
  /** @default 900,000, as in registrations */
  readonly stepTimeoutMs?: number;
  /** Whether the monitor should also remove what earlier runs left behind. @default false */
  readonly cleanup?: boolean;
  /** The monitor's whole environment. A temporary directory is added. */
  readonly env: Values;
  /** Ends the run: the monitor is asked to exit, then killed. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: DriveEvent) => void;
  /** @default the Orchestrator's */
  readonly limits?: Partial<DriveLimits>;
}

const elapsedMs = (): number => systemClock.elapsedMs();

/**
 * Starts a monitor and plays the Orchestrator for one run, without reporting to Metrist. When this settles, the process and
 * its temporary directory are gone.
 *
 * @throws {MonitorStartError} if the command cannot be started
 */
export async function driveMonitor(options: DriveOptions): Promise<DriveReport> {
  const { signal, configJson = '{}', stepTimeoutMs = 900_000, cleanup = false } = options;
  const limits = { ...orchestratorLimits, ...options.limits };
  const steps: DrivenStep[] = [];
  const problems: string[] = [];
  const onEvent = (event: DriveEvent): void => {
    if (event.kind === 'step') steps.push(event.step);
    if (event.kind === 'problem') {
      if (problems.includes(event.text)) return;
      problems.push(event.text);
    }
    options.onEvent?.(event);
  };
  const onProblem = (text: string): void => onEvent({ kind: 'problem', text });
  const reader = new OrchestratorReader(onProblem);
  const tmpDir = path.join(os.tmpdir(), `orchtmp-${randomBytes(8).toString('hex')}`);
  const times: { startedAfterMs?: number; configuredAfterMs?: number } = {};
  let monitor: MonitorProcess | undefined;

  const stop = (): void => monitor?.events.push({ kind: 'stopped' });
  // In case this process exits during the run.
  const abandon = (): void => {
    if (monitor?.isRunning) monitor.signalGroup('SIGKILL');
    rmSync(tmpDir, { recursive: true, force: true });
  };
  process.once('exit', abandon);
  try {
    await makeDir(tmpDir);
    const spawnedMs = elapsedMs();
    monitor = await startMonitor({
      command: options.command,
      env: { ...options.env, TMPDIR: tmpDir, TEMP: tmpDir, TMP: tmpDir },
      killAfterMs: limits.killAfterMs,
      elapsedMs,
      onStderr: (line) => onEvent({ kind: 'stderr', line }),
    });
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });

    const isConfigured = await performHandshake({
      monitor,
      configJson,
      silenceMs: limits.handshakeSilenceMs,
      elapsedMs,
      onProblem,
      onStarted: (atMs) => (times.startedAfterMs = atMs - spawnedMs),
    });
    let ending: Ending = signal?.aborted ? { lastMessage: exitMessage } : {};
    if (isConfigured) {
      ending = await runSteps({
        monitor,
        reader,
        steps: options.steps,
        stepTimeoutMs,
        cleanup,
        limits,
        elapsedMs,
        onConfigured: (atMs) => (times.configuredAfterMs = atMs - spawnedMs),
        onEvent,
      });
    } else {
      for (const name of options.steps) onEvent({ kind: 'step', step: { state: 'notRun', name } });
    }
    await endMonitor(monitor, ending, tmpDir, limits, onProblem);
    await reportLastLogs(monitor, reader.pending, onEvent);
    return {
      steps,
      problems,
      ...times,
      wallMs: elapsedMs() - spawnedMs,
      exit: await monitor.exited,
      interrupted: signal?.aborted ?? false,
    };
  } finally {
    signal?.removeEventListener('abort', stop);
    if (monitor?.isRunning) {
      monitor.signalGroup('SIGKILL');
      await monitor.exited;
    }
    await rm(tmpDir, { recursive: true, force: true, maxRetries: 3 });
    process.off('exit', abandon);
  }
}

/**
 * Ends a monitor in the Orchestrator's order: sends the last message, removes the directory, sends SIGTERM to the process
 * group, and finally SIGKILL.
 */
async function endMonitor(
  monitor: MonitorProcess,
  { lastMessage }: Ending,
  tmpDir: string,
  limits: DriveLimits,
  onProblem: (text: string) => void,
): Promise<void> {
  if (lastMessage !== undefined) monitor.write(lastMessage);
  await Promise.all([
    // The monitor may still write there. The directory is removed again after the monitor has ended.
    rm(tmpDir, { recursive: true, force: true }).catch(() => {}),
    lastMessage !== undefined && Promise.race([monitor.exited, delay(limits.terminateAfterMs)]),
  ]);
  if (monitor.isRunning) {
    monitor.signalGroup('SIGTERM');
    const timer = setTimeout(() => {
      monitor.signalGroup('SIGKILL');
      onProblem(
        `the monitor did not end within ${formatLimit(limits.killAfterMs)} of SIGTERM: the Orchestrator kills it, or loses track of it if a shell started it; end the process on SIGTERM and at the end of stdin`,
      );
    }, limits.killAfterMs);
    await monitor.exited;
    clearTimeout(timer);
  }
  const { outlived } = await monitor.closed;
  if (outlived) {
    onProblem(
      'the monitor left a process behind that does not end on SIGTERM: the Orchestrator would leave it running; end what you start',
    );
  }
}

/**
 * Passes on what a monitor logged while it ended. The Orchestrator does not read that, but it may be the only place where
 * the monitor names what it could not remove. Other messages and problems no longer matter.
 */
async function reportLastLogs(
  { events }: MonitorProcess,
  pending: Uint8Array,
  onEvent: (event: DriveEvent) => void,
): Promise<void> {
  const chunks = [pending];
  // The process has ended, so all of its output is in the queue.
  for (let event; (event = await events.next(0)) !== undefined;) if (event.kind === 'stdout') chunks.push(event.bytes);
  const bodies = new OrchestratorReader(() => {}).append(Buffer.concat(chunks));
  for (const body of bodies) reportLog(parseFromMonitor(body), onEvent);
}
