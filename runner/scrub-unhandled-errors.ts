import type { Redactor } from './redact.ts';

const events = ['uncaughtException', 'unhandledRejection'] as const;
type Listener = (...args: unknown[]) => void;

/**
 * Removes secrets from errors that nobody handles, before vitest in this worker sends them to its reporters. Those know
 * the secrets of the environment, but not the credentials that the run found by itself.
 *
 * It stands in for the listeners that are there: vitest keeps silent about such errors where it is not the only listener.
 *
 * @returns a function that ends it
 */
export function scrubUnhandledErrors(currentRedactor: () => Redactor): () => void {
  const restores = events.map((event) => {
    const listeners = process.listeners(event) as Listener[];
    const standIns = listeners.map((listener): Listener => (...args) => {
      scrub(args[0], currentRedactor());
      listener(...args);
    });
    exchange(event, listeners, standIns);
    return () => exchange(event, standIns, listeners);
  });
  return () => restores.forEach((restore) => restore());
}

function exchange(event: (typeof events)[number], before: readonly Listener[], after: readonly Listener[]): void {
  for (const listener of before) process.off(event, listener);
  for (const listener of after) process.on(event, listener);
}

/** Errors can be their own cause. */
const longestChain = 10;

function scrub(error: unknown, { text }: Redactor): void {
  for (let each = error, depth = 0; each instanceof Error && depth < longestChain; each = each.cause, depth++) {
    each.message = text(each.message);
    if (each.stack !== undefined) each.stack = text(each.stack);
  }
}
