import { describeValue, describeUnresolved, isUnresolved } from '../../host/setting-text.ts';

/** What a registration needs to know about a monitor. */
interface MonitorOutline {
  readonly name: string;
  readonly steps: readonly { readonly name: string; readonly description: string }[];
}

/** What a user decides about a registration. */
export interface RegistrationOptions {
  /** From the start of one run to the start of the next. @default 120 */
  readonly intervalSecs?: number;
  /** Orchestrators run it if they have one of these names among their own run groups. @default [] */
  readonly runGroups?: readonly string[];
  /** When the Orchestrator gives up on a step. @default 900 */
  readonly timeoutSecs?: number;
}

/** Body of `POST /api/v0/monitor-config`. */
export interface MonitorConfig {
  readonly monitor_logical_name: string;
  readonly interval_secs: number;
  readonly run_groups: readonly string[];
  readonly run_spec: { readonly name: string; readonly run_type: 'exe' };
  /** In the order in which they run. */
  readonly steps: readonly MonitorConfigStep[];
}

interface MonitorConfigStep {
  readonly check_logical_name: string;
  /** Metrist accepts the description and `required`, but does not store them. */
  readonly description: string;
  readonly required: true;
  /** Metrist documents a default but does not apply it: without a timeout it answers 202 and stores nothing. */
  readonly timeout_secs: number;
}

export const defaultIntervalSecs = 120;
export const defaultTimeoutSecs = 900;

/**
 * The registration of a monitor. The Orchestrator will start the program that has the monitor's name.
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

/** 0 would stop the Orchestrator's scheduler. After a day without a result Metrist forgets what it knew about a step. */
export const intervalRange = { least: 1, most: 86_400 } as const;
/** The range that a package's manifest allows. */
export const timeoutRange = { least: 1, most: 65_535 } as const;

/** The Orchestrator cuts its list of groups at commas, so a name with one can never match. */
export function isRunGroup(name: string): boolean {
  return name !== '' && name.length <= 255 && name === name.trim() && name.isWellFormed() && !/[,\0]/.test(name);
}

type ParsedRunGroups = Readonly<Record<'runGroups' | 'problems' | 'warnings', readonly string[]>>;

/**
 * Reads `METRIST_RUN_GROUPS`, names separated by commas. Removes blanks around a name, with a warning: the Orchestrator
 * reads the same variable and keeps them. Never throws.
 *
 * @returns the groups as they can be registered, and one line for each problem and warning
 */
export function parseRunGroups(value = ''): ParsedRunGroups {
  if (value.trim() === '') return { runGroups: [], problems: [], warnings: [] };
  if (isUnresolved(value)) return refuseRunGroups(describeUnresolved('METRIST_RUN_GROUPS', value));
  const written = value.split(',');
  const runGroups = written.map((name) => name.trim());
  if (!runGroups.every(isRunGroup) || new Set(runGroups).size < runGroups.length) {
    return refuseRunGroups(
      `METRIST_RUN_GROUPS is ${describeValue(value)}: expected different names, separated by commas`,
    );
  }
  const warnings = written
    .filter((name) => name !== name.trim())
    .map(
      (name) =>
        `METRIST_RUN_GROUPS holds ${describeValue(name)}, which is taken as ${describeValue(name.trim())}: an Orchestrator does not trim, so remove the blanks there, too`,
    );
  return { runGroups, problems: [], warnings };
}

function refuseRunGroups(problem: string): ParsedRunGroups {
  return { runGroups: [], problems: [problem], warnings: [] };
}

/** Metrist looks only at the last hour. With this interval at least three runs are in it. */
const longestUsefulIntervalSecs = 1200;

/**
 * Warns about what Metrist accepts but will hardly do what the user wants, one line each.
 *
 * @param stepTimeoutSecs the monitor's own deadline for a step
 */
export function findRegistrationWarnings(
  config: Pick<MonitorConfig, 'run_groups' | 'interval_secs'> & {
    readonly steps: readonly Pick<MonitorConfigStep, 'timeout_secs'>[];
  },
  stepTimeoutSecs: number,
): string[] {
  const { run_groups: runGroups, interval_secs: intervalSecs, steps } = config;
  const timeoutSecs = Math.min(...steps.map((step) => step.timeout_secs));
  return [
    runGroups.length === 0 &&
      'no run groups: an Orchestrator that has some of its own (METRIST_RUN_GROUPS) will not run this',
    intervalSecs > longestUsefulIntervalSecs &&
      `an interval of ${intervalSecs} s: Metrist looks only at the last hour, and needs three slow runs in it for degraded, two failed ones for down; use ${longestUsefulIntervalSecs} s or less`,
    timeoutSecs < stepTimeoutSecs &&
      `a timeout of ${timeoutSecs} s: the Orchestrator stops the run before a step reaches its own deadline of ${stepTimeoutSecs} s, and what the run created may stay; set METRIST_STEP_TIMEOUT_SECS to less than ${timeoutSecs}`,
  ].filter((warning) => warning !== false);
}
