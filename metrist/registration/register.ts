import { MetristError, type MonitorConfigApi } from './monitor-config-api.ts';
import { type ConfirmOptions, readUntil } from './read-until.ts';
import type { RegistrationPlan } from './registration-plan.ts';
import { findDifferences, type StoredMonitorConfig } from './stored-monitor-config.ts';

/** Something that was done. */
export type RegistrationEvent =
  /** What is wanted was there already. */
  | { readonly kind: 'kept'; readonly id: string }
  /** Metrist shows the new registration. */
  | { readonly kind: 'registered'; readonly id: string }
  /** Metrist does not show this one any more. */
  | { readonly kind: 'removed'; readonly id: string; readonly why: string }
  /** Somebody else registered the monitor at the same time. */
  | { readonly kind: 'appeared'; readonly id: string };

export interface RegisterOptions extends ConfirmOptions {
  /** Told as it happens: what comes after may fail. */
  readonly onEvent: (event: RegistrationEvent) => void;
}

/**
 * Carries out a plan. The new registration is read back before the old ones are removed, so that there is no moment
 * without one; where it does not show up, nothing is removed.
 *
 * @throws {MetristError} that says what stands as it was
 */
export async function register(
  plan: RegistrationPlan,
  api: MonitorConfigApi,
  { onEvent, ...confirm }: RegisterOptions,
): Promise<void> {
  const { before, keptId, obsolete } = plan;
  const monitor = plan.wanted.monitor_logical_name;
  let shown = before;
  let id = keptId;
  if (id !== undefined) onEvent({ kind: 'kept', id });
  else {
    ({ id, shown } = await createAndConfirm(plan, api, confirm));
    onEvent({ kind: 'registered', id });
  }
  if (obsolete.length > 0) {
    const ids = obsolete.map((each) => each.id);
    shown = await removeAndConfirm(api, { monitor, ids, remainingId: id }, confirm);
    for (const each of obsolete) onEvent({ kind: 'removed', ...each });
  }
  for (const stranger of shown.filter((stored) => stored.id !== id)) onEvent({ kind: 'appeared', id: stranger.id });
}

async function createAndConfirm({ wanted, before }: RegistrationPlan, api: MonitorConfigApi, confirm: ConfirmOptions) {
  const created = await api.create(wanted).catch((error: unknown) => {
    // It may have arrived. Sent again, it might be there twice.
    if (error instanceof MetristError && error.isAnswerLost) return error;
    throw error;
  });
  const found = await readUntil(
    api,
    wanted.monitor_logical_name,
    (shown) => {
      // Where no id came back it is known by what it says: nothing before was as wanted.
      const match = shown.find(
        (stored) =>
          (typeof created !== 'string' || stored.id === created) && findDifferences(wanted, stored).length === 0,
      );
      return match && { id: match.id, shown };
    },
    confirm,
  );
  if (found !== undefined) return found;
  const untouched =
    before.length === 0 ? '' : ` Nothing was removed: ${before.map(({ id }) => id).join(', ')} as before.`;
  const howToGoOn = 'Should it show up later (awsiam configs), awsiam register keeps it.';
  const [why, cause] =
    typeof created === 'string'
      ? [`Metrist took the registration as ${created} but does not show it: it may not have stored it`]
      : [`${created.message}; Metrist shows no new registration`, created];
  throw new MetristError(`${why}.${untouched} ${howToGoOn}`, { cause });
}

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
