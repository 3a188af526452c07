import {
  blockedStep,
  failedStep,
  interruptedStep,
  monitorRun,
  passedStep,
  stepError,
} from '../../runner/testing/builders.ts';
import type { StepResult } from '../../runner/step-result.ts';
import type { RunRecord } from '../run-record.ts';

/** Noon of 22 November 2026. */
export const noonMs = Date.UTC(2026, 10, 22, 12);

export const stepNames = ['CreateUser', 'CreateGroup', 'DeleteUser'] as const;

/** What happens in a run: it passes in so many milliseconds a step, or one step ends in the given way. */
export type Story =
  | { readonly kind: 'passed'; readonly durationMs?: number }
  | { readonly kind: 'theirs' | 'ours' | 'interrupted'; readonly at: number };

/** A run of three steps that takes no time outside of them. */
export function runRecord(atMs: number, story: Story, overrides: Partial<RunRecord> = {}): RunRecord {
  const startedAt = new Date(atMs).toISOString();
  const steps = stepNames.map((name, index): StepResult => {
    if (story.kind === 'passed') return passedStep({ name, startedAt, durationMs: story.durationMs ?? 100 });
    if (index < story.at) return passedStep({ name, startedAt, durationMs: 100 });
    if (index > story.at) return blockedStep({ name });
    if (story.kind === 'interrupted') return interruptedStep({ name, startedAt });
    const verdict = story.kind === 'ours' ? 'credentials' : 'service';
    return failedStep({ name, startedAt, durationMs: 100, error: stepError({ verdict }) });
  });
  const state = story.kind === 'theirs' || story.kind === 'ours' ? 'failed' : story.kind;
  const run = monitorRun({ startedAt, durationMs: 300, state, steps });
  return { ...run, schema: 1, intervalSecs: 120, frontEnd: 'vitest', ...overrides };
}
