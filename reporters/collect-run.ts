import type { SerializedError } from 'vitest';
import type { TestCase, TestModule, TestRunEndReason, TestSuite } from 'vitest/node';
import { stateOfRun, type MonitorRun, type RunProblem } from '../runner/monitor-run.ts';
import { roundMs } from '../runner/clock.ts';
import type { FailedStep, StepResult } from '../runner/step-result.ts';

/** What the reporters know about a run apart from vitest's results. */
export interface RunContext extends Pick<MonitorRun, 'monitor' | 'version' | 'mode' | 'instance'> {
  /** Every step of the monitor, in order. The run has a result for each. */
  readonly stepNames: readonly string[];
  /** Warnings from before the run. @default none */
  readonly warnings?: readonly string[];
  readonly startedAt: Date;
  /** From the start of the run to its end, by the monotonic clock. */
  readonly elapsedMs: number;
  /** Describes a pause of this process, if there was one. vitest may have given up because of it. */
  readonly pause?: string;
}

/** What vitest hands to `onTestRunEnd`. */
export interface VitestRun {
  readonly testModules: readonly TestModule[];
  readonly unhandledErrors: readonly SerializedError[];
  readonly reason: TestRunEndReason;
}

/**
 * Turns what vitest reports into one run of the monitor. A module that did not load or recorded nothing becomes a failure
 * of the first step, because a monitor that saw nothing must not look healthy.
 */
export function collectRun({ testModules, unhandledErrors, reason }: VitestRun, context: RunContext): MonitorRun {
  const { monitor, stepNames, version, mode, instance, warnings = [], startedAt, elapsedMs } = context;
  const suites = testModules.flatMap((module) => [...module.children.allSuites()]);
  const tests = suites.filter(({ name }) => name === monitor).flatMap((suite) => [...suite.children.tests()]);
  // vitest gives up on a worker that does not start within a minute, even if the whole process was paused meanwhile.
  const pause = tests.every((test) => collectStep(test) === undefined) ? context.pause : undefined;
  const problems =
    pause === undefined
      ? [...problemsOf(testModules, suites), ...unhandledErrors.map((error) => problem('unhandled', error))]
      : [];
  const interruption = pause ?? (reason === 'interrupted' ? 'the run was interrupted' : undefined);
  const interrupted = interruption !== undefined;

  const steps: StepResult[] = [];
  for (const name of stepNames) {
    const test = tests.find((candidate) => candidate.name === name);
    steps.push(collectStep(test) ?? missingStep(name, steps, { problems, interruption, startedAt }));
  }
  if (!interrupted && problems.length === 0 && steps.every(({ state }) => state === 'blocked')) {
    problems.push({
      kind: 'empty',
      message: 'no step ran: each step needs those before it, so give no filter such as -t or a file name',
    });
  }
  const firstStart = steps.find((step) => 'startedAt' in step)?.startedAt ?? startedAt.toISOString();
  const teardowns = suites.flatMap((suite) => suite.meta().teardown ?? []);
  const sweeps = suites.flatMap((suite) => suite.meta().sweep ?? []);
  return {
    monitor,
    version,
    mode,
    ...(instance !== undefined && { instance }),
    ...suites.map((suite) => suite.meta().facts).find((facts) => facts !== undefined),
    startedAt: firstStart,
    durationMs: durationOf(steps, suites, elapsedMs),
    state: stateOfRun({ steps, problems, isInterrupted: interrupted }),
    steps,
    problems,
    leftovers: teardowns.flatMap(({ leftovers }) => leftovers),
    ...(sweeps.length > 0 && {
      swept: sweeps.reduce((sum, { removed }) => sum + removed, 0),
      sweptRemaining: sweeps.reduce((sum, { remaining }) => sum + remaining, 0),
    }),
    warnings: [...warnings, ...[...teardowns, ...sweeps].flatMap((report) => report.warnings)],
  };
}

