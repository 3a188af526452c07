import { stateOfRun, type MonitorRun, type RunProblem, type SweepReport } from '../../../runner/monitor-run.ts';
import { blockingReasons, type MonitorRunner } from '../../../runner/run-monitor.ts';
import type { FailedStep, StepError, StepResult } from '../../../runner/step-result.ts';
import { redact } from '../../../text/redact.ts';
import type { StepFailure } from './requested-step.ts';

/** An error that answered a `Run Step`. */
export interface FailedAnswer extends StepFailure {
  /** The step, as the Orchestrator named it. */
  readonly name: string;
  /** ISO 8601. */
  readonly answeredAt: string;
}

interface OrchestratedRun extends Pick<MonitorRun, 'monitor' | 'version' | 'instance' | 'leftovers' | 'warnings'> {
  readonly stepNames: readonly string[];
  /** `undefined` if the run ended before its Config arrived. */
  readonly runner: Pick<MonitorRunner<never, never>, 'results' | 'facts' | 'durationMs'> | undefined;
  /** The first error that was an answer. */
  readonly failed: FailedAnswer | undefined;
  /** The first uncaught error, if it was no answer. */
  readonly crash: StepError | undefined;
  readonly sweep: SweepReport | undefined;
}

/**
 * Turns what the Orchestrator asked for into one run of the monitor, complete and in step order. It is the same run that
 * vitest would have reported.
 */
export function collectRun(run: OrchestratedRun): MonitorRun {
  const { monitor, version, instance, stepNames, runner, failed, crash, leftovers, sweep, warnings } = run;
  const recorded = runner?.results ?? [];
  const ran = new Map(recorded.filter(({ state }) => state !== 'blocked').map((result) => [result.name, result]));
  const problems: RunProblem[] = [];
  if (failed !== undefined && ![...ran.values()].some(({ state }) => state === 'failed')) {
    // The step was refused, or an uncaught error cut it off. What was answered is what must be recorded.
    const isOpen = (name: string): boolean => ran.get(name)?.state !== 'passed';
    const name = [failed.name, ...stepNames].find((each) => stepNames.includes(each) && isOpen(each));
    if (name === undefined) problems.push({ kind: 'configuration', message: failed.error.message });
    else ran.set(name, toFailedStep(name, failed, ran.get(name)));
  }
  if (crash !== undefined) {
    const { message, stack } = crash;
    problems.push({ kind: 'unhandled', message, ...(stack !== undefined && { stack }) });
  }
  const steps: StepResult[] = [];
  for (const name of stepNames) steps.push(ran.get(name) ?? { state: 'blocked', name, reason: whyNotRun(steps) });
  return redact.value({
    monitor,
    version,
    mode: 'live',
    ...(instance !== undefined && { instance }),
    ...runner?.facts,
    startedAt: startOf(steps) ?? failed?.answeredAt ?? new Date(0).toISOString(),
    durationMs: runner?.durationMs ?? 0,
    state: stateOfRun({ steps, problems }),
    steps,
    problems,
    leftovers,
    ...(sweep && { swept: sweep.removed, sweptRemaining: sweep.remaining }),
    warnings,
  });
}

function toFailedStep(
  name: string,
  { error, evidence, answeredAt }: FailedAnswer,
  cutOff: StepResult | undefined,
): FailedStep {
  const { startedAt, durationMs } =
    cutOff !== undefined && 'startedAt' in cutOff ? cutOff : { startedAt: answeredAt, durationMs: 0 };
  return { state: 'failed', name, startedAt, durationMs, evidence, error };
}

function whyNotRun(earlier: readonly StepResult[]): string {
  for (const { name, state } of earlier) {
    if (state === 'failed' || state === 'interrupted') return `${name} ${blockingReasons[state]}`;
  }
  return 'not selected for this run';
}

function startOf(steps: readonly StepResult[]): string | undefined {
  return steps.find((step) => 'startedAt' in step)?.startedAt;
}
