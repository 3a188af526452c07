/** How long an aborted step may take to tidy up and to write down its evidence. */
const graceMs = 250;

/**
 * Waits for `work`, but not past an abort: work that does not heed its signal is left to itself after a short grace.
 *
 * @throws what `work` rejects with, or the signal's reason
 */
export async function settleWithin<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => reject(signal.reason), graceMs);
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
