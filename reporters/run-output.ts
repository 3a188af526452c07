import type { Clock } from '../runner/clock.ts';
import { listenForInterruption } from '../runner/interruption.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { isSlow, listenForProgress, type Progress, sendProgress } from '../runner/progress.ts';
import type { StepResult } from '../runner/step-result.ts';
import { formatElapsed } from '../text/duration.ts';
import { redact } from '../text/redact.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';
import { type ReportedRun, reportRun } from './report-run.ts';
import { StatusLine, type StatusOutput } from './status-line.ts';
import { renderBeat, renderStepLine, renderSummary, type TerminalOptions } from './terminal.ts';

export interface RunOutputOptions {
  readonly terminal: TerminalOptions;
  readonly output: { write(text: string, done?: (error?: Error | null) => void): unknown };
  /** For progress, and for what the run's code writes to the console. */
  readonly errorOutput: StatusOutput;
  readonly clock: Clock;
  /** Whether a run that passed is one line, as in the log of a watch. Its steps are shown at the end, if one failed. @default false */
  readonly isBrief?: boolean;
  /** Passed on to {@link reportRun}. */
  readonly hanging?: Set<Promise<unknown>>;
}

export interface FinishedRun extends ReportedRun {
  /** Whether the run passed, and every report that is required arrived. */
  readonly isGood: boolean;
}

/**
 * Shows one run while it goes on and reports it at its end, for every front end with a terminal: a line for each step, what is
 * being waited for, and the summary.
 */
export class RunOutput {
  readonly #options: RunOutputOptions;
  readonly #printed = new Set<string>();
  #status: StatusLine;
  /** Whether somebody else prints the steps on stdout. */
  #isSharing = false;
  #progress: Disposable | undefined;

  constructor(options: RunOutputOptions) {
    this.#options = options;
    this.#status = new StatusLine(options.errorOutput, options);
  }

  /** Begins a run. From now on the progress of slow work is shown. */
  begin(): void {
    this.#printed.clear();
    this.#progress?.[Symbol.dispose]();
    this.#progress = listenForProgress((progress) => {
      if (isSlow(progress)) this.#status.show(progress.doing, formatElapsed(progress.forMs, progress.atMostMs));
    });
  }

  /** Prints the line of a step, once in a run. */
  printStep(step: StepResult): void {
    if (this.#options.isBrief === true || this.#printed.has(step.name)) return;
    this.#printed.add(step.name);
    this.#print(renderStepLine(redact.value(step), this.#options.terminal));
  }

  /** Leaves stdout to somebody else. Warnings and the summary then go to stderr. */
  shareTerminal(): void {
    this.#isSharing = true;
    // Repainting a line on the terminal would damage what the other one prints.
    const { errorOutput } = this.#options;
    this.#status = new StatusLine({ write: (text) => errorOutput.write(text) }, this.#options);
  }

  /** Prints to stderr what is neither a result nor a report. Somebody who shares the terminal prints it himself. */
  printRemark(text: string): void {
    if (this.#isSharing) return;
    this.#status.clear();
    this.#options.errorOutput.write(text);
  }

  /**
   * Prints the steps that have no line yet, hands the run to its reporters, and prints the summary.
   *
   * @param run without secrets
   * @param stopping aborted when the run has to stop. Without it, the front end announces that to all threads
   */
  async finish(
    run: MonitorRun,
    createReporters: () => Promise<readonly RunReporter[]>,
    stopping?: AbortSignal,
  ): Promise<FinishedRun> {
    for (const step of run.steps) this.printStep(step);
    const { hanging } = this.#options;
    const reported = await reportRun(createReporters, run, {
      ...(hanging && { hanging }),
      onWait: (what, timeoutMs) => this.#showWait(what, timeoutMs, run, stopping),
    });
    this.#progress?.[Symbol.dispose]();
    this.#status.clear();
    this.#printSummary(run, redact.value(reported.outcomes));
    const isMissed = reported.outcomes.some(({ ok, required }) => !ok && required === true);
    return { ...reported, isGood: run.state === 'passed' && !isMissed };
  }

  #printSummary(run: MonitorRun, outcomes: readonly ReportOutcome[]): void {
    const render = this.#options.isBrief === true ? renderBeat : renderSummary;
    const summary = render(run, outcomes, this.#options.terminal);
    const writeInstead = (): void => void this.#options.errorOutput.write(`${summary}\n`);
    // Leftovers, and results that are in no file, must be shown somewhere.
    const mustBeShown = run.leftovers.length > 0 || outcomes.some(({ ok }) => !ok);
    if (this.#isSharing) writeInstead();
    else this.#print(summary, (error) => error && mustBeShown && writeInstead());
  }

  /** Shows what the process is waiting for, if that takes long. */
  #showWait(what: string, timeoutMs: number, { leftovers }: MonitorRun, stopping?: AbortSignal): Disposable {
    const { clock } = this.#options;
    const sinceMs = clock.elapsedMs();
    const ending = new DisposableStack();
    const signal = stopping ?? ending.use(listenForInterruption()).signal;
    const current = (): Progress => {
      const forMs = clock.elapsedMs() - sinceMs;
      return { doing: `reporting the run: ${what}`, forMs, atMostMs: timeoutMs - forMs, remaining: leftovers };
    };
    ending.use(sendProgress(current, signal));
    return ending;
  }

  #print(text: string, done?: (error?: Error | null) => void): void {
    this.#status.clear();
    if (!this.#isSharing) this.#options.output.write(`${text}\n`, done);
  }
}
