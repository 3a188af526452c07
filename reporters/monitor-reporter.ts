import type { SerializedError, UserConsoleLog } from 'vitest';
import type { Reporter, TestCase, TestModule, TestRunEndReason } from 'vitest/node';
import type { Clock } from '../runner/clock.ts';
import { listenForInterruption, type InterruptionListener, watchForPauses } from '../runner/interruption.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { isSlow, listenForProgress, sendProgress } from '../runner/progress.ts';
import { formatElapsed } from '../text/duration.ts';
import { redact } from '../text/redact.ts';
import type { RunReporter } from './run-reporter.ts';
import { reportRun } from './report-run.ts';
import { collectRun, collectStep, type RunContext, withRelativeStacks } from './collect-run.ts';
import { StatusLine, type StatusOutput } from './status-line.ts';
import { renderStepLine, renderSummary, type TerminalOptions } from './terminal.ts';

export interface MonitorReporterOptions extends Omit<RunContext, 'startedAt' | 'elapsedMs' | 'pause'> {
  /** Makes the reporters that get the finished run, one after the other. Called once in a run. */
  readonly createReporters: () => Promise<readonly RunReporter[]>;
  /** The project's directory. Paths in stacks are shown relative to it. */
  readonly root: string;
  readonly terminal: TerminalOptions;
  readonly output: { write(text: string, done?: (error?: Error | null) => void): unknown };
  /** For what the run's code writes to the console, and for progress. */
  readonly errorOutput: StatusOutput;
  readonly clock: Clock;
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
  readonly #printed = new Set<string>();
  #status: StatusLine;
  /** Whether another reporter prints the steps on stdout in its own way. */
  #isSharing = false;
  #isReporting = false;
  #startedAt = new Date(0);
  #startMs = 0;
  #pauses: InterruptionListener | undefined;
  #progress: Disposable | undefined;
  #reporters: Promise<readonly RunReporter[]> | undefined;

  constructor(options: MonitorReporterOptions) {
    this.#options = options;
    this.#status = new StatusLine(options.errorOutput, options);
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
    this.#progress = listenForProgress((progress) => {
      if (isSlow(progress)) this.#status.show(progress.doing, formatElapsed(progress.forMs, progress.atMostMs));
    });
    this.#printed.clear();
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
    this.#printed.add(step.name);
    this.#print(renderStepLine(redact.value(step), this.#options.terminal));
  }

  /** Leaves stdout to another reporter. Warnings and the summary then go to stderr. */
  shareTerminal(): void {
    this.#isSharing = true;
    // Repainting a line on the terminal would damage what the other reporter prints.
    const { errorOutput } = this.#options;
    this.#status = new StatusLine({ write: (text) => errorOutput.write(text) }, this.#options);
  }

  /**
   * Prints what the run's code wrote to the console, without secrets. A reporter that shares the terminal prints `log` itself,
   * after this.
   */
  onUserConsoleLog(log: UserConsoleLog): void {
    log.content = redact.text(log.content);
    if (this.#isSharing) return;
    this.#status.clear();
    this.#options.errorOutput.write(log.content);
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
    const { clock, terminal, root, setExitCode } = this.#options;
    const pause = this.#pauses?.signal;
    this.#pauses?.[Symbol.dispose]();
    const context = {
      ...this.#options,
      startedAt: this.#startedAt,
      elapsedMs: clock.elapsedMs() - this.#startMs,
      ...(pause?.aborted === true && { pause: (pause.reason as Error).message }),
    };
    const collected = collectRun({ testModules, unhandledErrors, reason }, context);
    const run = redact.value(withRelativeStacks(collected, root));
    for (const step of run.steps) {
      if (!this.#printed.has(step.name)) this.#print(renderStepLine(step, terminal));
    }
    this.#isReporting = true;
    const { outcomes, isHanging } = await reportRun(() => this.#reporters ?? this.#options.createReporters(), run, {
      onWait: (what, timeoutMs) => this.#showWait(what, timeoutMs, run),
    });
    this.#progress?.[Symbol.dispose]();
    this.#status.clear();
    const summary = renderSummary(run, redact.value(outcomes), terminal);
    const writeInstead = (): void => void this.#options.errorOutput.write(`${summary}\n`);
    // Leftovers, and results that are in no file, must be shown somewhere.
    const mustBeShown = run.leftovers.length > 0 || outcomes.some(({ ok }) => !ok);
    if (this.#isSharing) writeInstead();
    else this.#print(summary, (error) => error && mustBeShown && writeInstead());
    const isMissed = outcomes.some(({ ok, required }) => !ok && required === true);
    if (run.state !== 'passed' || isMissed) setExitCode(1);
    if (isHanging) this.#options.onHang?.();
  }

  /** Shows what the process is waiting for, if that takes long. */
  readonly #showWait = (what: string, timeoutMs: number, { leftovers }: MonitorRun): Disposable => {
    const { clock } = this.#options;
    const sinceMs = clock.elapsedMs();
    const interruption = listenForInterruption();
    const sending = sendProgress(() => {
      const forMs = clock.elapsedMs() - sinceMs;
      return { doing: `reporting the run: ${what}`, forMs, atMostMs: timeoutMs - forMs, remaining: leftovers };
    }, interruption.signal);
    return {
      [Symbol.dispose]: () => {
        sending[Symbol.dispose]();
        interruption[Symbol.dispose]();
      },
    };
  };

  #print(text: string, done?: (error?: Error | null) => void): void {
    this.#status.clear();
    if (!this.#isSharing) this.#options.output.write(`${text}\n`, done);
  }
}
