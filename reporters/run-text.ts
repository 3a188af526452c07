import type { MonitorRun, RunProblem } from '../runner/monitor-run.ts';
import { type BlockedStep, type Evidence, type StepResult, type Verdict, verdicts } from '../runner/step-result.ts';
import { formatDuration } from '../text/duration.ts';

/** What several reports say in the same words. */

const statesByImportance: readonly StepResult['state'][] = ['failed', 'interrupted', 'blocked', 'passed'];

/**
 * A run in one clause: `8 passed in 1.24 s`, `1 failed, 6 blocked, 1 passed in 2.02 s`, `no step ran`. If the run went wrong
 * although no step failed, the clause begins with the state of the run, because the counts alone would look fine.
 */
export function summariseRun(run: MonitorRun): string {
  const counts = statesByImportance
    .map((state) => ({ state, count: run.steps.filter((step) => step.state === state).length }))
    .filter(({ count }) => count > 0);
  const steps = counts.map(({ state, count }) => `${count} ${state}`).join(', ');
  const showsState = run.state === 'passed' || counts.some(({ state }) => state === run.state);
  const outcome = steps === '' ? 'no step ran' : `${steps} in ${formatDuration(run.durationMs)}`;
  return showsState ? outcome : `run ${run.state}: ${outcome}`;
}

/** The problems that no step's failure shows already. If no step ran, the first step fails with the run's first problem. */
export function problemsOutsideSteps({ problems, steps }: MonitorRun): RunProblem[] {
  const failures = steps.flatMap((step) => (step.state === 'failed' ? [step.error.message] : []));
  return problems.filter(({ message }) => !failures.some((text) => text === message || text.endsWith(`: ${message}`)));
}

/** Whose side a failure is on: `IAM's side`, `our side`. */
export function describeSide(verdict: Verdict): string {
  return verdicts[verdict] === 'theirs' ? "IAM's side" : 'our side';
}

/** Why an interrupted run ended early: `the run was interrupted by SIGTERM`. */
export function describeInterruption({ state, steps }: MonitorRun): string | undefined {
  if (state !== 'interrupted') return undefined;
  const step = steps.find((each) => each.state === 'interrupted') ?? steps.find((each) => each.state === 'blocked');
  return step?.reason ?? 'the run was interrupted';
}

/** Retries and waiting: `3 attempts`, `180 ms between them`. Empty if there were none. */
export function describeRetries({ attempts, retryDelayMs, propagationMs }: Evidence): string[] {
  return [
    ...(attempts !== undefined && attempts > 1 ? [`${attempts} attempts`] : []),
    ...(retryDelayMs ? [`${formatDuration(retryDelayMs)} between them`] : []),
    ...(propagationMs ? [`${formatDuration(propagationMs)} of propagation`] : []),
  ];
}

/** What is known about the last answer: `HTTP 500`, `request 6b7f…`. */
export function describeAnswer({ httpStatus, requestId }: Evidence): string[] {
  return [
    ...(httpStatus === undefined ? [] : [`HTTP ${httpStatus}`]),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ];
}

/** The evidence that is present and flat, by name, in the order in which it was recorded. */
export function evidenceEntries(evidence: Evidence): [name: string, value: string | number][] {
  const { tries: _, ...flat } = evidence;
  return Object.entries(flat).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
}

/**
 * What happened during a step, in order, one line each. Allure shows each line as a step of its own.
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
