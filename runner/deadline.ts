import { formatLimit } from '../text/duration.ts';

/** How long an aborted step may take to clean up and to record its evidence. */
const stepGraceMs = 250;

/**
 * Waits for `work`, but not past an abort: work that ignores its signal is abandoned after a short grace period.
 *
 * @param graceMs how long the work may go on after the abort
 * @throws what `work` rejects with, or the signal's reason
 */
export async function settleWithin<T>(work: Promise<T>, signal: AbortSignal, graceMs = stepGraceMs): Promise<T> {
  const { promise: abandoned, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    if (graceMs === 0) reject(signal.reason);
    else timer = setTimeout(() => reject(signal.reason), graceMs);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, abandoned]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Waits for some time, but not past an abort.
 *
 * @throws the signal's reason
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await settleWithin(promise, signal, 0);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A deadline: a signal that aborts with an error that says what took too long. `AbortSignal.timeout` only says "the
 * operation was aborted due to timeout". Does not keep the process alive.
 */
export function abortAfter(ms: number, message: string): AbortSignal {
  const controller = new AbortController();
  const error = Object.assign(new Error(message), { name: 'TimeoutError' });
  setTimeout(() => controller.abort(error), ms).unref();
  return controller.signal;
}

/**
 * Opens something within a time limit, even if `open` ignores its signal. Closes what opens too late.
 *
 * @param signal aborted when the run is cancelled
 * @throws {OpenTimeoutError}
 * @throws what `open` rejects with, or the reason of `signal`
 */
export async function openInTime<T>(
  open: (signal: AbortSignal) => Promise<T>,
  close: (opened: T) => void,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<T> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const within = AbortSignal.any([signal, deadline]);
  const opening = open(within);
  try {
    return await settleWithin(opening, within);
  } catch (error) {
    opening.then(close).catch(() => {});
    if (!deadline.aborted || signal.aborted) throw error;
    throw new OpenTimeoutError(timeoutMs, error === deadline.reason ? undefined : error);
  }
}

/** The session did not open in time. The cause says what the monitor was waiting for, if it knows. */
export class OpenTimeoutError extends Error {
  override readonly name = 'OpenTimeout';

  constructor(timeoutMs: number, cause: unknown) {
    super(`the session was not open within ${formatLimit(timeoutMs)}`, { cause });
  }
}

/** A step did not finish before its deadline. */
export class StepTimeoutError extends Error {
  override readonly name = 'StepTimeout';

  constructor(timeoutMs: number, waitingFor: string) {
    super(`gave up after ${formatLimit(timeoutMs)} of waiting for ${waitingFor}`);
  }
}
