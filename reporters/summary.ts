import type { MonitorRun, RunProblem } from '../runner/monitor-run.ts';
import type { StepResult } from '../runner/step-result.ts';
import { formatDuration } from '../text/duration.ts';

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
