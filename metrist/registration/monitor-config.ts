/** What a registration needs to know of a monitor. */
export interface MonitorOutline {
  readonly name: string;
  readonly steps: readonly { readonly name: string; readonly description: string }[];
}

/** What a user decides about a registration. */
export interface RegistrationOptions {
  /**
   * From the start of one run to the start of the next.
   * @default 120
   */
  readonly intervalSecs?: number;
  /**
   * The Orchestrators that run it: those that share a name with it.
   * @default []
   */
  readonly runGroups?: readonly string[];
  /**
   * When the Orchestrator gives up on a step.
   * @default 900
   */
  readonly timeoutSecs?: number;
}

/** Body of `POST /api/v0/monitor-config`. */
export interface MonitorConfig {
  readonly monitor_logical_name: string;
  readonly interval_secs: number;
  readonly run_groups: readonly string[];
  readonly run_spec: { readonly name: string; readonly run_type: 'exe' };
  /** In the order of their run. */
  readonly steps: readonly MonitorConfigStep[];
}

export interface MonitorConfigStep {
  readonly check_logical_name: string;
  /** Metrist takes it and keeps it nowhere. */
  readonly description: string;
  /** Metrist takes it and keeps it nowhere. */
  readonly required: true;
  /** Metrist has a default for it that it does not apply: without it nothing is stored, behind a 202. */
  readonly timeout_secs: number;
}

export const defaultIntervalSecs = 120;
export const defaultTimeoutSecs = 900;

/**
 * What registers a monitor that the Orchestrator starts as a program of the monitor's name.
 *
 * ```json
 * {"monitor_logical_name":"awsiam","interval_secs":120,"run_groups":["prod"],"run_spec":{"name":"awsiam","run_type":"exe"},
 *   "steps":[{"check_logical_name":"CreateUser","description":"Creates a user with a random name.","required":true,
 *     "timeout_secs":900}]}
 * ```
 */
export function createMonitorConfig(
  { name, steps }: MonitorOutline,
  { intervalSecs = defaultIntervalSecs, runGroups = [], timeoutSecs = defaultTimeoutSecs }: RegistrationOptions = {},
): MonitorConfig {
  return {
    monitor_logical_name: name,
    interval_secs: intervalSecs,
    run_groups: runGroups,
    run_spec: { name, run_type: 'exe' },
    steps: steps.map((step) => ({
      check_logical_name: step.name,
      description: step.description,
      required: true,
      timeout_secs: timeoutSecs,
    })),
  };
}
