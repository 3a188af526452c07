import { afterAll, beforeAll, describe, test, type RunnerTestSuite } from 'vitest';
import { abortWith } from '../deadline.ts';
import { listenForInterruption } from '../interruption.ts';
import type { Monitor } from '../monitor.ts';
import type { RunFacts, SweepReport, TeardownReport } from '../monitor-run.ts';
import { sendProgress } from '../progress.ts';
import { MonitorRunner, type MonitorRunnerOptions } from '../run-monitor.ts';
import { scrubUnhandledErrors } from './unhandled-errors.ts';
import { formatStepError, type StepError, type StepResult } from '../step-result.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** The result of the step that this test ran. */
    step?: StepResult;
    /** On the suite. */
    teardown?: TeardownReport;
    /** On the suite. */
    sweep?: SweepReport;
    /** On the suite. */
    facts?: RunFacts;
    /** On the suite: from the start of the first step to the end of the last one, by the monotonic clock. */
    durationMs?: number;
  }
}

/** The error of a failed step for vitest. It has only the redacted texts: no cause, no object of the AWS SDK. */
class StepFailure extends Error {
  override readonly name = 'StepFailure';

  constructor(error: StepError) {
    super(`${formatStepError(error)}\n${error.advice}`);
    if (error.stack !== undefined) this.stack = error.stack;
  }
}

/** Longer than all of our deadlines, so that vitest's own timers never end a step or a hook. */
const noTimeoutMs = 2 ** 31 - 1;

/**
 * The front end for vitest: declares a monitor as a suite with one test per step. The steps run once and in order, despite
 * `--retry`, `--repeats` or `--sequence.shuffle`, because they build on each other and create things in a real account.
 */
export function describeMonitor<Config, Session>(
  monitor: Monitor<Config, Session>,
  options: MonitorRunnerOptions<Config>,
): void {
  const runner = new MonitorRunner(monitor, options);
  const interruption = listenForInterruption();
  const stopScrubbing = scrubUnhandledErrors();
  const sending = sendProgress(() => runner.progress, interruption.signal);
  let suite: RunnerTestSuite | undefined;
  /** Whether only some steps were selected (`-t`). Then no step runs, because each needs those before it. */
  let isSelection = false;

  describe(monitor.name, { shuffle: false, concurrent: false, retry: 0, repeats: 0, timeout: noTimeoutMs }, () => {
    // oxlint-disable-next-line no-empty-pattern -- vitest accepts no other first argument
    beforeAll(async ({}, { tasks }) => {
      isSelection = tasks.some(({ mode }) => mode === 'skip' || mode === 'todo');
      if (!isSelection) await runner.open(interruption.signal);
    }, noTimeoutMs);

    for (const { name } of monitor.steps) {
      test(name, async ({ task, signal, skip }) => {
        if (isSelection) skip('not selected for this run');
        using end = abortWith(signal, interruption.signal);
        const result = await runner.step(name, end.signal);
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
      const report = await runner.teardown({ stop: interruption.signal });
      const sweep = await runner.sweep(interruption.signal);
      const { durationMs, facts } = runner;
      if (suite !== undefined) {
        Object.assign(suite.meta, { teardown: report, durationMs, facts, ...(sweep && { sweep }) });
      }
      runner.close();
      sending[Symbol.dispose]();
      interruption[Symbol.dispose]();
      stopScrubbing();
    }, noTimeoutMs);
  });
}
