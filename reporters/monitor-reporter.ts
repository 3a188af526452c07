import type { SerializedError, UserConsoleLog } from 'vitest';
import type { Reporter, TestCase, TestModule, TestRunEndReason } from 'vitest/node';
import { type InterruptionListener, watchForPauses } from '../runner/interruption.ts';
import { redact } from '../text/redact.ts';
import type { RunReporter } from './run-reporter.ts';
import { collectRun, collectStep, type RunContext, withRelativeStacks } from './collect-run.ts';
import { RunOutput, type RunOutputOptions } from './run-output.ts';

export interface MonitorReporterOptions
  extends Omit<RunContext, 'startedAt' | 'elapsedMs' | 'pause'>, RunOutputOptions {
  /** Makes the reporters that get the finished run, one after the other. Called once in a run. */
  readonly createReporters: () => Promise<readonly RunReporter[]>;
  /** The project's directory. Paths in stacks are shown relative to it. */
  readonly root: string;
  /**
   * Called with 1 if the run did not pass or a required report failed. For vitest, a run in which every test was skipped is
   * a success.
   */
  readonly setExitCode: (code: number) => void;
  /** Called at the end of the run if a report hangs, because that may keep the process from ending. */
  readonly onHang?: () => void;
}

/** The reporter that vitest knows. It prints a line for each step and hands the finished run to our other reporters. */
export class MonitorReporter implements Reporter {
  readonly #options: MonitorReporterOptions;
  readonly #output: RunOutput;
  #isReporting = false;
  #startedAt = new Date(0);
  #startMs = 0;
  #pauses: InterruptionListener | undefined;
  #reporters: Promise<readonly RunReporter[]> | undefined;

  constructor(options: MonitorReporterOptions) {
    this.#options = options;
    this.#output = new RunOutput(options);
  }

  /** Whether the run's reports are being written or have been written. */
  get isReporting(): boolean {
    return this.#isReporting;
  }

  onTestRunStart(): void {
    const { clock } = this.#options;
    this.#startedAt = clock.now();
    this.#startMs = clock.elapsedMs();
    this.#pauses = watchForPauses(clock);
    this.#output.begin();
    this.#reporters = undefined;
  }

  /** Loads the reporters while the worker runs the steps. Before that, it would delay the start of the worker. */
  onTestModuleCollected(): void {
    this.#reporters = this.#options.createReporters();
    // If this fails, the end of the run reports it.
    this.#reporters.catch(() => {});
  }

  onTestCaseResult(test: TestCase): void {
    const step = collectStep(test);
    if (step === undefined || test.fullName !== `${this.#options.monitor} > ${step.name}`) return;
    this.#output.printStep(step);
  }

  /** Leaves stdout to another reporter. Warnings and the summary then go to stderr. */
  shareTerminal(): void {
    this.#output.shareTerminal();
  }

  /**
   * Prints what the run's code wrote to the console, without secrets. A reporter that shares the terminal prints `log` itself,
   * after this.
   */
  onUserConsoleLog(log: UserConsoleLog): void {
    log.content = redact.text(log.content);
    this.#output.printRemark(log.content);
  }

  /** Reports that the run could not start, as a failure of its first step. */
  async failToStart(error: SerializedError): Promise<void> {
    this.onTestRunStart();
    await this.onTestRunEnd([], [error], 'failed');
  }

  async onTestRunEnd(
    testModules: readonly TestModule[],
    unhandledErrors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): Promise<void> {
    const { clock, root, setExitCode, onHang } = this.#options;
    const pause = this.#pauses?.signal;
    this.#pauses?.[Symbol.dispose]();
    const context = {
      ...this.#options,
      startedAt: this.#startedAt,
      elapsedMs: clock.elapsedMs() - this.#startMs,
      ...(pause?.aborted === true && { pause: (pause.reason as Error).message }),
    };
    const collected = collectRun({ testModules, unhandledErrors, reason }, context);
    this.#isReporting = true;
    const { isGood, isHanging } = await this.#output.finish(
      redact.value(withRelativeStacks(collected, root)),
      () => this.#reporters ?? this.#options.createReporters(),
    );
    if (!isGood) setExitCode(1);
    if (isHanging) onHang?.();
  }
}
