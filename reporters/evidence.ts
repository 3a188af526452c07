import type { Evidence, BlockedStep, StepResult } from '../runner/step-result.ts';
import { formatDuration } from '../text/duration.ts';

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

/**
 * How a step went, one line per part of it, in the order it happened. Allure turns each line into a step of its own.
 *
 * ```text
 * started 2026-11-22T10:00:01.000Z
 * connections opened in 34 ms
 * 3 attempts, 180 ms of waiting between them
 * 2.10 s of waiting for an earlier change to become visible
 * last attempt took 92 ms: HTTP 500, request 6b7f9f3e-0000-4000-8000-000000000002
 * failed after 313 ms
 * ```
 */
export function renderTimeline(step: Exclude<StepResult, BlockedStep>): string[] {
  const { attempts, connectMs, propagationMs, resolution, retryDelayMs } = step.evidence;
  return [
    `started ${step.startedAt}`,
    ...(connectMs === undefined ? [] : [`connections opened in ${formatDuration(connectMs)}`]),
    ...(attempts === undefined ? [] : [describeAttempts(attempts, retryDelayMs)]),
    ...(propagationMs ? [`${formatDuration(propagationMs)} of waiting for an earlier change to become visible`] : []),
    ...describeLastAnswer(step.evidence),
    ...(resolution === undefined ? [] : [resolution]),
    `${step.state} after ${formatDuration(step.durationMs)}${step.state === 'interrupted' ? `: ${step.reason}` : ''}`,
  ];
}

function describeAttempts(attempts: number, retryDelayMs = 0): string {
  if (attempts === 1) return '1 attempt';
  return `${attempts} attempts${retryDelayMs > 0 ? `, ${formatDuration(retryDelayMs)} of waiting between them` : ''}`;
}

function describeLastAnswer(evidence: Evidence): string[] {
  const answer = describeAnswer(evidence).join(', ');
  const { lastAttemptMs } = evidence;
  if (lastAttemptMs === undefined) return answer === '' ? [] : [`last answer: ${answer}`];
  return [`last attempt took ${formatDuration(lastAttemptMs)}${answer === '' ? '' : `: ${answer}`}`];
}
