import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Clock, systemClock } from '../../../runner/clock.ts';
import { makeDir } from '../../../host/make-dir.ts';
import type { Values } from '../../../runner/monitor.ts';
import { type DriveLimits, orchestratorLimits, type DriveEvent, type DriveReport } from './drive-report.ts';
import { shakeHands } from './handshake.ts';
import { formatToMonitor } from '../messages.ts';
import { type MonitorProcess, startMonitor } from './monitor-process.ts';
import { OrchestratorReader } from './orchestrator-reader.ts';
import { type Ending, runSteps } from './run-steps.ts';
import { StepBook } from './step-book.ts';
import { tearDown } from './tear-down.ts';

export interface DriveOptions {
  /** The monitor's executable and its arguments. No shell reads them. */
  readonly command: readonly string[];
  /** What to run, in order. */
  readonly steps: readonly string[];
  /**
   * The monitor's extra_config as one compact JSON object.
   * @default '{}'
   */
  readonly configJson?: string;
  /** @default 900,000 */
  readonly stepTimeoutMs?: number;
  /**
   * Whether the monitor shall also remove what earlier runs left.
   * @default false
   */
  readonly cleanup?: boolean;
  /** The monitor's environment, whole. It gets a temporary directory besides. */
  readonly env: Values;
  /** Ends the run: the monitor is asked to leave, then killed. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: DriveEvent) => void;
  /** @default the Orchestrator's */
  readonly limits?: Partial<DriveLimits>;
  /** @default the system's */
  readonly clock?: Pick<Clock, 'elapsedMs'>;
}

/** What registrations have. */
const defaultStepTimeoutMs = 900_000;

/**
 * Starts a monitor and is its Orchestrator for one run, without any report to Metrist. The process is gone when this
 * settles, and so is its temporary directory.
 *
 * @throws {MonitorStartError} where the command cannot be started
 */
export async function driveMonitor(options: DriveOptions): Promise<DriveReport> {
  const { clock = systemClock, signal } = options;
  const limits = { ...orchestratorLimits, ...options.limits };
  const elapsedMs = (): number => clock.elapsedMs();
  const problems: string[] = [];
  const onEvent = (event: DriveEvent): void => {
    if (event.kind === 'problem' && problems.includes(event.text)) return;
    if (event.kind === 'problem') problems.push(event.text);
    options.onEvent?.(event);
  };
  const onProblem = (text: string): void => onEvent({ kind: 'problem', text });
  const book = new StepBook(options.steps, (step) => onEvent({ kind: 'step', step }));
  const reader = new OrchestratorReader(onProblem);
  const tmpDir = path.join(os.tmpdir(), `orchtmp-${randomBytes(8).toString('hex')}`);
  const times: { startedAfterMs?: number; configuredAfterMs?: number } = {};
  let strayBytes = 0;
  let monitor: MonitorProcess | undefined;

  const stop = (): void => monitor?.events.push({ kind: 'stopped' });
  // Whatever ends this process meanwhile, nothing must be left behind.
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

    const agreed = await shakeHands({
      monitor,
      configJson: options.configJson ?? '{}',
      silenceMs: limits.handshakeSilenceMs,
      elapsedMs,
      onProblem,
      onStarted: (atMs) => (times.startedAfterMs = atMs - spawnedMs),
      onStray: (bytes) => (strayBytes += bytes),
    });
    let ending: Ending = signal?.aborted ? { farewell: formatToMonitor({ kind: 'exit', cleanup: false }) } : {};
    if (agreed) {
      ending = await runSteps({
        monitor,
        reader,
        book,
        stepTimeoutMs: options.stepTimeoutMs ?? defaultStepTimeoutMs,
        cleanup: options.cleanup ?? false,
        limits,
        elapsedMs,
        onConfigured: (atMs) => (times.configuredAfterMs = atMs - spawnedMs),
        onEvent,
      });
    }
    // Without an agreement no step ran.
    book.abandon('');
    await tearDown(monitor, { ending, tmpDir, limits, pending: reader.pending, onEvent });
    return {
      steps: book.steps,
      problems,
      ...times,
      wallMs: elapsedMs() - spawnedMs,
      exit: await monitor.exited,
      strayBytes: strayBytes + reader.strayBytes,
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
