import type { Redactor } from './redact.ts';

/**
 * Removes secrets from errors that nobody handles, before vitest in this worker sends them to its reporters. Those know
 * the secrets of the environment, but not the credentials that the run found by itself.
 *
 * @returns a function that ends it
 */
export function scrubUnhandledErrors(currentRedactor: () => Redactor): () => void {
  const scrub = (error: unknown): void => {
    const { text } = currentRedactor();
    for (let each = error, depth = 0; each instanceof Error && depth < 10; each = each.cause, depth++) {
      each.message = text(each.message);
      if (each.stack !== undefined) each.stack = text(each.stack);
    }
  };
  process.prependListener('uncaughtException', scrub);
  process.prependListener('unhandledRejection', scrub);
  return () => {
    process.off('uncaughtException', scrub);
    process.off('unhandledRejection', scrub);
  };
}
