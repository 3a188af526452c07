import { endOf } from '../../history/looks.ts';
import type { Overview } from '../../history/overview.ts';
import { wholeRun, type Failure, type Figures, type Window } from '../../history/run-table.ts';
import type { MonitorStatus } from '../../metrist/registration/monitor-config-api.ts';
import { verdicts } from '../../runner/step-result.ts';
import { dayAndWeek } from './render-status.ts';

/**
 * The status as one JSON-safe value. docs/status.md has the schema. What is not known is `null`, so that every field is
 * always there.
 *
 * @param remote Metrist's own view: `undefined` if it was not asked for, `null` if Metrist did not say
 */
export function statusJson(overview: Overview, remote?: MonitorStatus | null): Readonly<Record<string, unknown>> {
  const { mode, instance, otherInstances, nowMs, state, metrist, table, lastRun, skipped, problems } = overview;
  const windows = dayAndWeek(nowMs);
  const figuresOf = (step: string) => ({
    day: figuresJson(table.figures(step, windows.day), windows.day),
    week: figuresJson(table.figures(step, windows.week), windows.week),
  });
  const lastFailureOf = (step: string) => failureJson(table.failures.findLast(({ result }) => result.name === step));
  return {
    schema: 1,
    monitor: 'awsiam',
    mode,
    instance: instance ?? null,
    at: isoTime(nowMs),
    state: state.overall.state,
    since: isoTime(state.overall.sinceMs),
    metrist: { state: metrist.monitor ?? null },
    ...(remote !== undefined && {
      remote: remote && { state: remote.state, lastChecked: isoTime(Date.parse(remote.last_checked)) },
    }),
    lastRun:
      lastRun === undefined
        ? null
        : {
            startedAt: lastRun.startedAt,
            endedAt: isoTime(endOf(lastRun)),
            durationMs: lastRun.durationMs,
            state: lastRun.state,
            intervalSecs: lastRun.intervalSecs,
          },
    run: figuresOf(wholeRun),
    steps: state.steps.map((step) => {
      const result = lastRun?.steps.find(({ name }) => name === step.name);
      const check = metrist.checks.get(step.name);
      return {
        name: step.name,
        state: step.state,
        since: isoTime(step.sinceMs),
        metrist: check === undefined ? null : { state: check.state, since: isoTime(check.sinceMs) },
        last:
          result === undefined
            ? null
            : { state: result.state, durationMs: result.state === 'blocked' ? null : result.durationMs },
        ...figuresOf(step.name),
        lastFailure: lastFailureOf(step.name),
      };
    }),
    lastFailure: failureJson(table.failures.at(-1)),
    otherInstances,
    skippedLines: skipped,
    problems,
  };
}

function figuresJson(
  { availability, coverage, medianMs, p95Ms, failedBy, ...counts }: Figures,
  { fromMs, toMs }: Window,
) {
  return {
    from: isoTime(fromMs),
    to: isoTime(toMs),
    ...counts,
    failedBy,
    medianMs: medianMs ?? null,
    p95Ms: p95Ms ?? null,
    availability: { part: availability.part, of: availability.of, unit: 'runs' },
    coverage: { part: coverage.part, of: coverage.of, unit: 'ms' },
  };
}

function failureJson(failure: Failure | undefined) {
  if (failure === undefined) return null;
  const { result, endMs, run } = failure;
  const { verdict, code, message, advice } = result.error;
  return {
    step: result.name,
    startedAt: result.startedAt,
    endedAt: isoTime(endMs),
    verdict,
    side: verdicts[verdict],
    code,
    message,
    advice,
    httpStatus: result.evidence.httpStatus ?? null,
    requestId: result.evidence.requestId ?? null,
    region: run.region ?? null,
    account: run.account ?? null,
  };
}

function isoTime(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}
