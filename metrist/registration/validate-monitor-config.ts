import type { MonitorConfig } from './monitor-config.ts';

/** Whole numbers from `least` to `most`. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** 0 stops the Orchestrator's scheduler. After a day without a result Metrist forgets what it knew of a step. */
export const intervalRange: Range = { least: 1, most: 86_400 };
/** What the manifest of a package can hold. */
export const timeoutRange: Range = { least: 1, most: 65_535 };

/**
 * What Metrist would refuse, or take with a 202 and not store, or what no Orchestrator could run, as short clauses:
 * `interval_secs must be a whole number from 1 to 86400`. Empty for what can be registered.
 */
export function validateMonitorConfig(config: MonitorConfig): string[] {
  const { monitor_logical_name: name, run_spec: runSpec, run_groups: runGroups, steps } = config;
  return [
    ...check(isName(name), 'monitor_logical_name must be a name without spaces'),
    ...check(isName(runSpec.name), 'run_spec.name must be a name without spaces'),
    ...check(isWithin(config.interval_secs, intervalRange), `interval_secs must be ${describeRange(intervalRange)}`),
    ...check(runGroups.every(isRunGroup), 'run_groups must be names without a comma or blanks around them'),
    ...check(new Set(runGroups).size === runGroups.length, 'run_groups must not hold a name twice'),
    ...check(steps.length > 0, 'steps must not be empty'),
    ...steps.flatMap((step, index) => [
      ...check(isName(step.check_logical_name), `steps[${index}].check_logical_name must be a name without spaces`),
      ...check(
        isWithin(step.timeout_secs, timeoutRange),
        `steps[${index}].timeout_secs must be ${describeRange(timeoutRange)}`,
      ),
    ]),
  ];
}

/** The Orchestrator cuts its list of groups at commas, so a name with one can never match. */
export function isRunGroup(name: string): boolean {
  return isText(name) && name === name.trim() && !name.includes(',');
}

export function isWithin(value: unknown, { least, most }: Range): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

/** `a whole number from 1 to 86400` */
export function describeRange({ least, most }: Range): string {
  return `a whole number from ${least} to ${most}`;
}

/** The Orchestrator's protocol takes what follows a space for something else. */
function isName(value: unknown): boolean {
  return isText(value) && !/\s/.test(value);
}

function isText(value: unknown): value is string {
  return (
    typeof value === 'string' && value !== '' && value.length <= 255 && value.isWellFormed() && !value.includes('\0')
  );
}

function check(isFine: boolean, problem: string): string[] {
  return isFine ? [] : [problem];
}
