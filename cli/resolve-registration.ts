import {
  type MonitorConfig,
  createMonitorConfig,
  findRegistrationWarnings,
  parseRunGroups,
} from '../metrist/registration/monitor-config.ts';
import type { Values } from '../runner/monitor.ts';
import { awsiam } from '../suites/awsiam/monitor.ts';
import { parseStepTimeout } from '../suites/awsiam/settings/config.ts';

/** What the command line says of a registration. */
export interface RegistrationArguments {
  /** Seconds. */
  readonly interval: number;
  /** Seconds. */
  readonly timeout: number;
  /** Absent: those of `METRIST_RUN_GROUPS`. */
  readonly runGroup?: readonly string[];
}

export interface ResolvedRegistration {
  readonly config: MonitorConfig;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** What registers the monitor, by the command line and the settings. */
export function resolveRegistration(
  { interval, timeout, runGroup }: RegistrationArguments,
  values: Values,
): ResolvedRegistration {
  const { runGroups, problems, warnings } =
    runGroup === undefined
      ? parseRunGroups(values['METRIST_RUN_GROUPS'])
      : { runGroups: runGroup, problems: [], warnings: [] };
  const config = createMonitorConfig(awsiam, { intervalSecs: interval, timeoutSecs: timeout, runGroups });
  const stepTimeout = parseStepTimeout(values);
  return {
    config,
    problems: [...problems, ...stepTimeout.problems],
    warnings: [...warnings, ...findRegistrationWarnings(config, stepTimeout.stepTimeoutMs / 1000)],
  };
}
