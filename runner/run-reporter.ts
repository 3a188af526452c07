import type { MonitorRun } from './monitor-run.ts';

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
  /** What it does, for somebody who waits for it: `delivering results to Metrist`. @default 'writing the reports' */
  readonly doing?: string;
  report(run: MonitorRun): Promise<ReportOutcome>;
}
