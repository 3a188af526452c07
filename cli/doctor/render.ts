import { plural } from '../../text/printable.ts';
import { painter, wrapText, type Style } from '../../text/terminal.ts';
import type { TerminalOptions } from '../../reporters/terminal.ts';
import type { CheckGroup } from './check-group.ts';
import type { Finding, GroupName } from './finding.ts';

/** A group with what it found. */
export interface CheckedGroup extends Pick<CheckGroup, 'name' | 'title'> {
  readonly findings: readonly Finding[];
}

export interface Examination {
  /** `awsiam 0.1.0 (commit ae58712)` */
  readonly build: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly isOffline: boolean;
  readonly groups: readonly CheckedGroup[];
  /** The groups that `--only` left out. */
  readonly leftOut: readonly GroupName[];
}

const marks = {
  ok: ['✓', 'green'],
  warning: ['!', 'yellow'],
  failure: ['✗', 'red'],
  skipped: ['-', 'dim'],
} as const satisfies Record<Finding['state'], readonly [string, Style]>;

export function renderTitle({ title, name }: Pick<CheckGroup, 'name' | 'title'>, terminal: TerminalOptions): string {
  const paint = painter(terminal);
  return `${paint('bold', title)}${title === name ? '' : paint('dim', ` (${name})`)}\n`;
}

/**
 * One finding, with its fix and its statement indented below it.
 *
 * ```text
 *   ✗ iam:CreateUser is not allowed
 *       Add this statement to the policy of the monitor's principal:
 *       { … }
 * ```
 */
export function renderFinding({ state, what, fix, command, statement }: Finding, terminal: TerminalOptions): string {
  const paint = painter(terminal);
  const [mark, style] = marks[state];
  const below = (text: string): string => indent(text, 6, terminal.columns);
  const [first = '', ...more] = wrapText(what, Math.max(terminal.columns - 4, 20));
  return [
    `  ${paint(style, mark)} ${state === 'skipped' ? paint('dim', first) : first}`,
    ...more.map((line) => `    ${state === 'skipped' ? paint('dim', line) : line}`),
    ...(fix === undefined ? [] : [below(fix)]),
    // These two are not wrapped, so that they can be copied.
    ...(command === undefined ? [] : [command.replaceAll(/^/gm, ' '.repeat(6))]),
    ...(statement === undefined ? [] : [JSON.stringify(statement, undefined, 2).replaceAll(/^/gm, ' '.repeat(6))]),
    '',
  ].join('\n');
}

function indent(text: string, spaces: number, columns: number): string {
  return wrapText(text, Math.max(columns - spaces, 20))
    .map((line) => `${' '.repeat(spaces)}${line}`)
    .join('\n');
}

/** `31 ok, 1 warning (host), 2 failures (network, policy), 4 skipped` */
export function renderSummary({ groups, leftOut }: Examination, { columns }: TerminalOptions): string {
  const { ok, warnings, failures, skipped } = countFindings(groups);
  // The findings themselves may have scrolled away.
  const where = (state: Finding['state']): string => {
    const names = groups
      .filter(({ findings }) => findings.some((each) => each.state === state))
      .map(({ name }) => name);
    return names.length === 0 ? '' : ` (${names.join(', ')})`;
  };
  const counts = [
    `${ok} ok`,
    `${plural(warnings, 'warning')}${where('warning')}`,
    `${plural(failures, 'failure')}${where('failure')}`,
    `${skipped} skipped`,
  ].join(', ');
  const rest = leftOut.length === 0 ? '' : `; groups left out: ${leftOut.join(', ')}`;
  return `${wrapText(`${counts}${rest}`, columns).join('\n')}\n`;
}

export function countFindings(groups: readonly CheckedGroup[]) {
  const states = groups.flatMap(({ findings }) => findings.map(({ state }) => state));
  const count = (state: Finding['state']): number => states.filter((each) => each === state).length;
  return { ok: count('ok'), warnings: count('warning'), failures: count('failure'), skipped: count('skipped') };
}

/** The document of `--json`. Its `version` grows with each change that can break a reader. */
export function examinationJson({ build, startedAt, isOffline, groups, leftOut }: Examination) {
  return { version: 1, build, startedAt, offline: isOffline, summary: countFindings(groups), groups, leftOut };
}
