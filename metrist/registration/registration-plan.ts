import type { MonitorConfig } from './monitor-config.ts';
import { joinLines } from '../../text/printable.ts';
import { type StoredMonitorConfig, findDifferences } from './stored-monitor-config.ts';

/** What there is to do for a monitor to be registered once, as wanted. */
export interface RegistrationPlan {
  readonly wanted: MonitorConfig;
  /** All that Metrist showed. */
  readonly before: readonly StoredMonitorConfig[];
  /** The id of the one that is as wanted. Absent: it has to be made. */
  readonly keptId?: string;
  /** To be removed, once the wanted one stands. */
  readonly obsolete: readonly ObsoleteConfig[];
}

export interface ObsoleteConfig {
  readonly id: string;
  /** A clause: `interval_secs 300 instead of 120`. */
  readonly why: string;
}

/**
 * Decides by what is registered now.
 *
 * @throws {LostConfigError} where something would be lost that nobody can restore
 */
export function planRegistration(wanted: MonitorConfig, before: readonly StoredMonitorConfig[]): RegistrationPlan {
  const judged = before.map((stored) => ({ stored, differences: findDifferences(wanted, stored) }));
  const [kept] = judged.filter(({ differences }) => differences.length === 0).toSorted(byWorthKeeping);
  const obsolete = judged.filter((each) => each !== kept);
  for (const { stored } of obsolete) if (extraNames(stored).length > 0) throw new LostConfigError(stored);
  return {
    wanted,
    before,
    ...(kept !== undefined && { keptId: kept.stored.id }),
    obsolete: obsolete.map(({ stored, differences }) => ({
      id: stored.id,
      why: differences.join(', ') || 'a duplicate',
    })),
  };
}

/** A registration stands in the way that holds extra configuration: Metrist shows the names of that, never the values. */
export class LostConfigError extends Error {
  readonly code = 'LostConfigError';

  constructor(stored: StoredMonitorConfig) {
    const names = extraNames(stored)
      .map((name) => joinLines(name, 200))
      .join(', ');
    super(
      `the registration ${stored.id} would have to be removed, but holds extra configuration (${names}) whose values ` +
        `Metrist does not give back. Nothing was changed. If they are needed no more: awsiam unregister ${stored.id}`,
    );
  }
}

/**
 * Extra configuration cannot be made again. Of the others any will do that is the same one for all who register at the
 * same time: two that removed each other's would leave none.
 */
function byWorthKeeping(a: { stored: StoredMonitorConfig }, b: { stored: StoredMonitorConfig }): number {
  return extraNames(b.stored).length - extraNames(a.stored).length || (a.stored.id < b.stored.id ? -1 : 1);
}

function extraNames({ extra_config: extra }: StoredMonitorConfig): string[] {
  return (extra ?? []).map(({ name }) => name);
}
