import type { Evidence, BlockedStep, StepResult } from '../runner/step-result.ts';
import { formatDuration } from '../text/duration.ts';
import type { MonitorRun, RunProblem } from '../runner/monitor-run.ts';

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

/** What matters most comes first. */
const statesByWeight = ['failed', 'interrupted', 'blocked', 'passed'] as const satisfies readonly StepResult['state'][];

/**
 * A run in one clause: `8 passed in 1.24 s`, `1 failed, 6 blocked, 1 passed in 2.02 s`, `no step ran`. A run that went
 * wrong without a failed step says so: green counts alone would hide it.
 */
export function summariseRun(run: MonitorRun): string {
  const counts = statesByWeight
    .map((state) => ({ state, count: run.steps.filter((step) => step.state === state).length }))
    .filter(({ count }) => count > 0);
  const steps = counts.map(({ state, count }) => `${count} ${state}`).join(', ');
  const stateIsTold = run.state === 'passed' || counts.some(({ state }) => state === run.state);
  return [
    ...(stateIsTold ? [] : [`run ${run.state}: `]),
    steps === '' ? 'no step ran' : `${steps} in ${formatDuration(run.durationMs)}`,
  ].join('');
}

/**
 * The problems that no step's failure tells already: a run without a usable step reports its problem as the first step's
 * failure, and once is enough.
 */
export function untoldProblems({ problems, steps }: MonitorRun): RunProblem[] {
  const told = steps.flatMap((step) => (step.state === 'failed' ? [step.error.message] : []));
  return problems.filter(({ message }) => !told.some((text) => text === message || text.endsWith(`: ${message}`)));
}

/** Why an interrupted run ended early: `the run was interrupted by SIGTERM`. */
export function describeInterruption({ state, steps }: MonitorRun): string | undefined {
  if (state !== 'interrupted') return undefined;
  const cut = steps.find((step) => step.state === 'interrupted') ?? steps.find((step) => step.state === 'blocked');
  return cut?.reason ?? 'the run was interrupted';
}
