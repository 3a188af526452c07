import type { MonitorConfig } from './monitor-config.ts';

/** Metrist looks at the last hour alone; three runs of this interval are in it, come what may. */
const longestUsefulIntervalSecs = 1200;

/**
 * What Metrist stores as it is although it will hardly do what the user wants, one line each.
 *
 * @param stepTimeoutSecs the monitor's own deadline of a step
 */
export function findRegistrationWarnings(config: MonitorConfig, stepTimeoutSecs: number): string[] {
  const timeoutSecs = Math.min(...config.steps.map((step) => step.timeout_secs));
  return [
    ...(config.run_groups.length === 0 ? [noRunGroups] : []),
    ...(config.interval_secs > longestUsefulIntervalSecs ? [describeInterval(config.interval_secs)] : []),
    ...(timeoutSecs < stepTimeoutSecs ? [describeTimeout(timeoutSecs, stepTimeoutSecs)] : []),
  ];
}

const noRunGroups = 'no run groups: an Orchestrator that has some of its own (METRIST_RUN_GROUPS) will not run this';

function describeInterval(intervalSecs: number): string {
  return `an interval of ${intervalSecs} s: Metrist looks at the last hour alone, and needs three slow runs in it for degraded, two failed ones for down; use ${longestUsefulIntervalSecs} s or less`;
}

function describeTimeout(timeoutSecs: number, stepTimeoutSecs: number): string {
  return `a timeout of ${timeoutSecs} s: the Orchestrator stops the run before a step reaches its own deadline of ${stepTimeoutSecs} s, and what the run made may stay; set METRIST_STEP_TIMEOUT_SECS to less than ${timeoutSecs}`;
}
