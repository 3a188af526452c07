import type { MonitorRun } from '../runner/monitor-run.ts';

/** What became of one report. */
export interface ReportOutcome {
  /** `false` when something did not reach its destination. */
  readonly ok: boolean;
  /** One short clause for the summary line: `JUnit results/junit.xml`, `8 results to Metrist (us-east-1)`. */
  readonly text: string;
  /** The run counts as failed when this did not reach its destination: the user asked for that. */
  readonly required?: boolean;
}

/** A destination for finished runs. Gets each run once, after teardown, and never throws: a report that fails says so in its outcome. */
export interface RunReporter {
  /** What it writes, named if it does not end: `JUnit results/junit.xml`. */
  readonly what: string;
  /**
   * Longest time for one report. Whoever calls it goes on after that.
   * @default 10_000
   */
  readonly timeoutMs?: number;
  /** Whether a run fails if this report does not end. @default false */
  readonly required?: boolean;
  /**
   * Puts on disk what must not be lost if the process is killed during the reports. Called for all destinations before the
   * first of them reports. Never throws. It may not have ended when the report begins: a disk may hang.
   */
  prepare?(run: MonitorRun): Promise<void>;
  report(run: MonitorRun): Promise<ReportOutcome>;
}
