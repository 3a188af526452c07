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

/** A signal that needs a timer, or listens to other signals. Disposing ends that: then nothing aborts it any more. */
export interface DisposableSignal extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Its signal aborts with the first of these. Dispose of it when the work is done: other than with `AbortSignal.any`, nothing
 * of it then stays at signals that live as long as the process.
 */
export function abortWith(...signals: readonly AbortSignal[]): DisposableSignal {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signals.find(({ aborted }) => aborted)?.reason);
  for (const signal of signals) signal.addEventListener('abort', onAbort);
  if (signals.some(({ aborted }) => aborted)) onAbort();
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const signal of signals) signal.removeEventListener('abort', onAbort);
    },
  };
}

/**
 * A deadline: its signal aborts with an error that says what took too long. `AbortSignal.timeout` only says "the operation
 * was aborted due to timeout", and its timer stays when the work is done. Does not keep the process alive.
 *
 * @param signals abort it as well
 */
export function abortAfter(ms: number, message: string, ...signals: readonly AbortSignal[]): DisposableSignal {
  const controller = new AbortController();
  const error = Object.assign(new Error(message), { name: 'TimeoutError' });
  const timer = setTimeout(() => controller.abort(error), ms).unref();
  const joined = abortWith(controller.signal, ...signals);
  return {
    signal: joined.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      joined[Symbol.dispose]();
    },
  };
}

/**
 * Its signal aborts with the reason of another signal, some time after that. Does not keep the process alive.
 *
 * @param onAbort called at once when the other signal aborts
 */
export function abortLater(ms: number, signal: AbortSignal | undefined, onAbort: () => void): DisposableSignal {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer = setTimeout(() => controller.abort(signal?.reason), ms).unref();
    onAbort();
  };
  if (signal?.aborted === true) begin();
  else signal?.addEventListener('abort', begin);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', begin);
    },
  };
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
  using deadline = abortAfter(timeoutMs, 'opening took too long', signal);
  const within = deadline.signal;
  const opening = open(within);
  try {
    return await settleWithin(opening, within);
  } catch (error) {
    opening.then(close).catch(() => {});
    if (!within.aborted || signal.aborted) throw error;
    throw new OpenTimeoutError(timeoutMs, error === within.reason ? undefined : error);
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
