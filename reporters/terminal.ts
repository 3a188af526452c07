import { painter, wrapParts, wrapText } from '../text/terminal.ts';
import type { Leftover, MonitorRun, RunProblem } from '../runner/monitor-run.ts';
import type { ReportOutcome } from './run-reporter.ts';
import { type FailedStep, type StepResult, formatStepError } from '../runner/step-result.ts';
import { formatDuration } from '../text/duration.ts';
import { formatSecond } from '../text/time.ts';
import { describeAnswer, describeRetries, describeSide, summariseRun, problemsOutsideSteps } from './run-text.ts';
import { oneLine, plural, visibleText } from '../text/printable.ts';
import { clip } from '../text/redact.ts';

/** How to write for a terminal. */
export interface TerminalOptions {
  /** `false` writes no escape code at all. */
  readonly color: boolean;
  /** The width to wrap to, in characters. */
  readonly columns: number;
}

const indent = '      ';
/** The reports on disk show longer messages. */
const maxMessageLength = 2000;
const maxMessageLines = 12;
const maxStackLines = 4;
const maxPartLength = 1000;
/** Width of the column for a step's name: the longest name and a space. */
const nameWidth = 20;
/** Width of the column for a time or the word `blocked`, with a space before it. */
const timeWidth = 8;

/**
 * Renders one line for a step. For a failed step, indented lines follow that say why it failed and what to do. No final line
 * break.
 *
 * ```text
 *   ✓ CreateUser                84 ms
 *   ✗ CreateGroup              313 ms · 3 attempts · 180 ms between them
 *       service: CreateGroup failed: ServiceFailure (HTTP 500): The request processing has failed.
 *       What to do: AWS answered with an error of its own. Check the AWS Health Dashboard.
 *       IAM's side · ServiceFailure · HTTP 500 · request 6b7f9f3e-0000-4000-8000-000000000002
 *   - AddUserToGroup          blocked · CreateGroup failed
 * ```
 */
export function renderStepLine(step: StepResult, options: TerminalOptions): string {
  const paint = painter(options);
  const line = (sign: string, time: string, remarks: readonly string[]): string =>
    stepLine(sign, step.name, time, remarks, options);
  if (step.state === 'blocked') return paint('dim', line('-', 'blocked', [step.reason]));
  const time = formatDuration(step.durationMs);
  switch (step.state) {
    case 'passed':
      return line(paint('green', '✓'), time, describeRetries(step.evidence));
    case 'failed': {
      const first = line(paint('red', '✗'), time, describeRetries(step.evidence));
      return [first, ...failureLines(step, options)].join('\n');
    }
    case 'interrupted':
      return line(paint('yellow', '!'), time, [step.reason]);
    default:
      return step satisfies never;
  }
}

/**
 * Renders the end of the output: problems outside of the steps, what is left behind and how to remove it, reports that
 * failed, and one line that sums up the run: what was sent where, and what to open. No final line break.
 *
 * ```text
 *   ! left behind: user testuser-prod-m3x-1 (DeleteUser: AccessDenied)
 *       remove it with: awsiam cleanup
 *   ! Metrist: 3 of 8 results not delivered: no answer within 10 s
 *
 *   awsiam live · 8 passed in 1.24 s · 8 results to Metrist (us-east-1) · report results/report.html
 * ```
 */
export function renderSummary(run: MonitorRun, outcomes: readonly ReportOutcome[], options: TerminalOptions): string {
  const start = `  ${painter(options)('bold', oneLine(run.monitor, maxPartLength))} ${run.mode}`;
  return [...remarksOf(run, outcomes, options), '', inParts(start, summaryParts(run, outcomes, options), options)].join(
    '\n',
  );
}

/**
 * Renders a run of a watch: one line if it passed and there is nothing to remark, else also its steps. No final line break.
 *
 * ```text
 * 2026-11-27 04:12:00Z ✓ 8 passed in 1.24 s · 8 results to Metrist (us-east-1)
 * 2026-11-27 04:14:00Z ✗ 1 failed, 6 blocked, 1 passed in 2.02 s · 2 results to Metrist (us-east-1)
 *   ✓ CreateUser                84 ms
 *   ✗ CreateGroup              313 ms · 3 attempts · 180 ms between them
 *   …
 * ```
 */
