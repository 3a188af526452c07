import type { OverallState } from '../history/state.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';

/** The outcome of one report. */
export interface ReportOutcome {
  /** `false` if something did not reach its destination. */
  readonly ok: boolean;
  /** One short clause for the summary line: `report results/report.html`, `8 results to Metrist (us-east-1)`. */
  readonly text: string;
  /**
   * Whether the summary line leaves it out if `ok` is `true`: a file that is at the same place after every run.
   * @default false
   */
  readonly isRoutine?: boolean;
  /** Whether the run fails if `ok` is `false`, because the user asked for that. */
  readonly required?: boolean;
  /** How many results of this run did not reach Metrist. Absent if none was to be sent there. */
  readonly undelivered?: number;
  /** The overall state at the end of the run. Absent unless this report had to find it out. */
  readonly state?: OverallState;
}

/** A destination for finished runs. Gets each run once, after teardown. Never throws: its outcome says what failed. */
export interface RunReporter {
  /** What it writes, for the message if it hangs: `JUnit results/junit.xml`. */
  readonly what: string;
  /**
   * Time limit for one report. After that, the caller goes on without it.
   * @default 10_000
   */
  readonly timeoutMs?: number;
  /** Whether it cannot be made without the disk. @default false */
  readonly isOnDisk?: boolean;
  /** Whether the run fails if this report hangs. @default false */
  readonly required?: boolean;
  /**
   * Saves to disk what must not be lost if the process is killed during the reports. Called for all destinations before
   * the first one reports. Never throws. It may still be running when the report begins, because a disk may hang.
   */
  prepare?(run: MonitorRun): Promise<void>;
  /** @param earlier the outcomes of the reporters before this one, which some reports show */
  report(run: MonitorRun, earlier: readonly ReportOutcome[]): Promise<ReportOutcome>;
}
