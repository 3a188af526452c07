import { inspect } from 'node:util';
import { redact } from './redact.ts';

const events = ['uncaughtException', 'unhandledRejection'] as const;
type Listener = (...args: unknown[]) => void;

/**
 * Removes secrets from errors that nobody handles, before vitest prints them or sends them from its worker to its
 * reporters. Those know the secrets of the environment, but not the credentials that the run found by itself.
 *
 * It stands in for the listeners that are there: vitest keeps silent about such errors where it is not the only listener.
 *
 * @returns a function that ends it
 */
export function scrubUnhandledErrors(): () => void {
  const restores = events.map((event) => {
    const listeners = process.listeners(event) as Listener[];
    const standIns = listeners.map((listener): Listener => (...args) => {
      listener(redactedCopy(args[0]), ...args.slice(1));
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

/**
 * A copy of what was thrown, made of redacted text alone. Node and vitest show every property of an error, and some hold
 * a whole request; and not every error lets its message be changed.
 */
export function redactedCopy(thrown: unknown, depth = 1): unknown {
  if (typeof thrown === 'string') return redact.text(thrown);
  if (typeof thrown !== 'object' || thrown === null) return thrown;
  if (!(thrown instanceof Error)) return redact.text(inspect(thrown));
  const copy = new Error(redact.text(thrown.message));
  copy.name = redact.text(thrown.name);
  copy.stack = redact.text(thrown.stack ?? '');
  if ('code' in thrown)
    Object.assign(copy, { code: typeof thrown.code === 'string' ? redact.text(thrown.code) : thrown.code });
  if (thrown.cause !== undefined && depth < longestChain) copy.cause = redactedCopy(thrown.cause, depth + 1);
  return copy;
}
