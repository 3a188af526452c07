import type { RunRecord } from '../history/run-record.ts';
import { verdicts, type Evidence, type StepError, type StepResult } from '../runner/step-result.ts';
import { joinLines } from '../text/printable.ts';

const maxCellLength = 1000;

type Cell = string | number | undefined;

/** The columns, in order: for each its name and its value. docs/report.md describes them for users. */
const columns: readonly (readonly [name: string, value: (run: RunRecord, step: StepResult) => Cell])[] = [
  ['run_started_at', (run) => run.startedAt],
  ['run_state', (run) => run.state],
  ['mode', (run) => run.mode],
  ['instance', (run) => run.instance],
  ['namespace', (run) => run.namespace],
  ['region', (run) => run.region],
  ['account', (run) => run.account],
  ['interval_secs', (run) => run.intervalSecs],
  ['front_end', (run) => run.frontEnd],
  ['version', (run) => run.version],
  ['step', (_, step) => step.name],
  ['step_state', (_, step) => step.state],
  ['step_started_at', (_, step) => ('startedAt' in step ? step.startedAt : undefined)],
  ['duration_ms', (_, step) => ('durationMs' in step ? step.durationMs : undefined)],
  ['attempts', (_, step) => evidenceOf(step).attempts],
  ['retry_delay_ms', (_, step) => evidenceOf(step).retryDelayMs],
  ['propagation_ms', (_, step) => evidenceOf(step).propagationMs],
  ['connect_ms', (_, step) => evidenceOf(step).connectMs],
  ['last_attempt_ms', (_, step) => evidenceOf(step).lastAttemptMs],
  ['http_status', (_, step) => evidenceOf(step).httpStatus],
  ['request_id', (_, step) => evidenceOf(step).requestId],
  ['verdict', (_, step) => errorOf(step)?.verdict],
  ['side', (_, step) => sideOf(step)],
  ['code', (_, step) => errorOf(step)?.code],
  ['message', (_, step) => errorOf(step)?.message],
  ['reason', (_, step) => ('reason' in step ? step.reason : undefined)],
  ['resolution', (_, step) => evidenceOf(step).resolution],
];

/** The first line of a table of steps: the names of the columns. */
export const csvHeader = toLine(columns.map(([name]) => name));

/**
 * The lines of a run in a table of steps, in the CSV of RFC 4180: one for each step, with the line break.
 *
 * ```csv
 * run_started_at,run_state,mode,instance,…,step,step_state,step_started_at,duration_ms,…
 * 2026-11-22T10:00:00.000Z,failed,live,us-east-1,…,CreateUser,passed,2026-11-22T10:00:00.000Z,84.2,…
 * ```
 */
export function renderCsvRows(run: RunRecord): string {
  return run.steps.map((step) => toLine(columns.map(([, value]) => value(run, step)))).join('');
}

function toLine(cells: readonly Cell[]): string {
  return `${cells.map(toCell).join(',')}\r\n`;
}

function toCell(value: Cell): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = joinLines(value, maxCellLength).trim();
  // A spreadsheet would run it as a formula: https://owasp.org/www-community/attacks/CSV_Injection
  const safe = /^[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]/.test(text) ? `'${text}` : text;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function evidenceOf(step: StepResult): Evidence {
  return step.state === 'blocked' ? {} : step.evidence;
}

function errorOf(step: StepResult): StepError | undefined {
  return step.state === 'failed' ? step.error : undefined;
}

function sideOf(step: StepResult): Cell {
  const verdict = errorOf(step)?.verdict;
  return verdict === undefined ? undefined : verdicts[verdict];
}
