import { afterAll, beforeAll, describe, test, type RunnerTestSuite } from 'vitest';
import { listenForInterruption } from '../interruption.ts';
import type { Monitor } from '../monitor.ts';
import type { SweepReport, TeardownReport } from '../monitor-run.ts';
import { tellProgress } from '../progress.ts';
import { MonitorRunner, type MonitorRunnerOptions } from '../run-monitor.ts';
import { scrubUnhandledErrors } from './unhandled-errors.ts';
import { formatStepError, type StepError, type StepResult } from '../step-result.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** What became of the step that this test ran. */
    step?: StepResult;
    /** On the suite: how teardown went. */
    teardown?: TeardownReport;
    /** On the suite: what became of the leftovers of earlier runs. */
    sweep?: SweepReport;
    /** On the suite: from the start of the first step to the end of the last one, by the monotonic clock. */
    durationMs?: number;
  }
}

/** What vitest sees of a failed step. Made of the redacted error alone: no cause, no AWS object behind it. */
class StepFailure extends Error {
  override readonly name = 'StepFailure';

  constructor(error: StepError) {
    super(`${formatStepError(error)}\n${error.advice}`);
    if (error.stack !== undefined) this.stack = error.stack;
  }
}

/** Longer than any deadline of ours, so that vitest's own timers never decide. */
const never = 2 ** 31 - 1;

/**
 * Front end 1: declares a monitor as a vitest suite, one test per step. The steps run in order and once, whatever
 * `--retry`, `--repeats` or `--sequence.shuffle` say: they build on one another and make things in somebody's account.
 */
export function describeMonitor<Config, Session>(
  monitor: Monitor<Config, Session>,
  options: MonitorRunnerOptions<Config>,
): void {
  const runner = new MonitorRunner(monitor, options);
  const interruption = listenForInterruption();
  const stopScrubbing = scrubUnhandledErrors();
  const telling = tellProgress(() => runner.progress, interruption.signal);
  let suite: RunnerTestSuite | undefined;
  /** Whether only some steps were asked for (`-t`). Each step needs those before it, so that none runs. */
  let isSelection = false;

  describe(monitor.name, { shuffle: false, concurrent: false, retry: 0, repeats: 0, timeout: never }, () => {
    // oxlint-disable-next-line no-empty-pattern -- vitest accepts no other first argument
    beforeAll(async ({}, { tasks }) => {
      isSelection = tasks.some(({ mode }) => mode === 'skip' || mode === 'todo');
      if (!isSelection) await runner.open(interruption.signal);
    }, never);

    for (const { name } of monitor.steps) {
      test(name, async ({ task, signal, skip }) => {
        if (isSelection) skip('not selected for this run');
        const result = await runner.step(name, AbortSignal.any([signal, interruption.signal]));
        task.meta.step = result;
        suite = task.suite;
        switch (result.state) {
          case 'passed':
            return;
          case 'failed':
            throw new StepFailure(result.error);
          case 'blocked':
          case 'interrupted':
            skip(result.reason);
            return;
          default:
            return result satisfies never;
        }
      });
    }

    afterAll(async () => {
      const report = await runner.teardown();
      const sweep = await runner.sweep(interruption.signal);
      const { durationMs } = runner;
      if (suite !== undefined) Object.assign(suite.meta, { teardown: report, durationMs, ...(sweep && { sweep }) });
      runner.close();
      telling[Symbol.dispose]();
      interruption[Symbol.dispose]();
      stopScrubbing();
    }, never);
  });
}
