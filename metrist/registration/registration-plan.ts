import type { MonitorConfig } from './monitor-config.ts';
import { joinLines } from '../../text/printable.ts';
import { type StoredMonitorConfig, findDifferences } from './stored-monitor-config.ts';

/** What has to be done so that a monitor is registered once, as wanted. */
export interface RegistrationPlan {
  readonly wanted: MonitorConfig;
  /** Every registration that Metrist showed. */
  readonly before: readonly StoredMonitorConfig[];
  /** The id of the one that is as wanted. Absent: it has to be created. */
  readonly keptId?: string;
  /** To be removed when the wanted one exists. `why` is a clause: `interval_secs 300 instead of 120`. */
  readonly obsolete: readonly { readonly id: string; readonly why: string }[];
}

/**
 * Decides what to keep, create and remove.
 *
 * @param before what is registered now
 * @throws {LostConfigError} when something would be lost that nobody can restore
 */
export function planRegistration(wanted: MonitorConfig, before: readonly StoredMonitorConfig[]): RegistrationPlan {
  const compared = before.map((stored) => ({ stored, differences: findDifferences(wanted, stored) }));
  const [kept] = compared.filter(({ differences }) => differences.length === 0).toSorted(byPreference);
  const obsolete = compared.filter((each) => each !== kept);
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

/** A registration that would have to be removed holds extra configuration. Metrist shows its names, never its values. */
export class LostConfigError extends Error {
  readonly code = 'LostConfigError';

  constructor(stored: StoredMonitorConfig) {
    const names = extraNames(stored)
      .map((name) => joinLines(name, 200))
      .join(', ');
    super(
      `the registration ${stored.id} would have to be removed, but holds extra configuration (${names}) whose values ` +
        `Metrist does not give back. Nothing was changed. If they are no longer needed: awsiam unregister ${stored.id}`,
    );
  }
}

/**
 * One with extra configuration comes first, because that cannot be created again. Then the id decides, so that all who
 * register at the same time keep the same one. If two removed each other's, none would be left.
 */
function byPreference(a: { stored: StoredMonitorConfig }, b: { stored: StoredMonitorConfig }): number {
  return extraNames(b.stored).length - extraNames(a.stored).length || (a.stored.id < b.stored.id ? -1 : 1);
}

function extraNames({ extra_config: extra }: StoredMonitorConfig): string[] {
  return (extra ?? []).map(({ name }) => name);
}
