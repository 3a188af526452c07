import { painter, wrapParts, wrapText } from '../../text/terminal.ts';
import type { DriveReport, DrivenStep } from '../../metrist/protocol/drive/drive-report.ts';
import type { LogLevel } from '../../metrist/protocol/messages.ts';
import type { Metadata } from '../../metrist/result-text.ts';
import { formatDuration } from '../../text/duration.ts';
import { plural, oneLine, visibleText } from '../../text/printable.ts';

export interface DriveStyle {
  /** `false` writes no escape code at all. */
  readonly color: boolean;
  /** Room for a step's name. */
  readonly nameWidth: number;
  /**
   * Width that everything is wrapped to, except what the monitor itself wrote.
   * @default 100
   */
  readonly columns?: number;
}

/** Room for a time or a word in its place, with the space before it. */
const timeWidth = 9;
const maxLineLength = 1000;
const indent = '      ';

/**
 * One step, as soon as it is over. No line break at the end.
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
  const { columns = 100 } = style;
  const line = (sign: string, time: string, remarks: readonly string[] = []): string => {
    const name = oneLine(step.name, maxLineLength);
    return inParts(`  ${sign} ${name.padEnd(style.nameWidth)}${time.padStart(timeWidth)}`, remarks, style);
  };
  switch (step.state) {
    case 'passed':
      return line(paint('green', '✓'), formatDuration(step.durationMs), describeMetadata(step.metadata));
    case 'failed': {
      const [metadata, ...more] = describeMetadata(step.metadata);
      return [
        line(paint('red', '✗'), formatDuration(step.answeredAfterMs)),
        ...wrapText(visibleText(step.text).trimEnd(), columns - indent.length).map((text) =>
          paint('red', `${indent}${text}`),
        ),
        ...(metadata === undefined ? [] : [paint('dim', inParts(`${indent}${metadata}`, more, style))]),
      ].join('\n');
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
export function renderDriveProblem(text: string, style: Omit<DriveStyle, 'nameWidth'>): string {
  const lines = wrapText(visibleText(text), (style.columns ?? 100) - indent.length);
  return `  ${painter(style)('yellow', '!')} ${lines.join(`\n${indent}`)}`;
}

/** What the monitor wrote or logged: `stderr │ …`, `log info │ …`, each line with its origin. */
export function renderMonitorText(origin: 'stderr' | LogLevel, text: string, style: Pick<DriveStyle, 'color'>): string {
  const from = origin === 'stderr' ? origin : `log ${origin.toLowerCase()}`;
  const prefix = painter(style)('dim', `${from} │`);
  return visibleText(text)
    .split('\n')
    .map((line) => `${prefix} ${line}`)
    .join('\n');
}

/** `  awsiam driven · 8 passed in 1.24 s · Started after 24 ms · exit code 0` */
export function renderDriveSummary(report: DriveReport, monitor: string, style: Omit<DriveStyle, 'nameWidth'>): string {
  const paint = painter(style);
  const { startedAfterMs, exit, problems } = report;
  const isGood = problems.length === 0 && report.steps.every(({ state }) => state === 'passed');
  const parts = [
    paint(report.interrupted ? 'yellow' : isGood ? 'green' : 'red', countSteps(report)),
    ...(problems.length === 0 ? [] : [plural(problems.length, 'problem')]),
    startedAfterMs === undefined ? 'never Started' : `Started after ${formatDuration(startedAfterMs)}`,
    exit.signal === null ? `exit code ${exit.code}` : `ended by ${exit.signal}`,
  ];
  return inParts(`  ${paint('bold', oneLine(monitor, maxLineLength))} driven`, parts, style);
}

const words = [
  ['failed', 'failed'],
  ['lost', 'lost'],
  ['blocked', 'blocked'],
  ['notRun', 'not run'],
  ['passed', 'passed'],
] as const satisfies readonly (readonly [DrivenStep['state'], string])[];

function countSteps({ steps, wallMs, interrupted }: DriveReport): string {
  const counts = words
    .map(([state, word]) => ({ word, count: steps.filter((step) => step.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ word, count }) => `${count} ${word}`);
  return `${interrupted ? 'interrupted: ' : ''}${counts.join(', ')} in ${formatDuration(wallMs)}`;
}

function describeMetadata(metadata: Metadata): string[] {
  return Object.entries(metadata).map(([key, value]) => oneLine(`${key} ${value}`, maxLineLength));
}

function inParts(start: string, parts: readonly string[], { columns = 100 }: Pick<DriveStyle, 'columns'>): string {
  return wrapParts(start, parts, { columns, indent });
}
