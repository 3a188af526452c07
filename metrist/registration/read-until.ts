import { setTimeout as delay } from 'node:timers/promises';
import { systemClock, type Clock } from '../../runner/clock.ts';
import { MetristError, type MonitorConfigApi } from './monitor-config-api.ts';
import type { StoredMonitorConfig } from './stored-monitor-config.ts';

/** How long and how often Metrist is asked whether a change is there. */
export interface ConfirmOptions {
  /**
   * From the change to the last look.
   * @default 30_000
   */
  readonly confirmWithinMs?: number;
  /** Ends the waiting: the promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** @default the system's */
  readonly clock?: Pick<Clock, 'elapsedMs'>;
  /** @default a timer that heeds the signal */
  readonly wait?: (ms: number) => Promise<unknown>;
}

const firstPauseMs = 100;
const longestPauseMs = 3000;
/** Also the last look has to have a chance. */
const leastTimeoutMs = 1000;

/**
 * Reads a monitor's registrations, ever more slowly, until they are as they should be: Metrist shows a change some time
 * after it was accepted. An answer that fails for the moment is a reason to look again.
 *
 * @returns what `look` made of the registrations, or `undefined` at the deadline
 * @throws {MetristError} where looking again is no use
 */
export async function readUntil<Found>(
  api: MonitorConfigApi,
  monitor: string,
  look: (stored: readonly StoredMonitorConfig[]) => Found | undefined,
  { confirmWithinMs = 30_000, signal, clock = systemClock, wait }: ConfirmOptions = {},
): Promise<Found | undefined> {
  const pause = wait ?? ((ms: number) => delay(ms, undefined, { signal }));
  const endMs = clock.elapsedMs() + confirmWithinMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const found = await tryToLook(api, monitor, look, Math.max(endMs - clock.elapsedMs(), leastTimeoutMs));
    signal?.throwIfAborted();
    if (found !== undefined) return found;
    const leftMs = endMs - clock.elapsedMs();
    if (leftMs <= 0) return undefined;
    await pause(Math.min(pauseMs, leftMs));
  }
}

async function tryToLook<Found>(
  api: MonitorConfigApi,
  monitor: string,
  look: (stored: readonly StoredMonitorConfig[]) => Found | undefined,
  timeoutMs: number,
): Promise<Found | undefined> {
  try {
    return look(await api.list(monitor, { timeoutMs }));
  } catch (error) {
    if (error instanceof MetristError && error.isTransient) return undefined;
    throw error;
  }
}
