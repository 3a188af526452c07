import type { SerializedError, UserConsoleLog } from 'vitest';
import type { Reporter, TestCase, TestModule, TestRunEndReason } from 'vitest/node';
import type { Clock } from '../runner/clock.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import type { Redactor } from '../runner/redact.ts';
import type { ReportOutcome, RunReporter } from '../runner/run-reporter.ts';
import { collectRun, collectStep, type RunContext } from './collect-run.ts';
import { withRelativeStacks } from './relative-stacks.ts';
import { renderStepLine, renderSummary, type TerminalOptions } from './terminal.ts';

export interface MonitorReporterOptions extends Omit<RunContext, 'startedAt' | 'endedAt'> {
  /** Makes the destinations of finished runs, which get them one after the other. Called when the run starts. */
  readonly createReporters: () => Promise<readonly RunReporter[]>;
  /** The project's directory: paths in stacks are shown relative to it. */
  readonly root: string;
  readonly terminal: TerminalOptions;
  readonly output: { write(text: string): unknown };
  /** For what is written by code of the run itself. */
  readonly errorOutput: { write(text: string): unknown };
  readonly redact: Redactor;
  readonly clock: Clock;
  /**
   * Called with 1 when the run did not pass, or a required report did not arrive: vitest itself takes a run in which every
   * test was skipped for a success.
   */
  readonly setExitCode: (code: number) => void;
}

/** What the run looks like to vitest: the one vitest reporter, which prints a line per step and hands the run to the others. */
export class MonitorReporter implements Reporter {
  readonly #options: MonitorReporterOptions;
  readonly #printed = new Set<string>();
  #startedAt: Date;
  #reporters: Promise<readonly RunReporter[]> = Promise.resolve([]);

  constructor(options: MonitorReporterOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  onTestRunStart(): void {
    this.#startedAt = this.#options.clock.now();
    this.#printed.clear();
    this.#reporters = this.#options.createReporters();
    // Where that fails it is said at the end.
    this.#reporters.catch(() => {});
  }

  onTestCaseResult(test: TestCase): void {
    const step = collectStep(test);
    if (step === undefined || test.fullName !== `${this.#options.monitor} > ${step.name}`) return;
    this.#printed.add(step.name);
    this.#print(renderStepLine(this.#options.redact.value(step), this.#options.terminal));
  }

  onUserConsoleLog({ content }: UserConsoleLog): void {
    this.#options.errorOutput.write(this.#options.redact.text(content));
  }

  async onTestRunEnd(
    testModules: readonly TestModule[],
    unhandledErrors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): Promise<void> {
    const { redact, clock, terminal, root, setExitCode } = this.#options;
    const context = { ...this.#options, startedAt: this.#startedAt, endedAt: clock.now() };
    const collected = collectRun({ testModules, unhandledErrors, reason }, context);
    const run = redact.value(withRelativeStacks(collected, root));
    for (const step of run.steps) {
      if (!this.#printed.has(step.name)) this.#print(renderStepLine(step, terminal));
    }
    const outcomes = await this.#report(run);
    this.#print(renderSummary(run, redact.value(outcomes), terminal));
    const isMissed = outcomes.some(({ ok, required }) => !ok && required === true);
    if (run.state !== 'passed' || isMissed) setExitCode(1);
  }

  async #report(run: MonitorRun): Promise<ReportOutcome[]> {
    const outcomes: ReportOutcome[] = [];
    try {
      for (const reporter of await this.#reporters) await reporter.prepare?.(run);
      for (const reporter of await this.#reporters) outcomes.push(await reporter.report(run));
    } catch (error) {
      outcomes.push({ ok: false, text: `the reports could not be written: ${String(error)}` });
    }
    return outcomes;
  }

  #print(text: string): void {
    this.#options.output.write(`${text}\n`);
  }
}
