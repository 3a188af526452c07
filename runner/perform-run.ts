import { setTimeout as nextTimers } from 'node:timers/promises';
import { systemClock } from './clock.ts';
import type { Monitor } from './monitor.ts';
import { stateOfRun, type MonitorRun, type RunProblem } from './monitor-run.ts';
import { sendProgress } from './progress.ts';
import { MonitorRunner, type MonitorRunnerOptions } from './run-monitor.ts';
import type { StepResult } from './step-result.ts';
import { copyError } from '../text/copy-error.ts';
import { redact } from '../text/redact.ts';

export interface PerformRunOptions<Config>
  extends MonitorRunnerOptions<Config>, Pick<MonitorRun, 'version' | 'instance' | 'skippedBeats'> {
  /** Aborted when the run has to stop. Teardown still takes place. */
  readonly signal: AbortSignal;
  /** Warnings from before the run. @default none */
  readonly warnings?: readonly string[];
  /** Calls the listener with each error of this process that nobody handles, until it is disposed of. */
  readonly onUnhandled: (listener: (error: unknown) => void) => Disposable;
  /** Called with the result of each step as soon as it is there. */
  readonly onStep?: (result: StepResult) => void;
}

/**
 * The front end without vitest and without an Orchestrator: runs all steps of a monitor in this thread, and tears down. Never
 * rejects. An unhandled error becomes a problem of the run, as with vitest, and does not end it.
 *
 * @returns the run, complete and without secrets
 */
export async function performRun<Config, Session>(
  monitor: Monitor<Config, Session>,
  options: PerformRunOptions<Config>,
): Promise<MonitorRun> {
  const { signal, warnings = [], version, instance, skippedBeats, mode, clock = systemClock, onStep } = options;
  const problems: RunProblem[] = [];
  const startedAt = clock.now();
  const runner = new MonitorRunner(monitor, options);
  using ending = new DisposableStack();
  ending.use(options.onUnhandled((error) => problems.push(unhandledProblem(error))));
  ending.use(sendProgress(() => runner.progress, signal));
  await runner.open(signal);
  for (const { name } of monitor.steps) {
    const result = await runner.step(name, signal);
    onStep?.(result);
  }
  const teardown = await runner.teardown({ stop: signal });
  const sweep = await runner.sweep(signal);
  const { results: steps, facts, durationMs } = runner;
  runner.close();
  // Without a wait for the network, no error has come up yet.
  await nextTimers();
  return redact.value({
    monitor: monitor.name,
    version,
    mode,
    ...(instance !== undefined && { instance }),
    ...facts,
    startedAt: steps.find((step) => 'startedAt' in step)?.startedAt ?? startedAt.toISOString(),
    durationMs,
    state: stateOfRun({ steps, problems }),
    steps,
    problems,
    leftovers: teardown.leftovers,
    ...(sweep && { swept: sweep.removed, sweptRemaining: sweep.remaining }),
    ...(skippedBeats && { skippedBeats }),
    warnings: [...warnings, ...teardown.warnings, ...(sweep?.warnings ?? [])],
  });
}

function unhandledProblem(error: unknown): RunProblem {
  const { message, stack } = copyError(error);
  return { kind: 'unhandled', message, ...(stack !== undefined && { stack }) };
}
