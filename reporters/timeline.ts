import type { BlockedStep, Evidence, StepResult } from '../runner/step-result.ts';
import { formatDuration } from './duration.ts';
import { describeAnswer } from './evidence.ts';

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
