/** What another project may import as `awsiam/reporters`. Everything else may change in any version. */
export type { MonitorRun, Leftover, RunMode, RunProblem } from '../runner/monitor-run.ts';
export type { Evidence, StepError, StepResult, Verdict } from '../runner/step-result.ts';
export { JunitReporter, renderJunit } from './junit.ts';
export { MonitorReporter, type MonitorReporterOptions } from './monitor-reporter.ts';
export type { ReportOutcome, RunReporter } from './run-reporter.ts';
