import { endOf } from '../../history/looks.ts';
import type { Overview } from '../../history/overview.ts';
import { wholeRun, type Failure } from '../../history/run-table.ts';
import type { OverallState } from '../../history/state.ts';
import { describeSide, summariseRun } from '../../reporters/run-text.ts';
import { currentFailures, describeSince } from '../../reporters/state-text.ts';
import { formatAge } from '../../text/duration.ts';
import { joinLines } from '../../text/printable.ts';
import { percentOf } from '../../text/number.ts';
import { toCheckText } from './nagios-check.ts';
import { dayAndWeek } from './render-status.ts';

/** What Nagios makes of an exit code: OK, WARNING, CRITICAL, UNKNOWN. */
const exitCodes = { up: 0, degraded: 1, issues: 2, down: 2, blind: 3, 'no fresh data': 3 } as const satisfies Record<
  OverallState,
  number
>;

/**
 * Renders the status as one line for Nagios and its relatives, with its exit code.
 * https://www.monitoring-plugins.org/doc/guidelines.html
 *
 * ```text
 * AWSIAM UP - since 2026-11-20 08:14 UTC (6 days 4 h); last run 2 min ago: 8 passed in 1.24 s|'CreateUser'=0.142s;;;0 … 'availability'=99.96%;;;0;100 'coverage'=97.62%;;;0;100 'age'=120s;;;0
 * ```
 */
export function renderNagios(overview: Overview): { readonly line: string; readonly exitCode: number } {
  const { mode, nowMs, lastRun, state } = overview;
  const overall = state.overall.state;
  const since = describeSince(overview);
  const parts = [
    ...(mode === 'offline' ? ['rehearsal over the mock'] : []),
    ...(since === '' ? [] : [since]),
    ...currentFailures(overview)
      .slice(0, 1)
      .map((failure) => describeFailure(failure, nowMs)),
    lastRun === undefined
      ? 'there has never been a run'
      : `last run ${formatAge(nowMs - endOf(lastRun))} ago: ${summariseRun(lastRun)}`,
  ];
  const perfdata = perfdataOf(overview);
  const text = `AWSIAM ${overall.toUpperCase()} - ${toCheckText(parts.join('; '))}`;
  return { line: `${text}${perfdata === '' ? '' : `|${perfdata}`}\n`, exitCode: exitCodes[overall] };
}

/** `CreateGroup failed 2 min ago: service ServiceFailure, IAM's side, request 6b7f9f3e-0000-4000-8000-000000000002` */
function describeFailure({ result: { name, error, evidence }, endMs }: Failure, nowMs: number): string {
  const request = evidence.requestId === undefined ? '' : `, request ${evidence.requestId}`;
  return `${name} failed ${formatAge(nowMs - endMs)} ago: ${error.verdict} ${error.code}, ${describeSide(error.verdict)}${request}`;
}

/** The times of the last run in seconds; availability and coverage of whole runs in seven days; the age of the last run. */
function perfdataOf({ nowMs, lastRun, table, state }: Overview): string {
  if (lastRun === undefined) return '';
  const { availability, coverage } = table.figures(wholeRun, dayAndWeek(nowMs).week);
  const percent = (label: string, { part, of }: typeof coverage): string[] =>
    of === 0 ? [] : [`${toLabel(label)}=${percentOf(part, of)}%;;;0;100`];
  return [
    // Only the time of a step that passed is comparable, and a graph should not go on with an old one.
    ...lastRun.steps.flatMap((step) =>
      step.state === 'passed' && state.overall.state !== 'no fresh data'
        ? [`${toLabel(step.name)}=${inSeconds(step.durationMs)}s;;;0`]
        : [],
    ),
    ...percent('availability', availability),
    ...percent('coverage', coverage),
    `${toLabel('age')}=${Math.max(0, Math.round((nowMs - endOf(lastRun)) / 1000))}s;;;0`,
  ].join(' ');
}

function inSeconds(durationMs: number): string {
  return String(Number((durationMs / 1000).toFixed(6)));
}

/** A label may hold neither `=` nor `'`, and the line no second `|`. */
function toLabel(name: string): string {
  return `'${joinLines(name, 60).replaceAll(/[='|]/g, '_')}'`;
}