export function renderBeat(run: MonitorRun, outcomes: readonly ReportOutcome[], options: TerminalOptions): string {
  const paint = painter(options);
  const sign = { passed: paint('green', '✓'), failed: paint('red', '✗'), interrupted: paint('yellow', '!') }[run.state];
  const skipped = run.skippedBeats ? [`${plural(run.skippedBeats, 'beat')} skipped before it`] : [];
  const [outcome = '', ...others] = summaryParts(run, outcomes, options);
  const line = inParts(
    `${formatSecond(Date.parse(run.startedAt))}Z ${sign} ${outcome}`,
    [...skipped, ...others],
    options,
  );
  const steps = run.state === 'passed' ? [] : run.steps.map((step) => renderStepLine(step, options));
  return [line, ...steps, ...remarksOf(run, outcomes, options)].join('\n');
}

function remarksOf(run: MonitorRun, outcomes: readonly ReportOutcome[], options: TerminalOptions): string[] {
  const paint = painter(options);
  return [
    ...problemsOutsideSteps(run).flatMap((problem) => problemLines(problem, options)),
    ...run.leftovers.flatMap((leftover) => leftoverLines(leftover, options)),
    ...run.warnings.flatMap((warning) => remark(paint('yellow', '!'), warning, options)),
    ...outcomes.filter(({ ok }) => !ok).flatMap(({ text }) => remark(paint('yellow', '!'), text, options)),
  ];
}

/** The run in one clause, and what was done about it. */
function summaryParts(run: MonitorRun, outcomes: readonly ReportOutcome[], options: TerminalOptions): string[] {
  const style = ({ passed: 'green', failed: 'red', interrupted: 'yellow' } as const)[run.state];
  return [
    painter(options)(style, summariseRun(run)),
    ...(run.swept ? [`${plural(run.swept, 'old test entity', 'old test entities')} removed`] : []),
    ...outcomes.filter(({ ok, isRoutine = false }) => ok && !isRoutine).map(({ text }) => oneLine(text, maxPartLength)),
  ];
}

function stepLine(
  sign: string,
  name: string,
  time: string,
  remarks: readonly string[],
  options: TerminalOptions,
): string {
  const label = oneLine(name, 60);
  // A name that is too long first uses up the room before the time.
  const start = `  ${sign} ${label}${time.padStart(Math.max(nameWidth + timeWidth - label.length, time.length + 1))}`;
  const parts = remarks.map((each) => oneLine(each, maxPartLength));
  return inParts(start, parts, options);
}

function failureLines({ error, evidence }: FailedStep, options: TerminalOptions): string[] {
  const paint = painter(options);
  const side = describeSide(error.verdict);
  const facts = [error.code, ...describeAnswer(evidence)].map((fact) => oneLine(fact, maxPartLength));
  return [
    ...block(formatStepError(error), options).map((line) => paint('red', line)),
    ...block(`What to do: ${error.advice}`, options),
    paint('dim', inParts(`${indent}${side}`, facts, options)),
    ...(error.verdict === 'monitor' ? stackLines(error.stack, options) : []),
  ];
}

function problemLines(problem: RunProblem, options: TerminalOptions): string[] {
  const sign = painter(options)('red', '✗');
  return [...remark(sign, `${problem.kind}: ${problem.message}`, options), ...stackLines(problem.stack, options)];
}

function leftoverLines({ entity, reason, command }: Leftover, options: TerminalOptions): string[] {
  return [
    ...remark(painter(options)('yellow', '!'), `left behind: ${entity} (${reason})`, options),
    // Never wrapped, so that it can be copied.
    ...(command === undefined ? [] : [`${indent}remove it with: ${oneLine(command, maxPartLength)}`]),
  ];
}

/** The first line gets the sign, the others are indented. */
function remark(sign: string, text: string, options: TerminalOptions): string[] {
  const [first = '', ...rest] = block(text, options);
  return [`  ${sign} ${first.trimStart()}`, ...rest];
}

/** The frames of the stack, without the message that stands before them. */
function stackLines(stack: string | undefined, options: TerminalOptions): string[] {
  const frames = (stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '));
  return frames
    .slice(0, maxStackLines)
    .map((frame) => painter(options)('dim', `${indent}${oneLine(frame, maxPartLength)}`));
}

function inParts(start: string, parts: readonly string[], { columns }: TerminalOptions): string {
  return wrapParts(start, parts, { columns, indent });
}

/** `text` as indented, wrapped and printable lines. */
function block(text: string, { columns }: TerminalOptions): string[] {
  const width = Math.max(columns - indent.length, 20);
  const lines = wrapText(visibleText(clip(text, maxMessageLength)), width);
  const shown = lines.slice(0, maxMessageLines);
  if (shown.length < lines.length) shown.push('… the rest is in the JUnit report');
  return shown.map((line) => `${indent}${line}`);
}
