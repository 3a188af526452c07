/** How long an aborted step may take to tidy up and to write down its evidence. */
const stepGraceMs = 250;

/**
 * Waits for `work`, but not past an abort: work that ignores its signal is left to itself after a short grace.
 *
 * @param graceMs how long the work may go on after the abort
 * @throws what `work` rejects with, or the signal's reason
 */
export async function settleWithin<T>(work: Promise<T>, signal: AbortSignal, graceMs = stepGraceMs): Promise<T> {
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    if (graceMs === 0) reject(signal.reason);
    else timer = setTimeout(() => reject(signal.reason), graceMs);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, givenUp]);
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
 * A deadline: a signal that aborts with an error of ours, which says what took too long. `AbortSignal.timeout` only says
 * that "the operation was aborted due to timeout". Does not keep the process alive.
 */
export function abortAfter(ms: number, message: string): AbortSignal {
  const controller = new AbortController();
  const error = Object.assign(new Error(message), { name: 'TimeoutError' });
  setTimeout(() => controller.abort(error), ms).unref();
  return controller.signal;
}

/** Opening the session took too long. Its cause says what was being waited for, if the monitor knows. */
export class OpenTimeoutError extends Error {
  override readonly name = 'OpenTimeout';

  constructor(timeoutMs: number, cause: unknown) {
    super(`the session was not open within ${timeoutMs / 1000} s`, { cause });
  }
}

/** A step was not done by its deadline. */
export class StepTimeoutError extends Error {
  override readonly name = 'StepTimeout';

  constructor(timeoutMs: number, waitingFor: string) {
    super(`gave up after ${timeoutMs / 1000} s of waiting for ${waitingFor}`);
  }
}
