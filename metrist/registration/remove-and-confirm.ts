import { MetristError } from './metrist-error.ts';
import type { MonitorConfigApi } from './monitor-config-api.ts';
import { type ConfirmOptions, readUntil } from './read-until.ts';
import type { StoredMonitorConfig } from './stored-monitor-config.ts';

/** What is to be removed, and what has to be there afterwards. */
export interface Removal {
  readonly monitor: string;
  readonly ids: readonly string[];
  readonly remainingId?: string;
}

/**
 * Removes registrations, and returns when Metrist does not show them any more.
 *
 * @returns what it shows instead
 * @throws {MetristError} that names what is still there
 */
export async function removeAndConfirm(
  api: MonitorConfigApi,
  { monitor, ids, remainingId }: Removal,
  confirm: ConfirmOptions = {},
): Promise<readonly StoredMonitorConfig[]> {
  let failure: MetristError | undefined;
  for (const id of ids) {
    try {
      await api.remove(monitor, id);
    } catch (error) {
      // Reading tells whether it was carried out.
      if (!(error instanceof MetristError && error.isTransient)) throw error;
      failure = error;
    }
    confirm.signal?.throwIfAborted();
  }
  let last: readonly StoredMonitorConfig[] = [];
  const isPresent = (id: string): boolean => last.some((stored) => stored.id === id);
  const confirmed = await readUntil(
    api,
    monitor,
    (shown) => {
      last = shown;
      return !ids.some(isPresent) && (remainingId === undefined || isPresent(remainingId)) ? shown : undefined;
    },
    confirm,
  );
  if (confirmed !== undefined) return confirmed;
  throw new MetristError(explainRemainder(monitor, ids.filter(isPresent), failure), { cause: failure });
}

function explainRemainder(monitor: string, present: readonly string[], failure: MetristError | undefined): string {
  const why = failure === undefined ? '' : ` (${failure.message})`;
  if (present.length > 0) {
    return `Metrist still shows ${present.join(', ')} as registrations of ${monitor}${why}: look again with awsiam configs, remove with awsiam unregister`;
  }
  return `Metrist does not confirm which registrations of ${monitor} there are${why}: look again with awsiam configs`;
}
