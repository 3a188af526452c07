import { setTimeout as delay } from 'node:timers/promises';
import { systemClock, type Clock } from '../../runner/clock.ts';
import { MetristError } from '../request.ts';
import type { MonitorConfigApi } from './monitor-config-api.ts';
import type { RegistrationPlan } from './registration-plan.ts';
import { findDifferences, type StoredMonitorConfig } from './stored-monitor-config.ts';

/** Something that was done. */
export type RegistrationEvent =
  /** The wanted registration existed already. */
  | { readonly kind: 'kept'; readonly id: string }
  /** Metrist shows the new registration. */
  | { readonly kind: 'registered'; readonly id: string }
  /** Metrist does not show this one any more. */
  | { readonly kind: 'removed'; readonly id: string; readonly why: string }
  /** Somebody else registered the monitor at the same time. */
  | { readonly kind: 'appeared'; readonly id: string };

/** How long and how often Metrist is asked whether a change shows. */
interface ConfirmOptions {
  /** How long after the change Metrist is asked for the last time. @default 30_000 */
  readonly confirmWithinMs?: number;
  /** Ends the waiting: the promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** @default the system's */
  readonly clock?: Pick<Clock, 'elapsedMs'>;
  /** @default a timer that ends with the signal */
  readonly wait?: (ms: number) => Promise<unknown>;
}

interface RegisterOptions extends ConfirmOptions {
  /** Called at once for each event, because a later step may fail. */
  readonly onEvent: (event: RegistrationEvent) => void;
}

/**
 * Carries out a plan. The old registrations are removed only when Metrist shows the new one, so that there is no moment
 * without one.
 *
 * @throws {MetristError} that says what was left unchanged
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
  for (const other of shown.filter((stored) => stored.id !== id)) onEvent({ kind: 'appeared', id: other.id });
}

async function createAndConfirm({ wanted, before }: RegistrationPlan, api: MonitorConfigApi, confirm: ConfirmOptions) {
  const created = await api.create(wanted).catch((error: unknown) => {
    // The registration may have arrived. Sending it again could create a second one.
    if (error instanceof MetristError && error.isAnswerLost) return error;
    throw error;
  });
  const found = await readUntil(api, wanted.monitor_logical_name, confirm, (shown) => {
    // Without an id, the new registration is recognised by its content: no earlier one was as wanted.
    const match = shown.find(
      (stored) =>
        (typeof created !== 'string' || stored.id === created) && findDifferences(wanted, stored).length === 0,
    );
    return match && { id: match.id, shown };
  });
  if (found !== undefined) return found;
  const untouched =
    before.length === 0 ? '' : ` Nothing was removed; still registered: ${before.map(({ id }) => id).join(', ')}.`;
  const howToGoOn = 'If it shows later (awsiam configs), awsiam register keeps it.';
  const [why, cause] =
    typeof created === 'string'
      ? [`Metrist took the registration as ${created} but does not show it: it may not have stored it`]
      : [`${created.message}; Metrist shows no new registration`, created];
  throw new MetristError(`${why}.${untouched} ${howToGoOn}`, { cause });
}

/**
 * Removes registrations, and returns when Metrist does not show them any more.
 *
 * @param removal `remainingId`: the one that has to exist afterwards
 * @returns the registrations that Metrist shows by then
 * @throws {MetristError} that names those that still exist
 */
export async function removeAndConfirm(
  api: MonitorConfigApi,
  removal: { readonly monitor: string; readonly ids: readonly string[]; readonly remainingId?: string },
  confirm: ConfirmOptions = {},
): Promise<readonly StoredMonitorConfig[]> {
  const { monitor, ids, remainingId } = removal;
  let failure: MetristError | undefined;
  for (const id of ids) {
    try {
      await api.remove(monitor, id);
    } catch (error) {
      // The registration may have been removed. Reading shows whether it was.
      if (!(error instanceof MetristError && error.isTransient)) throw error;
      failure = error;
    }
    confirm.signal?.throwIfAborted();
  }
  let last: readonly StoredMonitorConfig[] = [];
  const isPresent = (id: string): boolean => last.some((stored) => stored.id === id);
  const confirmed = await readUntil(api, monitor, confirm, (shown) => {
    last = shown;
    return !ids.some(isPresent) && (remainingId === undefined || isPresent(remainingId)) ? shown : undefined;
  });
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

const firstPauseMs = 100;
const maxPauseMs = 3000;
/** Gives the last request enough time. */
const minTimeoutMs = 1000;

/**
 * Reads a monitor's registrations, with growing pauses, until they are as they should be: a change shows some time after
 * Metrist accepted it. After a temporary failure it reads again.
 *
 * @returns what `look` returned, or `undefined` at the deadline
 * @throws {MetristError} if reading again is no use
 */
async function readUntil<Found>(
  api: MonitorConfigApi,
  monitor: string,
  {
    confirmWithinMs = 30_000,
    signal,
    clock = systemClock,
    wait = (ms) => delay(ms, undefined, { signal }),
  }: ConfirmOptions,
  look: (shown: readonly StoredMonitorConfig[]) => Found | undefined,
): Promise<Found | undefined> {
  const endMs = clock.elapsedMs() + confirmWithinMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
    const timeoutMs = Math.max(endMs - clock.elapsedMs(), minTimeoutMs);
    const shown = await api.list(monitor, timeoutMs).catch((error: unknown) => {
      if (error instanceof MetristError && error.isTransient) return undefined;
      throw error;
    });
    signal?.throwIfAborted();
    const found = shown && look(shown);
    if (found !== undefined) return found;
    const leftMs = endMs - clock.elapsedMs();
    if (leftMs <= 0) return undefined;
    await wait(Math.min(pauseMs, leftMs));
  }
}
