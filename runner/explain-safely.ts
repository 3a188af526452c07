import type { StepError } from './step-result.ts';

/** Explains an error, also where the monitor's own `explain` breaks its promise and throws. */
export function explainSafely(
  explain: (error: unknown, step: string) => StepError,
  error: unknown,
  step: string,
): StepError {
  try {
    return explain(error, step);
  } catch (bug) {
    const text = bug instanceof Error ? bug.message : 'something that is no error was thrown';
    return {
      verdict: 'monitor',
      code: 'NoExplanation',
      message: `NoExplanation at ${step}: it failed, and so did explaining why: ${text}`,
      advice: 'This is a fault of the monitor: report it with this message.',
    };
  }
}
