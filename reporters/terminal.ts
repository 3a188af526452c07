import { painter, wrapParts, wrapText } from '../text/terminal.ts';
import type { Leftover, MonitorRun, RunProblem } from '../runner/monitor-run.ts';
import type { ReportOutcome } from './run-reporter.ts';
import { type FailedStep, type StepResult, formatStepError, sideOf } from '../runner/step-result.ts';
import { formatDuration } from '../text/duration.ts';
import { describeAnswer, describeLuck, summariseRun, untoldProblems } from './run-text.ts';
import { plural, clip, oneLine, visibleText } from '../text/printable.ts';

/** How to write for a terminal. */
export interface TerminalOptions {
  /** `false` writes no escape code at all. */
  readonly color: boolean;
  /**
   * Width that everything is wrapped to, in characters.
   * @default 100
   */
  readonly columns?: number;
  /**
   * Room for a step's name: the longest one's length aligns the times.
   * @default 30
   */
  readonly nameWidth?: number;
}

const indent = '      ';
/** More of a message than this is for the reports on disk. */
const maxMessageLength = 2000;
const maxMessageLines = 12;
const maxStackLines = 4;
const maxPartLength = 1000;
/** Room for a time or the word `blocked`, with the space before it. */
const timeWidth = 8;

/**
 * One step: a line, and for a failed step a few indented ones that say why and what to do. No line break at the end.
 *
 * ```text
 *   ✓ CreateUser                84 ms
 *   ✗ CreateGroup              313 ms · 3 attempts · 180 ms between them
 *       service: CreateGroup failed: ServiceFailure (HTTP 500): The request processing has failed.
 *       What to do: AWS answered with an error of its own. Check the AWS Health Dashboard.
 *       their side · ServiceFailure · HTTP 500 · request 6b7f9f3e-0000-4000-8000-000000000002
 *   - AddUserToGroup          blocked · CreateGroup failed
 * ```
 */
export function renderStepLine(step: StepResult, options: TerminalOptions): string {
  const paint = painter(options);
  switch (step.state) {
    case 'passed':
      return stepLine(
        paint('green', '✓'),
        step.name,
        formatDuration(step.durationMs),
        describeLuck(step.evidence),
        options,
      );
    case 'failed':
      return [
        stepLine(paint('red', '✗'), step.name, formatDuration(step.durationMs), describeLuck(step.evidence), options),
        ...failureLines(step, options),
      ].join('\n');
    case 'blocked':
      return paint('dim', stepLine('-', step.name, 'blocked', [step.reason], options));
    case 'interrupted':
      return stepLine(paint('yellow', '!'), step.name, formatDuration(step.durationMs), [step.reason], options);
    default:
      return step satisfies never;
  }
}

/**
 * What is to be said after the steps: what went wrong outside of them, what is left behind and how to remove it, reports
 * that did not arrive, and one line that sums the run up. No line break at the end.
 *
 * ```text
 *   ! left behind: user testuser-prod-m3x-1 (DeleteUser: AccessDenied)
 *       remove it with: awsiam cleanup
 *   ! Metrist: 3 of 8 results not delivered: no answer within 10 s
 *
 *   awsiam live · 8 passed in 1.24 s · JUnit results/junit.xml
 * ```
 */
export function renderSummary(run: MonitorRun, outcomes: readonly ReportOutcome[], options: TerminalOptions): string {
  const paint = painter(options);
  const remarks = [
    ...untoldProblems(run).flatMap((problem) => problemLines(problem, options)),
    ...run.leftovers.flatMap((leftover) => leftoverLines(leftover, options)),
    ...run.warnings.flatMap((warning) => remark(paint('yellow', '!'), warning, options)),
    ...outcomes.filter(({ ok }) => !ok).flatMap(({ text }) => remark(paint('yellow', '!'), text, options)),
  ];
  const style = ({ passed: 'green', failed: 'red', interrupted: 'yellow' } as const)[run.state];
  const parts = [
    paint(style, summariseRun(run)),
    ...(run.swept ? [`${plural(run.swept, 'old test entity', 'old test entities')} removed`] : []),
    ...outcomes.filter(({ ok }) => ok).map(({ text }) => oneLine(text, maxPartLength)),
  ];
  const start = `  ${paint('bold', oneLine(run.monitor, maxPartLength))} ${run.mode}`;
  return [...remarks, '', inParts(start, parts, options)].join('\n');
}

function stepLine(
  sign: string,
  name: string,
  time: string,
  remarks: readonly string[],
  options: TerminalOptions,
): string {
  const { nameWidth = 30 } = options;
  const label = oneLine(name, 60);
  // A name that is too long eats into the room before its time first.
  const start = `  ${sign} ${label}${time.padStart(Math.max(nameWidth + timeWidth - label.length, time.length + 1))}`;
  const parts = remarks.map((each) => oneLine(each, maxPartLength));
  return inParts(start, parts, options);
}

function failureLines({ error, evidence }: FailedStep, options: TerminalOptions): string[] {
  const paint = painter(options);
  const side = sideOf(error.verdict) === 'theirs' ? 'their side' : 'our side';
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
    // Never broken: a person copies it.
    ...(command === undefined ? [] : [`${indent}remove it with: ${oneLine(command, maxPartLength)}`]),
  ];
}

/** A text with a sign before its first line and the others indented. */
function remark(sign: string, text: string, options: TerminalOptions): string[] {
  const [first = '', ...rest] = block(text, options);
  return [`  ${sign} ${first.trimStart()}`, ...rest];
}

/** Where a fault of our own happened: the frames of the stack, without the message that they repeat. */
function stackLines(stack: string | undefined, options: TerminalOptions): string[] {
  const frames = (stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '));
  return frames
    .slice(0, maxStackLines)
    .map((frame) => painter(options)('dim', `${indent}${oneLine(frame, maxPartLength)}`));
}

function inParts(start: string, parts: readonly string[], { columns = 100 }: TerminalOptions): string {
  return wrapParts(start, parts, { columns, indent });
}

/** `text` as indented, wrapped and printable lines. */
function block(text: string, { columns = 100 }: TerminalOptions): string[] {
  const width = Math.max(columns - indent.length, 20);
  return wrapText(visibleText(clip(text, maxMessageLength)), width, maxMessageLines).map((line) => `${indent}${line}`);
}
