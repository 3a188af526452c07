import type { MonitorRun } from '../runner/monitor-run.ts';
import type { StepResult } from '../runner/step-result.ts';
import { formatDuration } from './duration.ts';

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
