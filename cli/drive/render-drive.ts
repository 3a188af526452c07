import { type DriveReport, type DrivenStep, isSuccessful } from '../../metrist/protocol/drive/drive-report.ts';
import type { LogLevel } from '../../metrist/protocol/messages.ts';
import type { Metadata } from '../../metrist/result-text.ts';
import { formatDuration } from '../../text/duration.ts';
import { plural, oneLine, visibleText } from '../../text/printable.ts';
import { painter, wrapParts, wrapText } from '../../text/terminal.ts';

export interface DriveStyle {
  /** `false` writes no escape codes. */
  readonly color: boolean;
  /** Width of the column for a step's name. */
  readonly nameWidth: number;
  /** Width at which everything is wrapped, except the monitor's own output. */
  readonly columns: number;
}

/** Width of the column for a time, or for a word such as `blocked` in its place. Includes the space before it. */
const timeWidth = 9;
const maxLineLength = 1000;
const indent = '      ';

/**
 * Renders one finished step. No line break at the end.
 *
 * ```text
 *   ✓ CreateUser           84 ms · attempts 1 · httpStatus 200
 *   ✗ CreateGroup         313 ms
 *       service: CreateGroup failed: ServiceFailure (HTTP 500): The request processing has failed.
 *       verdict service · code ServiceFailure
 *   - AddUserToGroup     blocked
 * ```
 */
export function renderDrivenStep(step: DrivenStep, style: DriveStyle): string {
  const paint = painter(style);
  const line = (sign: string, time: string, remarks: readonly string[] = []): string => {
    const name = oneLine(step.name, maxLineLength);
    return wrapParts(`  ${sign} ${name.padEnd(style.nameWidth)}${time.padStart(timeWidth)}`, remarks, {
      ...style,
      indent,
    });
  };
  switch (step.state) {
    case 'passed':
      return line(paint('green', '✓'), formatDuration(step.durationMs), describeMetadata(step.metadata));
    case 'failed': {
      const [first, ...more] = describeMetadata(step.metadata);
      const lines = [line(paint('red', '✗'), formatDuration(step.answeredAfterMs))];
      for (const text of wrapText(visibleText(step.text).trimEnd(), style.columns - indent.length)) {
        lines.push(paint('red', `${indent}${text}`));
      }
      if (first !== undefined) lines.push(paint('dim', wrapParts(`${indent}${first}`, more, { ...style, indent })));
      return lines.join('\n');
    }
    case 'lost':
      return line(paint('red', '✗'), 'lost', [`nothing is reported: ${oneLine(step.reason, maxLineLength)}`]);
    case 'blocked':
      return paint('dim', line('-', 'blocked'));
    case 'notRun':
      return paint('dim', line('-', 'not run'));
    default:
      return step satisfies never;
  }
}

/** `  ! the monitor sent …` */
export function renderDriveProblem(text: string, style: DriveStyle): string {
  const lines = wrapText(visibleText(text), style.columns - indent.length);
  return `  ${painter(style)('yellow', '!')} ${lines.join(`\n${indent}`)}`;
}

/** Output of the monitor, with its origin on each line: `stderr │ …`, `log info │ …`. */
export function renderMonitorText(origin: 'stderr' | LogLevel, text: string, style: DriveStyle): string {
  const from = origin === 'stderr' ? origin : `log ${origin.toLowerCase()}`;
  const prefix = painter(style)('dim', `${from} │`);
  return visibleText(text)
    .split('\n')
    .map((line) => `${prefix} ${line}`)
    .join('\n');
}

/** `  awsiam driven · 8 passed in 1.24 s · Started after 24 ms · exit code 0` */
export function renderDriveSummary(report: DriveReport, monitor: string, style: DriveStyle): string {
  const paint = painter(style);
  const { startedAfterMs, exit, problems } = report;
  const parts = [
    paint(report.interrupted ? 'yellow' : isSuccessful(report) ? 'green' : 'red', countSteps(report)),
    ...(problems.length === 0 ? [] : [plural(problems.length, 'problem')]),
    startedAfterMs === undefined ? 'never Started' : `Started after ${formatDuration(startedAfterMs)}`,
    exit.signal === null ? `exit code ${exit.code}` : `ended by ${exit.signal}`,
  ];
  return wrapParts(`  ${paint('bold', oneLine(monitor, maxLineLength))} driven`, parts, { ...style, indent });
}

const stateWords: Readonly<Record<DrivenStep['state'], string>> = {
  failed: 'failed',
  lost: 'lost',
  blocked: 'blocked',
  notRun: 'not run',
  passed: 'passed',
};

function countSteps({ steps, wallMs, interrupted }: DriveReport): string {
  const counts = Object.entries(stateWords).flatMap(([state, word]) => {
    const count = steps.filter((step) => step.state === state).length;
    return count === 0 ? [] : [`${count} ${word}`];
  });
  return `${interrupted ? 'interrupted: ' : ''}${counts.join(', ')} in ${formatDuration(wallMs)}`;
}

function describeMetadata(metadata: Metadata): string[] {
  return Object.entries(metadata).map(([key, value]) => oneLine(`${key} ${value}`, maxLineLength));
}