/** Returns the result that a test's step recorded or, if it recorded none, a failure that vitest itself saw. */
export function collectStep(test: TestCase | undefined): StepResult | undefined {
  if (test === undefined) return undefined;
  const recorded = test.meta().step;
  if (recorded !== undefined) return recorded;
  const result = test.result();
  if (result.state !== 'failed') return undefined;
  const { startTime = 0, duration = 0 } = test.diagnostic() ?? {};
  const [error] = result.errors;
  return failure(test.name, new Date(startTime), duration, 'NoResult', {
    message: `the test ended without a result: ${error?.message ?? 'no error was given'}`,
    stack: error?.stack,
  });
}

const explanations = {
  ConfigError: { verdict: 'configuration', advice: 'Correct the setting that the message names; nothing was called.' },
  NoResult: {
    verdict: 'monitor',
    advice: 'This is a fault of the monitor and says nothing about the service: report it with this message.',
  },
} as const;

/** Makes a result for a step that recorded none. */
function missingStep(
  name: string,
  earlier: readonly StepResult[],
  run: Pick<MonitorRun, 'problems'> & Pick<RunContext, 'startedAt'> & { readonly interruption: string | undefined },
): StepResult {
  if (run.interruption !== undefined) return { state: 'blocked', name, reason: run.interruption };
  const failed = earlier.find(({ state }) => state === 'failed');
  if (failed !== undefined) return { state: 'blocked', name, reason: `${failed.name} failed` };
  const [cause] = run.problems;
  if (cause === undefined) return { state: 'blocked', name, reason: 'not selected for this run' };
  const code = cause.kind === 'configuration' ? 'ConfigError' : 'NoResult';
  return failure(name, run.startedAt, 0, code, cause);
}

function failure(
  name: string,
  startedAt: Date,
  durationMs: number,
  code: 'ConfigError' | 'NoResult',
  { message, stack }: { readonly message: string; readonly stack?: string | undefined },
): FailedStep {
  return {
    state: 'failed',
    name,
    startedAt: startedAt.toISOString(),
    durationMs,
    evidence: {},
    error: {
      ...explanations[code],
      code,
      message: `${code} at ${name}: ${message}`,
      ...(stack !== undefined && { stack }),
    },
  };
}

/** vitest's message if a step is selected by its line (`awsiam.suite.ts:20`). No step runs then, as with every filter. */
const selectedByLine = /^No test found in .* in lines? \d/;

function problemsOf(testModules: readonly TestModule[], suites: readonly TestSuite[]): RunProblem[] {
  return [
    ...testModules.flatMap((module) =>
      module
        .errors()
        .filter(({ message }) => !selectedByLine.test(message))
        .map((error) => problem('load', error)),
    ),
    ...suites.flatMap((suite) => suite.errors().map((error) => problem('hook', error))),
  ];
}

function problem(kind: RunProblem['kind'], error: SerializedError): RunProblem {
  const { stack, code } = error;
  // vitest's own errors say where it noticed the problem. Their cause says what happened.
  const cause = error.cause?.message;
  const message = cause === undefined ? error.message : `${error.message} ${cause}`;
  // A wrong setting is not a bug, so it needs no stack.
  if (code === 'ConfigError') return { kind: 'configuration', message };
  return { kind, message, ...(stack !== undefined && { stack }) };
}

/**
 * How long the run took, from the first step to the last, as the worker measured it. If the worker could not report it, the
 * sum of the steps' own times; if no step ran, the time of the whole run. Always by the monotonic clock, because the wall
 * clock may jump.
 */
function durationOf(steps: readonly StepResult[], suites: readonly TestSuite[], elapsedMs: number): number {
  const measuredMs = suites.reduce((sum, suite) => sum + (suite.meta().durationMs ?? 0), 0);
  const stepsMs = steps.reduce((sum, step) => sum + ('durationMs' in step ? step.durationMs : 0), 0);
  return roundMs(measuredMs || stepsMs || elapsedMs);
}

/** Makes the paths in stacks relative to the project, so that JUnit consumers find the file in the repository. */
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
