import type { MonitorRun } from '../runner/monitor-run.ts';

/** Shows the paths in stacks relative to the project, as JUnit consumers want them to find the file in the repository. */
export function withRelativeStacks(run: MonitorRun, root: string): MonitorRun {
  const relative = <T extends { readonly stack?: string }>(holder: T): T =>
    holder.stack === undefined
      ? holder
      : { ...holder, stack: holder.stack.replaceAll(`file://${root}/`, '').replaceAll(`${root}/`, '') };
  return {
    ...run,
    steps: run.steps.map((step) => (step.state === 'failed' ? { ...step, error: relative(step.error) } : step)),
    problems: run.problems.map(relative),
  };
}
