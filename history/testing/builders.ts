import {
  blockedStep,
  failedStep,
  interruptedStep,
  monitorRun,
  passedStep,
  stepError,
} from '../../runner/testing/builders.ts';
import type { StepResult } from '../../runner/step-result.ts';
import { endOf } from '../looks.ts';
import { MetristState } from '../metrist-state.ts';
import type { Overview, StateChange } from '../overview.ts';
import type { RunRecord } from '../run-record.ts';
import { RunTable } from '../run-table.ts';
import { MonitorState } from '../state.ts';

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

/** The overview of these runs, which come in the order in which they ended, as it is read from a history of them. */
export function overviewOf(runs: readonly RunRecord[], overrides: Partial<Overview> = {}): Overview {
  const lastRun = runs.at(-1);
  const { mode = lastRun?.mode ?? 'live', nowMs = lastRun === undefined ? noonMs : endOf(lastRun) } = overrides;
  const table = new RunTable();
  const state = new MonitorState();
  const metrist = new MetristState();
  const changes: StateChange[] = [];
  for (const run of runs) {
    const before = state.read(endOf(run)).overall;
    if (before.state === 'no fresh data' && changes.length > 0) {
      changes.push({ state: before.state, atMs: before.sinceMs ?? endOf(run) });
    }
    for (const each of [table, state, metrist]) each.add(run);
    const after = state.read(endOf(run)).overall;
    if (after.state !== changes.at(-1)?.state) changes.push({ state: after.state, atMs: after.sinceMs ?? endOf(run) });
  }
  const firstMs = Date.parse(runs[0]?.startedAt ?? new Date(nowMs).toISOString());
  return {
    mode,
    otherInstances: [],
    nowMs,
    window: { fromMs: Math.floor(firstMs / 86_400_000) * 86_400_000, toMs: nowMs },
    state: state.read(nowMs),
    changes,
    metrist: { checks: metrist.checks, ...(metrist.monitor !== undefined && { monitor: metrist.monitor }) },
    table,
    ...(lastRun !== undefined && { lastRun }),
    ...(lastRun?.instance !== undefined && { instance: lastRun.instance }),
    skipped: 0,
    problems: [],
    ...overrides,
  };
}
