import type { MonitorConfig } from './monitor-config.ts';

/** One registration as `GET /api/v0/monitor-config` shows it. */
export interface StoredMonitorConfig extends Pick<
  MonitorConfig,
  'monitor_logical_name' | 'interval_secs' | 'run_groups'
> {
  /** Letters and digits, without a meaning. */
  readonly id: string;
  readonly run_spec: { readonly name?: string | null; readonly run_type: string };
  readonly steps: readonly { readonly check_logical_name: string; readonly timeout_secs: number }[];
  /** Values stored for the Orchestrator. Metrist shows only their names. */
  readonly extra_config?: readonly { readonly name: string; readonly value: string }[] | null;
}

/**
 * How a stored registration differs from the wanted one, as clauses such as `interval_secs 300 instead of 120`; empty if it
 * does not. Compares only what Metrist stores, without the extra configuration, which a user may have added.
 */
export function findDifferences(wanted: MonitorConfig, stored: StoredMonitorConfig): string[] {
  return Object.entries(storedPart(wanted)).flatMap(([name, value]) => {
    const other = storedPart(stored)[name];
    if (other === value) return [];
    return [name === 'steps' ? 'other steps or timeouts' : `${name} ${other} instead of ${value}`];
  });
}

/** The order of the groups does not matter; that of the steps does. */
function storedPart(config: MonitorConfig | StoredMonitorConfig): Record<string, string> {
  return {
    interval_secs: JSON.stringify(config.interval_secs),
    run_groups: JSON.stringify(config.run_groups.toSorted()),
    run_spec: JSON.stringify([config.run_spec.name ?? null, config.run_spec.run_type]),
    steps: JSON.stringify(config.steps.map((step) => [step.check_logical_name, step.timeout_secs])),
  };
}

/** Reads an answer of `GET /api/v0/monitor-config`. @returns `undefined` if it is not what Metrist sends */
export function parseStoredMonitorConfigs(answer: unknown): StoredMonitorConfig[] | undefined {
  return Array.isArray(answer) && answer.every(isStoredMonitorConfig) ? answer : undefined;
}

function isStoredMonitorConfig(value: unknown): value is StoredMonitorConfig {
  if (!isObject(value)) return false;
  const { id, monitor_logical_name: name, interval_secs: interval, run_groups: groups, run_spec: spec, steps } = value;
  const { extra_config: extra } = value;
  return (
    typeof id === 'string' &&
    /^[\dA-Za-z]+$/.test(id) &&
    typeof name === 'string' &&
    typeof interval === 'number' &&
    Array.isArray(groups) &&
    groups.every((group) => typeof group === 'string') &&
    isObject(spec) &&
    Array.isArray(steps) &&
    steps.every(isObject) &&
    (extra === undefined ||
      extra === null ||
      (Array.isArray(extra) && extra.every((each) => isObject(each) && typeof each['name'] === 'string')))
  );
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
