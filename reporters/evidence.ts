import type { Evidence } from '../runner/step-result.ts';
import { formatDuration } from './duration.ts';

/** What is worth a remark about a step that worked: more than one attempt, and waiting. Empty for a step that needed no luck. */
export function describeLuck({ attempts, retryDelayMs, propagationMs }: Evidence): string[] {
  return [
    ...(attempts !== undefined && attempts > 1 ? [`${attempts} attempts`] : []),
    ...(retryDelayMs ? [`${formatDuration(retryDelayMs)} between them`] : []),
    ...(propagationMs ? [`${formatDuration(propagationMs)} of propagation`] : []),
  ];
}

/** The last answer, as far as it is known: `HTTP 500`, `request 6b7f…`. */
export function describeAnswer({ httpStatus, requestId }: Evidence): string[] {
  return [
    ...(httpStatus === undefined ? [] : [`HTTP ${httpStatus}`]),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ];
}

/** Every piece of evidence that is there, under its own name, in the order it was recorded. */
export function evidenceEntries(evidence: Evidence): [name: string, value: string | number][] {
  return Object.entries(evidence).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
}
