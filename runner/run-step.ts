import { type Clock, roundMs } from './clock.ts';
import { abortWith, settleWithin, StepTimeoutError } from './deadline.ts';
import { Interruption } from './interruption.ts';
import type { Step, StepContext } from './monitor.ts';
import type { FailedStep, InterruptedStep, PassedStep, RanStep, StepError } from './step-result.ts';

export interface RunStepOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Aborted when the run is cancelled from outside. The step then counts as interrupted. */
  readonly signal: AbortSignal;
  /** Never throws. */
  readonly explain: (error: unknown, step: string) => StepError;
  /** Gets the context before the step starts. At any time, the context says what the step is waiting for. */
  readonly onStart?: (context: Pick<StepContext, 'waitingFor'>) => void;
}

/**
 * Runs one step with a deadline: times it and classifies the outcome. Never throws.
 *
 * `durationMs` is the monotonic time from the call of `step.run` until its promise settled.
 */
export async function runStep<Session>(
  step: Step<Session>,
  session: Session,
  { clock, timeoutMs, signal, explain, onStart }: RunStepOptions,
): Promise<PassedStep | FailedStep | InterruptedStep> {
  const deadline = new AbortController();
  using end = abortWith(signal, deadline.signal);
  const context: StepContext = {
    signal: end.signal,
    evidence: {},
    waitingFor: 'its result',
  };
  onStart?.(context);
  const timer = setTimeout(() => deadline.abort(new Error(`the deadline of ${step.name} has passed`)), timeoutMs);
  const startedAt = clock.now().toISOString();
  const startMs = clock.elapsedMs();
  const settled = (): RanStep => ({
    name: step.name,
    startedAt,
    durationMs: roundMs(clock.elapsedMs() - startMs),
    evidence: { ...context.evidence },
  });
  try {
    context.signal.throwIfAborted();
    await settleWithin(step.run(session, context), context.signal);
    return { state: 'passed', ...settled() };
  } catch (error) {
    const facts = settled();
    if (signal.aborted) return { state: 'interrupted', ...facts, reason: reasonOf(signal) };
    const cause = deadline.signal.aborted ? new StepTimeoutError(timeoutMs, context.waitingFor) : error;
    return { state: 'failed', ...facts, error: explain(cause, step.name) };
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Interruption ? reason.message : 'the run was cancelled';
}
